"""The progress of a run: a bar for each pass over the clips, with what a person wants to know while it goes on.

A bar is shown only on a terminal; it goes to stderr, so that what is printed can be read by programs.
"""

import time
from collections.abc import Iterable, Iterator, Mapping

from tqdm import tqdm

EVERY = 0.5  # seconds between two looks at the values of a bar


def duration(seconds: float) -> str:
    """Write a time for people: `9.5 s`, `4 min 32 s` or `12 h 5 min`."""
    if round(seconds, 1) < 60:
        return f'{seconds:.1f} s'
    minutes, rest = divmod(round(seconds), 60)
    return f'{minutes} min {rest} s' if minutes < 60 else f'{minutes // 60} h {minutes % 60} min'


class Clock:
    """The time of a run, and how much of it is left at the pace so far.

    Attributes
    ----------
    began : float. The moment it began or went on, as time.monotonic() counts.
    """

    def __init__(self) -> None:
        self.began, self.before, self.all = time.monotonic(), 0.0, 1.0

    def start(self, before: float, epochs: int) -> None:
        """Begin to count a run of so many epochs, some of which are done before; an epoch may be done in part."""
        self.began, self.before, self.all = time.monotonic(), before, epochs

    @property
    def seconds(self) -> float:
        """Seconds since the start."""
        return time.monotonic() - self.began

    def left(self, done: float) -> str:
        """Return the time for the rest, for people, when so many epochs are done (more than before the start)."""
        return duration(self.seconds * (self.all - done) / (done - self.before))


class Progress:
    """Iterate with a bar, and measure how long the loop waits for items.

    Parameters
    ----------
    iterable : what to iterate over, such as a DataLoader.
    label : str. Shown before the bar.
    quiet : bool. Show no bar (default False).
    """

    def __init__(self, iterable: Iterable, label: str, quiet: bool = False) -> None:
        disable = True if quiet else None  # None: disabled if stderr is not a terminal
        form = '{desc} {bar} {n_fmt}/{total_fmt}{postfix}'
        self.bar = tqdm(iterable, label, disable=disable, dynamic_ncols=True, leave=False, bar_format=form)
        self.seconds = self.waited = 0.0
        self.began = self.shown = time.perf_counter()

    def __iter__(self) -> Iterator:
        self.began = ready = time.perf_counter()
        for item in self.bar:
            self.waited += time.perf_counter() - ready
            yield item
            ready = time.perf_counter()
        self.seconds = time.perf_counter() - self.began

    def due(self) -> bool:
        """Return whether the bar is to be seen and its values are older than half a second."""
        return not self.bar.disable and time.perf_counter() - self.shown >= EVERY

    def show(self, values: Mapping[str, float], samples: int, left: str) -> None:
        """Put beside the bar what a person wants to know.

        Parameters
        ----------
        values : {'loss', 'top1', …}. Means so far.
        samples : int. How many have passed since the start of the bar.
        left : str. The time that is left for the whole run.
        """
        self.shown = time.perf_counter()
        rate = samples / (self.shown - self.began)
        text = f'loss {values["loss"]:.3f}, top-1 {100 * values["top1"]:.1f} %, {rate:.0f} clips/s, {left} left'
        self.bar.set_postfix_str(text, refresh=False)

    def timing(self, samples: int) -> str:
        """Return the time, the rate of that many samples, and the shares of waiting for data and of the network."""
        data = self.waited / self.seconds
        rate = samples / self.seconds
        return f'{self.seconds:.1f} s, {rate:.1f} clips/s; [Data] {data:.0%}, [Network] {1 - data:.0%}'
