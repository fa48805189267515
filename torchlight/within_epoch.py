"""Checkpoints inside an epoch: when a signal asks the run to stop, and every so many minutes."""

import time
from collections.abc import Callable, Mapping
from typing import Any

from torchlight import distributed, interruption
from torchlight.errors import InputError
from torchlight.logging import TrainingValues
from torchlight.seed import random_state, set_random_state


class WithinEpoch:
    """How far an epoch is, and whether that should be written. Every process of a run has one, and calls it alike.

    Parameters
    ----------
    minutes : float. Time between two checkpoints; 0 writes none but when the run is asked to stop.
    save : function. Writes the checkpoint of the run, with `state` in it; gets a sentence that says how far it is.

    Attributes
    ----------
    state : dict or None. How many steps are done, of which order of clips, and for each process its sums of values and
        random numbers; None between two epochs.
    """

    def __init__(self, minutes: float, save: Callable[[str], None]) -> None:
        self.minutes, self.save, self.saved_at = minutes, save, time.monotonic()
        self.state: Mapping[str, Any] | None = None
        self.order: Mapping[str, int] = {}

    @property
    def done(self) -> int:
        """Steps that are done already as the epoch begins."""
        return self.state['step'] if self.state else 0

    def begin(self, values: TrainingValues, **order: int) -> None:
        """Go on from the state: restore the sums and the random numbers.

        Parameters
        ----------
        values : TrainingValues. Of the epoch.
        order : what the order of the clips follows from, such as the seed and the size of a batch.

        Raises
        ------
        InputError
            If the epoch that was interrupted had another order.
        """
        self.order = {**order, 'processes': distributed.world_size()}
        if self.state is None:
            return
        before = self.state['order']
        if before != self.order:
            pairs = [(key, before.get(key), self.order.get(key)) for key in before | self.order]
            other = ', '.join(f'{key} {then} → {now}' for key, then, now in pairs if then != now)
            raise InputError(
                f'the checkpoint is inside an epoch, which can go on only in the same order of clips, but now: {other}'
            )
        share = self.state['shares'][distributed.rank()]
        values.means.restore(share['means'])
        set_random_state(share['random'])

    def after_step(self, step: int, steps: int, values: TrainingValues) -> None:
        """Write a checkpoint if it is due or the run is asked to stop, and then stop."""
        due = self.minutes > 0 and time.monotonic() - self.saved_at >= 60 * self.minutes
        stop, due = distributed.any_of(interruption.pending(), due)
        if stop or due or step == steps:
            if values.pending:
                values.read()
            shares = distributed.gather({'means': values.means.state(), 'random': random_state()})
            self.state = {'step': step, 'steps': steps, 'order': self.order, 'shares': shares}
        if stop or due or (step == steps and distributed.world_size() > 1):  # which stop only after a step
            self.write()
        if stop:
            interruption.stop()

    def stop_if_asked(self) -> None:
        """Between the steps of an epoch and its end: if the run is asked to stop, write a checkpoint and stop.

        Several processes do not stop there, because they would have to agree on the place.
        """
        if self.state and distributed.world_size() == 1 and interruption.pending():
            self.write()
            interruption.stop()

    def write(self) -> None:
        """Write a checkpoint."""
        self.save(f'after step {self.state["step"]} of {self.state["steps"]}')
        self.saved_at = time.monotonic()
