"""NTU RGB+D `.skeleton` files: frames of bodies of 25 joints, as lines of text.

Format: line 1 the number of frames; per frame a line with its number of bodies; per body an info line
(token 0 is the body's id), a line with the number of joints and one line per joint: x y z in metres,
the position in the depth and in the colour image (tokens 5 and 6), an orientation, a tracking state.

Legend: T frames that show a body, n observations of one body, V = 25 joints, C columns of a joint line that are read.
"""

from collections.abc import Sequence
from itertools import chain
from pathlib import Path
from typing import NamedTuple

import numpy as np

from feeders.recordings.clips import ClipError
from torchlight.errors import counted

JOINTS = 25
POSITION = (0, 1, 2)  # x, y, z: metres from the camera, y up
COLOUR = (5, 6)  # pixels in the 1920×1080 image; may lie outside it, or be NaN or Inf where unknown
FLOAT32_MAX = float(np.finfo(np.float32).max)
MAX_CHARACTERS = 32  # of a number; those of recordings are far shorter
MAX_DIGITS = 15  # of a number that is converted in bulk
POWERS = 10.0 ** np.arange(MAX_DIGITS + 1)


class Body(NamedTuple):
    """All observations of one body id.

    Attributes
    ----------
    id : str. Its text, because some ids are equal as floating-point numbers.
    frame : (n,) int64. The recorded frame of each observation.
    start : int. The first observation's index among the T frames.
    joints : (n, V, C) float32.
    """

    id: str
    frame: np.ndarray
    start: int
    joints: np.ndarray


class Recording(NamedTuple):
    """A parsed file: T, the number of frames that show a body, and the bodies in order of first appearance."""

    length: int
    bodies: list[Body]


# Observations by body id: (index of its first joint line, recorded frame, index among the frames that show a body).
Observations = dict[bytes, list[tuple[int, int, int]]]


def read_skeleton(path: str | Path, columns: Sequence[int] = POSITION) -> Recording:
    """Parse the file at `path`; raise ClipError if that is not possible."""
    if Path(path).exists() and not Path(path).is_file():  # a device has no end
        raise ClipError('cannot be read: it is not a file')
    try:
        with open(path, 'rb') as file:
            text = file.read()
    except OSError as error:
        raise ClipError(f'cannot be read: {error.strerror}') from error
    return parse_skeleton(text, columns)


def parse_skeleton(text: bytes, columns: Sequence[int] = POSITION) -> Recording:
    """Parse the content of a `.skeleton` file.

    A first pass over the frames only finds where the joint lines of each body begin; all their numbers are then
    converted together. Only a file with unusual spacing, or with an error, is read line by line.

    Parameters
    ----------
    text : bytes.
    columns : C ints. The tokens of a joint line to keep (default: x, y, z).

    Raises
    ------
    ClipError
        For bytes of any other form. Nothing else is raised.
    """
    lines = text.splitlines()
    length, seen = _find_bodies(lines)
    first_lines = [line for observations in seen.values() for line, _, _ in observations]
    values = _joint_values(lines, first_lines, columns)  # (all observations, V, C)
    bodies, row = [], 0
    for identity, observations in seen.items():
        frame = np.array([frame for _, frame, _ in observations])
        joints = values[row : row + len(frame)]
        bodies.append(Body(identity.decode('ascii', 'backslashreplace'), frame, observations[0][2], joints))
        row += len(frame)
    return Recording(length, bodies)


def parse_decimals(text: bytes, start: np.ndarray, end: np.ndarray) -> np.ndarray:
    """Convert many decimal numbers of one text together, exactly as Python's `float` reads each of them.

    A number of at most 15 digits is an integer below 2⁵³ divided by a power of ten below 10²². Both are exact in
    float64, so their quotient is the nearest float64 (Clinger, "How to Read Floating Point Numbers Accurately", PLDI
    1990). A number of any other form, such as 1.5e-05, is passed to `float`.

    Parameters
    ----------
    text : bytes.
    start, end : (n,) int, n ≥ 1. Number i is text[start[i]:end[i]].

    Returns
    -------
    (n,) float64.

    Raises
    ------
    ValueError
        If a piece is not a number, or is longer than 32 characters.
    """
    length = end - start
    longest = length.max()
    if length.min() < 1 or longest > MAX_CHARACTERS:
        raise ValueError(f'numbers of {length.min()} to {longest} characters, expected 1 to {MAX_CHARACTERS}')
    padded = np.frombuffer(text + bytes(MAX_CHARACTERS), np.uint8)
    windows = np.lib.stride_tricks.sliding_window_view(padded, longest)[start]  # (n, longest)
    character = np.where(np.arange(longest)[:, None] < length, windows.T, 0)  # (longest, n)
    digit = character - np.uint8(ord('0'))  # wraps around below '0'
    is_digit, is_point, negative = digit < 10, character == ord('.'), character[0] == ord('-')
    value, next_value = np.zeros((2, len(length)))
    for row, counts in zip(digit, is_digit):
        np.multiply(value, 10, out=next_value)
        next_value += row
        np.copyto(value, next_value, where=counts)
    digits, points = _column_sum(is_digit), _column_sum(is_point)
    point_at = _column_sum(is_point * np.arange(longest, dtype=np.uint8)[:, None])  # right if there is one point
    decimals = np.where(points == 1, length - 1 - point_at, 0)
    value /= POWERS[np.clip(decimals, 0, MAX_DIGITS)]
    np.negative(value, out=value, where=negative)
    plain = (digits + points + negative == length) & (points <= 1) & (digits >= 1) & (digits <= MAX_DIGITS)
    for index in np.flatnonzero(~plain):
        value[index] = _strict_float(text[start[index] : end[index]])
    return value


def _find_bodies(lines: list[bytes]) -> tuple[int, Observations]:
    """Return T and where each body is observed."""
    frames, kept, here, seen = _count(lines, 0, 'frames'), 0, 1, {}
    for frame in range(frames):
        bodies = _count(lines, here, 'bodies')
        here += 1
        for _ in range(bodies):
            joints = _count(lines, here + 1, 'joints')
            if joints != JOINTS:
                raise ClipError(f'a body of {counted(joints, "joint")}, expected {JOINTS}', here + 2)
            info = lines[here].split(None, 1)
            if not info:
                raise ClipError("expected a body's info line, which begins with its id", here + 1)
            seen.setdefault(info[0], []).append((here + 2, frame, kept))
            here += 2 + JOINTS
        kept += bodies > 0
    if here > len(lines):
        raise ClipError('the file is cut short: it ends within a body', len(lines))
    if any(line.strip() for line in lines[here:]):
        raise ClipError(f'the file continues after the {counted(frames, "frame")} that its first line states', here + 1)
    return kept, seen


def _count(lines: list[bytes], index: int, what: str) -> int:
    if index >= len(lines):
        raise ClipError(f'the file is cut short: expected the number of {what}', len(lines))
    try:
        count = int(lines[index])
    except ValueError:
        count = -1
    if count < 0:
        raise ClipError(f'{_quoted(lines[index])} is not a number of {what}', index + 1)
    return count


def _joint_values(lines: list[bytes], first_lines: list[int], columns: Sequence[int]) -> np.ndarray:
    """Convert the 25 joint lines that begin at each of `first_lines`; return (observations, V, C) float32."""
    if not first_lines:
        return np.zeros((0, JOINTS, len(columns)), np.float32)
    rows = list(chain.from_iterable([lines[first : first + JOINTS] for first in first_lines]))
    try:
        values = _evenly_spaced(b'\n'.join(rows), columns)
    except ValueError:
        values = _row_by_row(rows, first_lines, columns)
    return values.reshape(len(first_lines), JOINTS, len(columns))


def _evenly_spaced(text: bytes, columns: Sequence[int]) -> np.ndarray:
    """Convert lines that have one space between tokens and equally many tokens; return (rows · C,) float32.

    ValueError is raised for lines of any other form.
    """
    characters = np.frombuffer(text, np.uint8)
    line_end = np.append(np.flatnonzero(characters == ord('\n')), len(text))
    space = np.flatnonzero(characters == ord(' '))
    width, uneven = divmod(len(space), len(line_end))  # spaces in each line
    if uneven or width <= max(columns):
        raise ValueError('lines of different widths, or too few tokens')
    space = space.reshape(len(line_end), width)
    line_start = np.append(0, line_end[:-1] + 1)
    if (space[:, 0] < line_start).any() or (space[:, -1] >= line_end).any():
        raise ValueError('lines of different widths')
    bounds = np.column_stack([line_start - 1, space])
    start, end = bounds[:, columns] + 1, space[:, columns]
    values = parse_decimals(text, start.ravel(), end.ravel())
    if not (np.abs(values.reshape(-1, len(columns))[:, np.isin(columns, POSITION)]) <= FLOAT32_MAX).all():
        raise ValueError('not a finite number')
    return values.astype(np.float32)


def _row_by_row(rows: list[bytes], first_lines: list[int], columns: Sequence[int]) -> np.ndarray:
    """Convert lines of any spacing, (rows · C,) float32; the ClipError names the first line that is wrong."""
    values, width = [], len(rows[0].split())
    for row, line in zip(rows, chain.from_iterable(range(first, first + JOINTS) for first in first_lines)):
        tokens = row.split()
        if len(tokens) != width or width <= max(columns):
            expected = f'{width} as in the first' if width > max(columns) else f'more than {max(columns)}'
            raise ClipError(f'a joint line has {counted(len(tokens), "number")}, expected {expected}', line + 1)
        for column in columns:
            try:
                values.append(_strict_float(tokens[column]))
                finite = column not in POSITION or abs(values[-1]) <= FLOAT32_MAX
            except ValueError:
                finite = False
            if not finite:
                raise ClipError(f'{_quoted(tokens[column])} is not a finite number', line + 1)
    return np.array(values).astype(np.float32)


def _strict_float(token: bytes) -> float:
    """Return `float(token)`, but raise ValueError for underscores, which Python admits."""
    if b'_' in token:
        raise ValueError(f'{token!r} is not a number')
    return float(token)


def _column_sum(flags: np.ndarray) -> np.ndarray:
    return np.add.reduce(flags, 0, dtype=np.uint8)


def _quoted(line: bytes) -> str:
    return repr(line[:40].decode('ascii', 'backslashreplace'))
