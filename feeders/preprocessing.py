"""What feeders do to a test clip, as modules that an exported program contains.

They use the functions of the feeders on tensors only, so that a clip of any number of frames goes through.
Legend: T frames of a clip, W = window_size frames, V joints, C coordinates, M persons.
"""

import torch
from torch import Tensor, nn

from feeders import transforms
from feeders.bodies import Bodies


class Preprocessing(nn.Module):
    """From a clip to what a student takes.

    Parameters
    ----------
    layout : (M, V, C).
    window : int. W.
    parents : (V,) int64. The parent of each joint.
    bone, vel : bool. The stream.
    confidence : bool. The last coordinate is a confidence (default False).

    Attributes
    ----------
    description, normalisation : str. What is done to the frames and to the coordinates, for the users of an export.
    """

    description = normalisation = ''

    def __init__(
        self,
        layout: tuple[int, int, int],
        window: int,
        parents: Tensor,
        bone: bool,
        vel: bool,
        confidence: bool = False,
    ) -> None:
        super().__init__()
        self.layout, self.window, self.bone, self.vel, self.confidence = tuple(layout), window, bone, vel, confidence
        self.register_buffer('parents', parents)

    def forward(self, clip: Tensor) -> Tensor:
        """(T, V, C, M) → (1, C, W, V, M), both float32; an absent person is all zeros."""
        raise NotImplementedError


class CropAndResample(Preprocessing):
    """What feeders.feeder_MMCL does to a test clip.

    Parameters
    ----------
    *settings : of Preprocessing.
    share : float. The share of the frames that is kept, 0 < share ≤ 1.
    copies_person : bool. An absent second person is a copy of the first.
    """

    normalisation = 'none: coordinates are taken as they are'

    def __init__(self, *settings: object, share: float, copies_person: bool) -> None:
        super().__init__(*settings)
        self.share, self.copies_person = share, copies_person
        absent = 'an absent second person is a copy of the first' if copies_person else 'an absent person is all zeros'
        self.description = (
            f'int({1 - share:.6g} * frames / 2) frames are cut off at both ends; the rest is resampled to '
            f'{self.window} frames, linearly with half-pixel centres; {absent}'
        )

    def forward(self, clip: Tensor) -> Tensor:
        """(T, V, C, M) → (1, C, W, V, M)."""
        persons, joints, coordinates = self.layout
        start, length = transforms.centre_crop(torch.full((1,), clip.shape[0], dtype=torch.int64), self.share)
        lower, upper, weight = transforms.resampling(length, self.window)
        person = torch.arange(persons + 1).view(-1, 1, 1) % persons  # the last body is nobody's, as Bodies expects
        index = (torch.stack([lower, upper], 2) + start) * persons + person  # (M + 1, W, 2)
        weights = torch.stack([1 - weight, weight], 2).expand(persons + 1, -1, -1)
        slot = torch.arange(persons)
        if self.copies_person:
            slot = torch.where((slot == 1) & ~clip[..., 1].any(), 0, slot)
        rows = clip.permute(0, 3, 1, 2).reshape(-1, joints * coordinates)
        how = self.bone, self.vel, self.confidence
        return Bodies(rows, index, weights, slot, None, self.parents, self.layout, *how).skeleton()


class ScaleAndSelect(Preprocessing):
    """What feeders.feeder_ucla does to a test clip; its parameters are those of Preprocessing."""

    normalisation = 'the range of each coordinate over the clip is brought to [-1, 1]; one that never changes is 0'

    def __init__(self, *settings: object) -> None:
        super().__init__(*settings)
        self.description = f'{self.window} evenly spaced frames from the first to the last, places truncated'

    def forward(self, clip: Tensor) -> Tensor:
        """(T, V, C, M) → (1, C, W, V, M)."""
        clip = clip.permute(3, 0, 1, 2).double()  # (M, T, V, C)
        place = transforms.evenly_spaced(torch.full((1,), clip.shape[1], dtype=torch.int64), self.window)[0]
        low, high = clip.amin((0, 1, 2)), clip.amax((0, 1, 2))
        bodies = transforms.time_last(transforms.to_range(clip[:, place], low, high))  # (M, C, V, W)
        bodies = transforms.stream(bodies, self.parents, self.bone, self.vel, self.confidence)
        return transforms.to_model(bodies, torch.arange(self.layout[0]), self.layout[0])
