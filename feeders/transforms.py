"""Pure functions on batches of skeletons, and the random numbers they take.

Random numbers, crops and matrices are small, and numpy's; what changes skeletons takes tensors on any device.
Legend: N clips, B bodies (the persons of all clips), T frames, M persons, V joints, C coordinates; F frames of D = V·C.
"""

import functools
from collections.abc import Sequence
from types import ModuleType

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

Array = np.ndarray | Tensor

STREAMS = {
    'joint': {'bone': False, 'vel': False},
    'bone': {'bone': True, 'vel': False},
    'joint_motion': {'bone': False, 'vel': True},
    'bone_motion': {'bone': True, 'vel': True},
}


def uniform(seed: int, epoch: int, index: np.ndarray, draws: int) -> np.ndarray:
    """Draw random numbers that depend only on (seed, epoch, clip), whatever the batch, the worker or the order.

    A counter-based generator: the SplitMix64 finaliser (Steele et al., OOPSLA 2014) of the four counters.

    Parameters
    ----------
    seed, epoch : int, not negative.
    index : (N,) int. Clip numbers.
    draws : int. Numbers per clip.

    Returns
    -------
    (N, draws) float64 in [0, 1).
    """
    state = _mix(_epoch_state(seed, epoch) ^ np.asarray(index, np.uint64))[:, None]
    state = _mix(state ^ np.arange(draws, dtype=np.uint64))
    return (state >> np.uint64(11)) * 2.0**-53


@functools.lru_cache(maxsize=4)
def _epoch_state(seed: int, epoch: int) -> np.ndarray:
    return _mix(_mix(np.uint64((int(seed) + 0x9E3779B97F4A7C15) % 2**64)) ^ np.uint64(epoch))


def _mix(value: np.ndarray) -> np.ndarray:
    value = np.atleast_1d(value)  # arrays wrap around silently, scalars warn
    value = value + np.uint64(0x9E3779B97F4A7C15)
    value = (value ^ (value >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    value = (value ^ (value >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return value ^ (value >> np.uint64(31))


def sample_without_replacement(draws: np.ndarray, population: np.ndarray) -> np.ndarray:
    """Choose distinct numbers below each clip's population, every subset equally likely (Floyd's algorithm).

    Parameters
    ----------
    draws : (N, k) in [0, 1). Random numbers.
    population : (N,) int, each at least k.

    Returns
    -------
    (N, k) int64, in no particular order.
    """
    n, k = draws.shape
    picked = np.full((n, k), -1, np.int64)
    for step in range(k):
        last = population - k + step
        candidate = (draws[:, step] * (last + 1)).astype(np.int64)
        taken = (picked[:, :step] == candidate[:, None]).any(1)
        picked[:, step] = np.where(taken, last, candidate)
    return picked


def namespace(x: Array) -> ModuleType:
    """Return numpy for an array and torch for a tensor: the functions of both that have the same names."""
    return torch if isinstance(x, Tensor) else np


def centre_crop(length: Array, share: float) -> tuple[Array, Array]:
    """Crop the middle `share` of each clip; int((1 − share) · length / 2) frames go at both ends.

    Parameters
    ----------
    length : (N,) int, an array or a tensor. Frames of each clip.
    share : float. The share that is kept, 0 < share ≤ 1.

    Returns
    -------
    start, length : (N,) int64, of the same kind. The crops.
    """
    xp = namespace(length)
    start = xp.asarray((1 - share) * xp.asarray(length, dtype=xp.float64) / 2, dtype=xp.int64)
    return start, length - 2 * start


def random_crop(
    length: np.ndarray, interval: Sequence[float], least: int, draws: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Crop a random part of each clip.

    Parameters
    ----------
    length : (N,) int. Frames of each clip.
    interval : (low, high). Bounds of the share that is kept, 0 < low ≤ high ≤ 1.
    least : int. Frames that are kept if the clip has as many.
    draws : (N, 2) in [0, 1). Random numbers for the share and for the place.

    Returns
    -------
    start, length : (N,) int64. The crops.
    """
    low, high = interval
    share = low + (high - low) * draws[:, 0]
    kept = np.minimum(np.maximum(np.floor(length * share).astype(np.int64), least), length)
    return (draws[:, 1] * (length - kept + 1)).astype(np.int64), kept


def resampling(length: Array, window: int) -> tuple[Array, Array, Array]:
    """Resample time linearly, with half-pixel centres (PyTorch's align_corners=False).

    Parameters
    ----------
    length : (N,) int, an array or a tensor. Frames of each clip, at least 1.
    window : int. Frames after resampling.

    Returns
    -------
    lower, upper : (N, window) int64, of the same kind. The two frames that each new frame lies between.
    weight : (N, window) float32. The weight of the upper one.
    """
    xp = namespace(length)
    last = length[:, None] - 1
    place = (xp.arange(window, dtype=xp.float64) + 0.5) * (xp.asarray(last + 1, dtype=xp.float64) / window) - 0.5
    place = xp.minimum(xp.clip(place, 0, None), xp.asarray(last, dtype=xp.float64))
    lower = xp.asarray(place, dtype=xp.int64)
    return lower, xp.minimum(lower + 1, last), xp.asarray(place - lower, dtype=xp.float32)


def evenly_spaced(length: Array, window: int) -> Array:
    """Space `window` frames from the first to the last of each clip, truncated: lengths (N,) → (N, window) int64."""
    xp = namespace(length)
    last = xp.asarray(length - 1, dtype=xp.float64)
    # np.linspace of all clips at once would round otherwise where one has a single frame
    place = xp.arange(window) * (last / max(window - 1, 1))[:, None]
    place[:, -1] = last if window > 1 else 0
    return xp.asarray(place, dtype=xp.int64)


def to_range(x: Array, low: Array, high: Array) -> Array:
    """Bring coordinates (…, C) between `low` and `high` to [-1, 1], those that never change to 0; float32."""
    xp, span = namespace(x), high - low
    still = span == 0
    scaled = 2 * ((x - low) / xp.where(still, 1, span)) - 1
    return xp.asarray(xp.where(still, 0, scaled), dtype=xp.float32)


def rotation(angles: np.ndarray, coordinates: int = 3, confidence: bool = False) -> np.ndarray:
    """Make rotation matrices for columns, Rz·Ry·Rx; in two dimensions Rz only.

    Parameters
    ----------
    angles : (N, 3), radians. About x, y and z.
    coordinates : int. C, 2 or 3, a confidence included (default 3).
    confidence : bool. The last coordinate is a confidence, which stays as it is (default False).

    Returns
    -------
    (N, C, C).
    """
    cos, sin = np.cos(angles), np.sin(angles)
    about = np.zeros((3, len(angles), 3, 3)) + np.eye(3)
    for axis, (i, j) in enumerate(((1, 2), (2, 0), (0, 1))):
        about[axis, :, i, i] = about[axis, :, j, j] = cos[:, axis]
        about[axis, :, i, j], about[axis, :, j, i] = sin[:, axis], -sin[:, axis]
    rx, ry, rz = about
    if coordinates - confidence == 3:
        return rz @ ry @ rx
    return rz[:, :coordinates, :coordinates]  # Rz leaves the third coordinate as it is


def resample(frames: Tensor, index: Tensor, weight: Tensor) -> Tensor:
    """Mix each new frame from two frames: the product with a matrix of two numbers a row.

    Parameters
    ----------
    frames : (F, D) float32.
    index : (B, T, 2) int64. The two frames of each new one.
    weight : (B, T, 2) float32. Their weights.

    Returns
    -------
    (B, T, D) float32.
    """
    if torch.compiler.is_compiling():  # exported programs have no embedding_bag
        return (frames[index] * weight.unsqueeze(3)).sum(2)
    pairs, weights = index.flatten(0, 1), weight.flatten(0, 1)
    return functional.embedding_bag(pairs, frames, per_sample_weights=weights, mode='sum').view(*index.shape[:2], -1)


def time_last(skeleton: Tensor) -> Tensor:
    """Bring (B, T, V, C) into the order of bodies, (B, C, V, T)."""
    if skeleton.device.type == 'cpu' and not torch.compiler.is_compiling():  # numpy does it in half the time
        return torch.from_numpy(np.ascontiguousarray(skeleton.numpy().transpose(0, 3, 2, 1)))
    return skeleton.permute(0, 3, 2, 1).contiguous()


def rotate(skeleton: Tensor, matrix: Tensor) -> Tensor:
    """Rotate each body (B, C, V, T) by its own matrix (B, C, C) for columns."""
    column = matrix[..., None, None].unbind(2)  # C of (B, C, 1, 1)
    rotated = skeleton[:, :1] * column[0]
    for c in range(1, len(column)):
        rotated.addcmul_(skeleton[:, c : c + 1], column[c])
    return rotated


def bones(skeleton: Tensor, parents: Tensor, confidence: bool = False) -> Tensor:
    """Subtract from each joint (B, C, V, T) its parent, given by (V,); the root's bone is zero.

    If the last coordinate is a confidence, that of a bone is the mean of its two joints'.
    """
    parent = skeleton.index_select(2, parents)
    mean = (skeleton[:, -1] + parent[:, -1]) / 2 if confidence else None
    bone = torch.sub(skeleton, parent, out=parent)
    if confidence:
        bone[:, -1] = mean
    return bone


def motion(skeleton: Tensor, confidence: bool = False) -> Tensor:
    """Return the step from each frame to the next, zero for the last one, (B, C, V, T).

    If the last coordinate is a confidence, that of a step is the mean of its two frames'.
    """
    step = torch.empty_like(skeleton)
    torch.sub(skeleton[..., 1:], skeleton[..., :-1], out=step[..., :-1])
    if confidence:
        step[:, -1, :, :-1] = (skeleton[:, -1, :, 1:] + skeleton[:, -1, :, :-1]) / 2
    step[..., -1] = 0
    return step


def stream(skeleton: Tensor, parents: Tensor, bone: bool, vel: bool, confidence: bool = False) -> Tensor:
    """Turn joints (B, C, V, T) into bones, motion, or the motion of bones."""
    if bone:
        skeleton = bones(skeleton, parents, confidence)
    return motion(skeleton, confidence) if vel else skeleton


def to_model(skeleton: Tensor, slot: Tensor, persons: int) -> Tensor:
    """Put bodies into the slots of a batch, whose memory is in the order in which models read it, (N, M, V, C, T).

    Parameters
    ----------
    skeleton : (B, C, V, T).
    slot : (N·M,) int64. The body in each slot.
    persons : int. M.

    Returns
    -------
    (N, C, T, V, M).
    """
    _, coordinates, joints, window = skeleton.shape
    batch = skeleton.new_empty(len(slot), joints, coordinates, window)
    torch.index_select(skeleton, 0, slot, out=batch.transpose(1, 2))
    return batch.unflatten(0, (-1, persons)).permute(0, 3, 4, 2, 1)
