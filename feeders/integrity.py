"""What must hold for clips and features before they are used: their names, labels, numbers, checksums and sizes."""

import zlib
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import repeat
from pathlib import Path

import numpy as np

from torchlight.errors import InputError, counted, first_few
from torchlight.names import unsafe

LARGEST_LABEL = 65535
LARGEST_NUMBER = 1e6  # positions are metres, millimetres or pixels, features a few thousand at most
UNBOUND = f'NaN or Inf, or numbers beyond ±{LARGEST_NUMBER:,.0f}'

# Compressed data may take this much memory, or this many times its size in the file: padded clips take about ten times.
SMALL, FACTOR = 1 << 28, 100


def in_range(array: np.ndarray) -> bool:
    """Return whether all numbers are finite and no larger than LARGEST_NUMBER."""
    if not array.size or float(np.vdot(array, array)) <= LARGEST_NUMBER**2:  # the usual case, quickly
        return True
    return float(array.min()) >= -LARGEST_NUMBER and float(array.max()) <= LARGEST_NUMBER


def faults(what: str, arrays: Iterable[np.ndarray], name: Sequence[str], crc32: np.ndarray | None) -> list[str]:
    """Return a line for each kind of fault that the numbers of some clips have.

    Parameters
    ----------
    what : str. 'clip' or 'feature', for the lines.
    arrays : N arrays in C order.
    name : N str. The clips' names.
    crc32 : (N,) uint32. What zlib.crc32 of each array was when it was written; None if that is not known.
    """
    changed, unbound = [], []
    for array, clip, expected in zip(arrays, name, repeat(None) if crc32 is None else crc32.tolist()):
        if expected is not None and zlib.crc32(array) != expected:
            changed.append(clip)
        elif not in_range(array):
            unbound.append(clip)
    return lines(
        (f'{what} has changed since it was written', f'{what}s have changed since they were written', changed),
        (f'{what} contains {UNBOUND}', f'{what}s contain {UNBOUND}', unbound),
    )


def name_problems(name: Sequence[str]) -> list[str]:
    """Return a line for each kind of problem that the names of clips have."""
    if wrong := unsafe(name):
        shown, problem = [repr(text[:40]) for text in wrong], '/, \\ or a control character'
        one, several = (
            f'name is empty, . or .., or contains {problem}',
            f'names are empty, . or .., or contain {problem}',
        )
        return lines((one, several, shown))
    repeated = [text for text, count in Counter(name).items() if count > 1] if len(set(name)) < len(name) else []
    return lines(('name occurs more than once', 'names occur more than once', repeated))


def class_problems(classes: Sequence[str]) -> list[str]:
    """Return a line for each kind of problem that the names of classes have."""
    unshown = [repr(name[:40]) for name in classes if not name or not name.isprintable()]
    repeated = [name for name, count in Counter(classes).items() if count > 1]
    problem = 'no name, or one with a control character'
    return lines(
        (f'class has {problem}', f'classes have {problem}', unshown),
        ('name of a class occurs more than once', 'names of classes occur more than once', repeated),
    )


def clip_problems(
    name: Sequence[str], label: np.ndarray, person: np.ndarray, persons: int, classes: Sequence[str] = ()
) -> list[str]:
    """Return a line for each kind of problem that clips have, besides their frames.

    Parameters
    ----------
    name : N str.
    label, person : (N,) int. Classes, and how many persons are present.
    persons : int. How many there may be.
    classes : str, one per label. The names of the classes, () if they are not known (default).
    """
    problems = name_problems(name) + class_problems(classes)
    last = len(classes) - 1 if len(classes) else LARGEST_LABEL
    for what, values, low, high in (('a label', label, -1, last), ('a number of persons', person, 0, persons)):
        wrong = np.flatnonzero((values < low) | (values > high))
        shown = [f'{name[i]} ({values[i]})' for i in wrong]
        problem = f'{what} outside {low} to {high}'
        problems += lines((f'clip has {problem}', f'clips have {problem}', shown))
    return problems


def lines(*found: tuple[str, str, Sequence[str]]) -> list[str]:
    """Return '2 clips contain …: a, b' for each ('clip contains …', 'clips contain …', ['a', 'b']) with any names."""
    return [f'{counted(len(names), one, several)}: {first_few(names)}' for one, several, names in found if names]


def refuse(path: str | Path, problems: Sequence[str]) -> None:
    """Raise InputError with the first of the problems that a file has, if there is any."""
    if problems:
        raise InputError(f'{path} cannot be used: {problems[0]}')


def require_stored(path: str | Path, what: str, claimed: int, stored: int, compressed: bool) -> None:
    """Raise InputError if an array claims more than the file can contain, before memory is taken for it.

    Parameters
    ----------
    path : path. The file.
    what : str. The array's name in it.
    claimed, stored : int. Bytes of the array, and those that it takes in the file.
    compressed : bool. It may be larger than what is stored of it.
    """
    stored = min(stored, Path(path).stat().st_size)
    if claimed > (max(SMALL, FACTOR * stored) if compressed else stored):
        raise InputError(f'{path} is damaged: {what!r} claims {claimed:,} bytes, but {stored:,} are stored')
