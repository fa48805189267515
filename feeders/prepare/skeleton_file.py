"""NTU RGB+D `.skeleton` files: frames of bodies of 25 joints, as lines of text.

Format: line 1 the number of frames; per frame a line with its number of bodies; per body an info line
(token 0 is the body's id), a line with the number of joints and one line a joint: x y z in metres,
the place in the depth and in the colour image (tokens 5 and 6), an orientation, a tracking state.

Legend: T frames that hold a body, n observations of one body, V = 25 joints, K columns asked for.
"""

from itertools import chain
from typing import NamedTuple

import numpy as np

from feeders.prepare.decimals import parse_decimals, strict_float

JOINTS = 25
POSITION = (0, 1, 2)  # x, y, z: metres from the camera, y up
LARGEST = float(np.finfo(np.float32).max)
COLOUR = (5, 6)  # pixels in the 1920×1080 image; may lie outside it, or be NaN or Inf where unknown


class ClipError(Exception):
    """Why one clip cannot be used; `line` is the 1-based line of its file, or None."""

    def __init__(self, reason, line=None):
        super().__init__(reason, line)
        self.reason, self.line = reason, line

    def __str__(self):
        return self.reason if self.line is None else f'line {self.line}: {self.reason}'


class Body(NamedTuple):
    """One body id's observations.

    id: its text (as a number, some ids collide). frame: (n,) int64, the recorded frame of each observation.
    start: the first observation's index among the T kept frames. joints: (n, V, K) float32.
    """

    id: str
    frame: np.ndarray
    start: int
    joints: np.ndarray


class Recording(NamedTuple):
    """A parsed file. length: T, the frames that hold a body. bodies: in order of first appearance."""

    length: int
    bodies: list


def read_skeleton(path, columns=POSITION):
    """Parse the file at `path`; raises ClipError, also where it cannot be read."""
    try:
        with open(path, 'rb') as file:
            text = file.read()
    except OSError as error:
        raise ClipError(f'cannot be read: {error.strerror}') from error
    return parse_skeleton(text, columns)


def parse_skeleton(text, columns=POSITION):
    """Parse a `.skeleton` file.

    The walk over frames only finds where each body's joint lines begin; their numbers are then converted in one
    go. Only a file that is spaced unusually, or wrong, is read line by line.

    Args:
        text: bytes. columns: the K tokens to keep of each joint line.
    Returns: Recording.
    Raises ClipError, and nothing else, for bytes of any other form.
    """
    lines = text.splitlines()
    length, seen = _walk(lines)
    first_lines = [line for observations in seen.values() for line, _, _ in observations]
    values = _joint_values(lines, first_lines, columns)  # (all observations, V, K)
    bodies, row = [], 0
    for identity, observations in seen.items():
        frame = np.array([frame for _, frame, _ in observations])
        bodies.append(
            Body(
                identity.decode('ascii', 'backslashreplace'), frame, observations[0][2], values[row : row + len(frame)]
            )
        )
        row += len(frame)
    return Recording(length, bodies)


def _walk(lines):
    """(T, {body id: [(index of its first joint line, recorded frame, kept frame), …]})."""
    frames, kept, here, seen = _count(lines, 0, 'frames'), 0, 1, {}
    for frame in range(frames):
        bodies = _count(lines, here, 'bodies')
        here += 1
        for _ in range(bodies):
            joints = _count(lines, here + 1, 'joints')
            if joints != JOINTS:
                raise ClipError(f'{joints} joints, expected {JOINTS}', here + 2)
            info = lines[here].split(None, 1)
            if not info:
                raise ClipError("expected a body's info line, its id first", here + 1)
            seen.setdefault(info[0], []).append((here + 2, frame, kept))
            here += 2 + JOINTS
        kept += bodies > 0
    if here > len(lines):
        raise ClipError('the file is cut short: it ends within a body', len(lines))
    if any(line.strip() for line in lines[here:]):
        raise ClipError(f'the file goes on after the {frames} frames that its first line states', here + 1)
    return kept, seen


def _count(lines, index, what):
    if index >= len(lines):
        raise ClipError(f'the file is cut short: expected the number of {what}', len(lines))
    try:
        count = int(lines[index])
    except ValueError:
        count = -1
    if count < 0:
        raise ClipError(f'{_shown(lines[index])} is not a number of {what}', index + 1)
    return count


def _joint_values(lines, first_lines, columns):
    """(observations, V, K) float32, of the 25 lines that begin at each of `first_lines`."""
    if not first_lines:
        return np.zeros((0, JOINTS, len(columns)), np.float32)
    rows = list(chain.from_iterable([lines[first : first + JOINTS] for first in first_lines]))
    try:
        values = _evenly_spaced(b'\n'.join(rows), columns)
    except ValueError:
        values = _row_by_row(rows, first_lines, columns)
    return values.reshape(len(first_lines), JOINTS, len(columns))


def _evenly_spaced(text, columns):
    """(rows · K,) float32 of lines that all have one space between their tokens, and as many tokens.

    Raises ValueError for lines of any other form.
    """
    characters = np.frombuffer(text, np.uint8)
    line_end = np.append(np.flatnonzero(characters == ord('\n')), len(text))
    space = np.flatnonzero(characters == ord(' '))
    width, uneven = divmod(len(space), len(line_end))  # spaces of each line
    if uneven or width <= max(columns):
        raise ValueError('lines of unlike widths, or too few tokens')
    space = space.reshape(len(line_end), width)
    line_start = np.append(0, line_end[:-1] + 1)
    if (space[:, 0] < line_start).any() or (space[:, -1] >= line_end).any():
        raise ValueError('lines of unlike widths')
    bounds = np.column_stack([line_start - 1, space])
    start, end = bounds[:, columns] + 1, space[:, columns]
    values = parse_decimals(text, start.ravel(), end.ravel())
    if not (np.abs(values.reshape(-1, len(columns))[:, np.isin(columns, POSITION)]) <= LARGEST).all():
        raise ValueError('not a finite number')
    return values.astype(np.float32)


def _row_by_row(rows, first_lines, columns):
    """(rows · K,) float32; raises ClipError with the number of the first line that is wrong."""
    values, width = [], len(rows[0].split())
    for row, line in zip(rows, chain.from_iterable(range(first, first + JOINTS) for first in first_lines)):
        tokens = row.split()
        if len(tokens) != width or width <= max(columns):
            expected = f'{width} as in the first' if width > max(columns) else f'over {max(columns)}'
            raise ClipError(f'a joint line has {len(tokens)} numbers, expected {expected}', line + 1)
        for column in columns:
            try:
                values.append(strict_float(tokens[column]))
                finite = column not in POSITION or abs(values[-1]) <= LARGEST
            except ValueError:
                finite = False
            if not finite:
                raise ClipError(f'{_shown(tokens[column])} is not a finite number', line + 1)
    return np.array(values).astype(np.float32)


def _shown(line):
    return repr(line[:40].decode('ascii', 'backslashreplace'))
