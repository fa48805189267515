"""Clips on their way from recordings to stores: finding and reading them in parallel, and what is left out.

Legend: T frames of one clip, M persons, V joints, C coordinates.
"""

import os
import signal
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import numpy as np

from feeders.integrity import UNBOUND, in_range
from torchlight.errors import InputError, counted

CHUNK = 16  # clips that a process reads at a time
WORTH_CHUNKS = 4  # a list of fewer chunks is read before processes would have started

Source = TypeVar('Source')
Result = TypeVar('Result')


class Clip(NamedTuple):
    """One clip that was read.

    Attributes
    ----------
    name : str. Its name.
    frames : (T, up to M persons, V, C), or (T, V, C) for one person; numbers of any type.
    label : int or None. Its class; None if it follows from the name.
    split : str. 'train', 'test' or '' if a rule decides (default).
    """

    name: str
    frames: np.ndarray
    label: int | None = None
    split: str = ''


class LeftOut(NamedTuple):
    """A clip that could not be used: where it is, why, and if the user asked to leave it out."""

    source: str
    reason: str
    asked: bool = False


class ClipError(Exception):
    """Why one clip cannot be used; `line` is the 1-based line of its file, or None."""

    def __init__(self, reason: str, line: int | None = None) -> None:
        super().__init__(reason, line)
        self.reason, self.line = reason, line

    def __str__(self) -> str:
        return self.reason if self.line is None else f'line {self.line}: {self.reason}'


class EmptyClipError(ClipError):
    """Nobody is in a clip."""


def find_files(folders: Iterable[str | Path], pattern: str, flag: str = '--raw') -> list[Path]:
    """Find the files of a pattern at any depth.

    Parameters
    ----------
    folders : paths.
    pattern : str. The form of the files' names, such as '*.npy'.
    flag : str. The flag that names the folders, for the error messages (default '--raw').

    Returns
    -------
    list of Path. Folder by folder, sorted within each.

    Raises
    ------
    InputError
        If a folder is missing, or if there is no such file.
    """
    folders = list(map(Path, folders))
    for folder in folders:
        if not folder.is_dir():
            raise InputError(f'{folder} is not a folder; {flag} takes the folders that contain {pattern}')
    files = [file for folder in folders for file in sorted(folder.rglob(pattern))]
    if not files:
        raise InputError(f'no {pattern} in {", ".join(map(str, folders))}; {flag} takes the folders that contain them')
    return files


def checked_frames(frames: np.ndarray, layout: tuple[int, int, int]) -> np.ndarray:
    """Return frames as a store takes them.

    Parameters
    ----------
    frames : (T, up to M persons, V, C), or (T, V, C) for one person; numbers of any type.
    layout : (M, V, C) of the store.

    Returns
    -------
    (T, persons, V, C) float32.

    Raises
    ------
    ClipError
        If there are no frames, the layout is another one, or a number is NaN, Inf or larger than a feeder accepts.
    """
    found, (persons, joints, coordinates) = np.asanyarray(frames), layout
    frames = found[:, None] if found.ndim == 3 else found
    if frames.ndim != 4 or frames.shape[2:] != (joints, coordinates) or frames.dtype.kind not in 'fiu':
        raise ClipError(
            f'has frames of shape {found.shape}, type {found.dtype}; expected numbers of shape (T, {joints}, '
            f'{coordinates}) or (T, persons, {joints}, {coordinates})'
        )
    if not len(frames):
        raise ClipError('has no frames')
    if not frames.shape[1]:
        raise EmptyClipError('nobody is in it')
    if frames.shape[1] > persons:
        raise ClipError(f'has {counted(frames.shape[1], "person")}; expected no more than {persons}')
    with np.errstate(over='ignore', invalid='ignore'):  # what is too large for float32 becomes Inf
        frames = frames.astype(np.float32, copy=False)
    if not in_range(frames):
        raise ClipError(f'contains {UNBOUND}')
    return frames


def attempt(read: Callable[[Source], Result], source: Source) -> Result | str:
    """Return what `read` makes of `source`, or the reason (str) why it cannot be read."""
    try:
        return read(source)
    except (ClipError, InputError) as error:
        return str(error)


def ordered_map(
    function: Callable[[Source], Result], items: Sequence[Source], processes: int | None = None, chunk: int = CHUNK
) -> Iterator[Result]:
    """Yield function(item) for each of a list, in order; memory stays flat in the number of items.

    Parameters
    ----------
    function : picklable function of one item.
    items : sequence.
    processes : int or None. How many compute; None for one per core, 0 for none besides this one.
    chunk : int. Items that go to a process together: many if each is quick, 1 if each takes long (default 16).

    Raises
    ------
    InputError
        If the system ends one of the processes.
    """
    if processes is None:
        cores = len(os.sched_getaffinity(0)) if hasattr(os, 'sched_getaffinity') else os.cpu_count() or 1
        processes = cores if len(items) >= WORTH_CHUNKS * chunk else 0
    if processes < 2:
        yield from map(function, items)
        return
    chunks = (items[first : first + chunk] for first in range(0, len(items), chunk))
    with ProcessPoolExecutor(processes, initializer=_leave_signals_to_parent) as pool:
        waiting: deque = deque()
        try:
            for part in chunks:
                waiting.append(pool.submit(_map_chunk, function, part))
                if len(waiting) > 2 * processes:
                    yield from waiting.popleft().result()
            while waiting:
                yield from waiting.popleft().result()
        except BrokenProcessPool as error:
            raise InputError(
                'the system ended a reading process, perhaps because memory ran out; try a smaller --num-worker'
            ) from error
        finally:
            for future in waiting:
                future.cancel()


def _leave_signals_to_parent() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)


def _map_chunk(function: Callable[[Any], Any], chunk: Sequence[Any]) -> list:
    return list(map(function, chunk))
