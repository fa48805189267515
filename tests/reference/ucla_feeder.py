"""The NW-UCLA feeder written clip by clip, in float64: (T, 20, 3) → (3, window, 20, 1) float32.

Angles, scale and frames are given, so that whoever draws them may compare.
"""

import numpy as np
import torch

from tests.reference.graphs import UCLA_BONES
from tests.reference.ntu_feeder import stream


def evenly_spaced(frames, window):
    """The frames of a test clip."""
    return np.linspace(0, frames - 1, window).astype(int)


def turn(degrees_x, degrees_y, scale):
    """Ry · Rx · scale, for rows."""
    x, y = np.deg2rad(degrees_x), np.deg2rad(degrees_y)
    rx = np.array([[1, 0, 0], [0, np.cos(x), np.sin(x)], [0, -np.sin(x), np.cos(x)]])
    ry = np.array([[np.cos(y), 0, -np.sin(y)], [0, 1, 0], [np.sin(y), 0, np.cos(y)]])
    return ry @ rx * scale


def clip_stream(skeletons, frames, name, matrix=None):
    """Centre on the second joint of the first frame, turn, bring each coordinate to [−1, 1], pick frames."""
    x = np.asarray(skeletons, np.float64)
    x = x - x[0, 1]
    if matrix is not None:
        x = x @ matrix
    low, high = x.min((0, 1)), x.max((0, 1))
    span = np.where(high > low, high - low, 1)
    x = np.where(high > low, 2 * (x - low) / span - 1, 0)
    x = torch.from_numpy(x[frames]).permute(2, 0, 1)[..., None]
    return stream(x, name, UCLA_BONES).numpy().astype(np.float32)
