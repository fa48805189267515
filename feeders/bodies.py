"""The bodies of a batch: the frames that were cut from a store, and what makes the skeletons of the batch of them.

Legend: N clips, M persons, B bodies (the persons that are present), F frames of bodies, T = window_size new frames,
V joints, C coordinates.
"""

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from feeders import transforms
from feeders.mapped import MappedArray


class Bodies(NamedTuple):
    """What is left to do for a batch, on whichever device: resampling, rotation and the stream.

    Attributes
    ----------
    frames : (F, V·C) float32.
    index : (B, T, 2) int64. The frames that each new frame lies between.
    weight : (B, T, 2) float32. Their weights.
    slot : (N·M,) int64. The body in each slot of the batch, B − 1 for an empty one: the last body is nobody's.
    matrix : (B, C, C) float32, for columns, or None for bodies that are not rotated.
    parents : (V,) int64. The parent of each joint.
    layout : (N, M, V, C).
    bone, vel : bool. The stream.
    """

    frames: Tensor
    index: Tensor
    weight: Tensor
    slot: Tensor
    matrix: Tensor | None
    parents: Tensor
    layout: tuple[int, int, int, int]
    bone: bool
    vel: bool

    def skeleton(self) -> Tensor:
        """Return the skeletons of the batch, (N, C, T, V, M) float32, in the memory order (N, M, V, C, T)."""
        n, persons, *layout = self.layout
        x = transforms.resample(self.frames, self.index, self.weight).unflatten(2, layout)  # (B, T, V, C)
        x = transforms.time_last(x)
        x[-1] = 0
        if self.matrix is not None:
            x = transforms.rotate(x, self.matrix)
        x = transforms.stream(x, self.parents, self.bone, self.vel)
        return transforms.to_model(x.index_select(0, self.slot).unflatten(0, (n, persons)))


def cut(
    frames: np.ndarray | MappedArray, first: np.ndarray, step: int, length: np.ndarray
) -> tuple[Tensor, np.ndarray, int]:
    """Find the frames of bodies in a store; they are copied only where the store cannot be read in place.

    Parameters
    ----------
    frames : (F, D) float32. One row for each frame and person.
    first : (B,) int. The row of each body's first frame.
    step : int. Rows from one frame of a body to the next.
    length : (B,) int. Frames of each body.

    Returns
    -------
    frames : (F', D) float32. All rows, or those of the bodies one after the other.
    first, step : as given, for these rows.
    """
    if isinstance(frames, MappedArray):
        whole = frames.tensor(int(length.sum()) * 4 * frames.shape[1])
    else:
        whole = torch.from_numpy(frames)
    if whole is not None:
        return whole, first, step
    place = np.cumsum(length) - length
    rows = np.repeat(first - step * place, length) + step * np.arange(length.sum())
    return torch.from_numpy(frames.take(rows)), place, 1
