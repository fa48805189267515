"""Checkpoints inside an epoch: when a signal asks the run to stop, and every so many minutes."""

import time
from collections.abc import Callable, Mapping
from typing import Any

from torchlight import distributed, interruption
from torchlight.errors import InputError
from torchlight.logging import TrainingValues
from torchlight.seed import random_state, set_random_state


class WithinEpoch:
    """How far an epoch is, and whether that should be written.

    Parameters
    ----------
    minutes : float. Time between two checkpoints; 0 writes none but when the run is asked to stop.
    save : function. Writes the checkpoint of the run, with `state` in it; gets a sentence that says how far it is.

    Attributes
    ----------
    state : dict or None. The steps that are done, of how many, the sums of their values, and the random numbers; None
        between two epochs.
    """

    def __init__(self, minutes: float, save: Callable[[str], None]) -> None:
        self.minutes, self.save, self.saved_at = minutes, save, time.monotonic()
        self.state: Mapping[str, Any] | None = None

    @property
    def done(self) -> int:
        """Steps that are done already as the epoch begins."""
        return self.state['step'] if self.state else 0

    def begin(self, steps: int, values: TrainingValues) -> None:
        """Go on from the state: restore the random numbers and the sums.

        Raises
        ------
        InputError
            If the epoch has another number of steps than the one that was interrupted.
        """
        if self.state is None:
            return
        if self.state['steps'] != steps:
            raise InputError(
                f'the checkpoint is inside an epoch of {self.state["steps"]} steps, but with these settings an epoch '
                f'has {steps}; resume with the same --batch-size and the same training clips'
            )
        values.means.restore(self.state['means'])
        set_random_state(self.state['random'])

    def after_step(self, step: int, steps: int, values: TrainingValues) -> None:
        """Write a checkpoint if it is due or the run is asked to stop, and then stop; all processes must call this."""
        stop = distributed.any_of(interruption.pending())
        due = self.minutes > 0 and time.monotonic() - self.saved_at >= 60 * self.minutes
        if stop or due or step == steps:
            if values.pending:
                values.read()
            means = values.means.state()
            self.state = {'step': step, 'steps': steps, 'means': means, 'random': random_state()}
        if stop or due:
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
