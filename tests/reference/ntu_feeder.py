"""The NTU feeder written clip by clip: (T, 150) as in the public arrays → (3, window, 25, 2), in float64 by default.

Crops and angles are given, so that whoever draws them may compare.
"""

import numpy as np
import torch
from torch.nn import functional

from tests.reference.graphs import NTU_BONES, pairs

LEAST_CROP, LARGEST_ANGLE = 64, 0.3  # frames, radians


def valid_frames(clip):
    """How many frames are not empty; they are taken from the start."""
    return int((clip.sum(1) != 0).sum())


def centre(frames, share=0.95):
    """Start and length of the test crop."""
    start = int((1 - share) * frames / 2)
    return start, frames - 2 * start


def crop_length(frames, share):
    """Frames that a training crop of this share keeps."""
    return min(max(int(np.floor(frames * share)), LEAST_CROP), frames)


def joints(clip, start, length, window, angles=None, dtype=torch.float64):
    """Crop, resample over time, rotate: (T, 150) → (3, window, 25, 2)."""
    x = torch.from_numpy(clip[start : start + length]).to(dtype).reshape(length, 150).T
    x = functional.interpolate(x[None, None], size=(150, window), mode='bilinear', align_corners=False)[0, 0]
    x = x.reshape(2, 25, 3, window).permute(2, 3, 1, 0)
    if angles is not None:
        x = torch.einsum('ij,jtvm->itvm', torch.from_numpy(rotation(angles)).to(dtype), x)
    return x.contiguous()


def rotation(angles):
    """Rz · Ry · Rx, for columns."""
    (cx, cy, cz), (sx, sy, sz) = np.cos(angles), np.sin(angles)
    rx = np.array([[1, 0, 0], [0, cx, sx], [0, -sx, cx]])
    ry = np.array([[cy, 0, -sy], [0, 1, 0], [sy, 0, cy]])
    rz = np.array([[cz, sz, 0], [-sz, cz, 0], [0, 0, 1]])
    return rz @ ry @ rx


def stream(x, name, bones=NTU_BONES):
    """Joints (3, T, V, M) → the stream of that name; bones come before their motion."""
    if 'bone' in name:
        y = torch.zeros_like(x)
        for child, parent in pairs(bones):
            y[:, :, child] = x[:, :, child] - x[:, :, parent]
        x = y
    if 'motion' in name:
        y = torch.zeros_like(x)
        y[:, :-1] = x[:, 1:] - x[:, :-1]
        x = y
    return x
