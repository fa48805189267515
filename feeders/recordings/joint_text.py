"""Texts of joints: a line per frame, with the coordinates x, y and z of each joint."""

from pathlib import Path

import numpy as np

from feeders.recordings.clips import ClipError
from torchlight.errors import counted


def read_joint_text(path: Path, joints: int) -> np.ndarray:
    """Read a text of 3 · V numbers per line, (T, V, 3) float64; the ClipError names the line that is wrong.

    Parameters
    ----------
    path : path. The text; numbers are separated by blanks or commas.
    joints : int. V.
    """
    rows = []
    try:
        lines = path.read_bytes().splitlines()
    except OSError as error:
        raise ClipError(f'{path.name} cannot be read: {error.strerror}') from error
    for number, line in enumerate(lines, 1):
        try:
            rows.append([float(token) for token in line.replace(b',', b' ').split()])
        except ValueError as error:
            raise ClipError(f'{path.name}: {error}', number) from error
        if len(rows[-1]) != 3 * joints:
            raise ClipError(f'{path.name}: {counted(len(rows[-1]), "number")}, expected {3 * joints}', number)
    return np.array(rows).reshape(-1, joints, 3)
