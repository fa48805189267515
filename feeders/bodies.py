"""The bodies of a batch: what is left to do, on whichever device, once the frames of its clips are found.

Legend: N clips, M persons, B bodies (the persons that are present, and nobody), F frames of bodies, T = window_size new
frames, V joints, C coordinates.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from feeders import transforms


@dataclass(frozen=True)
class Bodies:
    """The skeletons of a batch before they are resampled, rotated and made into a stream.

    Attributes
    ----------
    frames : (F, V·C) float32.
    index : (B, T, 2) int64. The frames that each new frame lies between.
    weight : (B, T, 2) float32. Their weights.
    slot : (N·M,) int64. The body in each slot of the batch, B − 1 for an empty one: the last body is nobody's.
    matrix : (B, C, C) float32, for columns, or None for bodies that are not rotated.
    parents : (V,) int64. The parent of each joint.
    layout : (M, V, C).
    bone, vel : bool. The stream.
    confidence : bool. The last coordinate is a confidence (default False).
    """

    frames: Tensor
    index: Tensor
    weight: Tensor
    slot: Tensor
    matrix: Tensor | None
    parents: Tensor
    layout: tuple[int, int, int]
    bone: bool
    vel: bool
    confidence: bool = False

    def skeleton(self) -> Tensor:
        """Return the skeletons of the batch, (N, C, T, V, M) float32, in the memory order (N, M, V, C, T)."""
        persons, *layout = self.layout
        x = transforms.resample(self.frames, self.index, self.weight).unflatten(2, layout)  # (B, T, V, C)
        x = transforms.time_last(x)  # (B, C, V, T)
        x[-1] = 0
        if self.matrix is not None:
            x = transforms.rotate(x, self.matrix)
        x = transforms.stream(x, self.parents, self.bone, self.vel, self.confidence)
        return transforms.to_model(x, self.slot, persons)

    def to(self, device: torch.device, non_blocking: bool = False) -> Tensor:
        """Move to a device and return what `skeleton` does, computed there."""
        return self._each(lambda x: x.to(device, non_blocking=non_blocking)).skeleton()

    def pin_memory(self) -> 'Bodies':
        """Return the bodies in memory from which copies to a GPU are fast; a DataLoader calls this."""
        return self._each(lambda x: x if x.is_cuda else x.pin_memory())

    def _each(self, change: Callable[[Tensor], Tensor]) -> 'Bodies':
        tensors = {key: value for key, value in vars(self).items() if isinstance(value, Tensor)}
        return replace(self, **{key: change(value) for key, value in tensors.items()})
