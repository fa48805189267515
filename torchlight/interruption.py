"""SIGTERM and Ctrl-C: raised where they arrive, or noted until the work has come to a place where it can stop.

A training run asks for the latter, so that it can finish its step and write a checkpoint first.
"""

import contextlib
import os
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from types import FrameType

ECHO = 5  # seconds

_received: list[int] = []  # the signals since the command began
_first_at: list[float] = []  # when the first of them was noted


class Terminated(BaseException):
    """SIGTERM arrived; temporary files are removed while it passes through."""


@contextlib.contextmanager
def handled() -> Iterator[Sequence[int]]:
    """Raise Terminated on SIGTERM; yield the list of the signals that arrive.

    Under torchrun the default stays: a process that waits for a peer which is gone could not react otherwise.
    """
    _received.clear()
    with _handlers([] if _supervised() else [signal.SIGTERM], _raise):
        yield _received


@contextlib.contextmanager
def deferred() -> Iterator[None]:
    """Note the first signal that arrives inside, for `pending`; raise a second one, and at the end the first.

    torchrun sends its processes each signal that it gets, so that those of a whole group arrive twice: under torchrun a
    second one within ECHO seconds does not count. It kills what has not ended half a minute after a SIGTERM: a process
    that evaluates, or one that waits on a GPU for a peer which is gone.
    """
    with _handlers([signal.SIGTERM, signal.SIGINT], _note):
        yield
    if pending():
        stop()


def leave_group(*_: object) -> None:
    """Leave the process group of the parent, so that a signal to the group, such as Ctrl-C, is for the parent alone.

    The parent can then finish what it is doing, and ends this process itself.
    """
    os.setsid()


def pending() -> bool:
    """Return whether a signal asked this process to stop."""
    return bool(_received)


def stop() -> None:
    """Raise KeyboardInterrupt after Ctrl-C, and Terminated after SIGTERM or if only another process got a signal."""
    raise KeyboardInterrupt if _received[:1] == [signal.SIGINT] else Terminated


def _raise(number: int, frame: FrameType | None) -> None:
    _received.append(number)
    stop()


def _note(number: int, frame: FrameType | None) -> None:
    now = time.monotonic()
    if not _received:
        _received.append(number)
        _first_at[:] = [now]
    elif not _supervised() or now - _first_at[0] > ECHO:
        stop()


@contextlib.contextmanager
def _handlers(numbers: Sequence[int], handler: Callable[[int, FrameType | None], None]) -> Iterator[None]:
    """Handle those signals, except ignored ones (Ctrl-C for a job in the background)."""
    previous = {}
    try:
        for number in numbers:
            if signal.getsignal(number) != signal.SIG_IGN:
                previous[number] = signal.signal(number, handler)
    except ValueError:  # only the main thread may handle signals
        pass
    try:
        yield
    finally:
        for number, former in previous.items():
            signal.signal(number, former)


def _supervised() -> bool:
    return 'TORCHELASTIC_RUN_ID' in os.environ
