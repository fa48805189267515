"""Pure functions on batches of skeletons, and the random numbers they take.

Legend: N clips, T frames, M persons, V joints, C coordinates; skeletons are (N, T, M, V, C) until `to_model`.
"""

from collections.abc import Sequence

import numpy as np

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
    state = _mix(np.uint64(seed) + np.uint64(0x9E3779B97F4A7C15))
    state = _mix(state ^ np.uint64(epoch))
    state = _mix(state ^ np.asarray(index, np.uint64))[:, None]
    state = _mix(state ^ np.arange(draws, dtype=np.uint64))
    return (state >> np.uint64(11)) * 2.0**-53


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


def centre_crop(length: np.ndarray, share: float) -> tuple[np.ndarray, np.ndarray]:
    """Crop the middle `share` of each clip; int((1 − share) · length / 2) frames go at both ends.

    Parameters
    ----------
    length : (N,) int. Frames of each clip.
    share : float. The share that is kept, 0 < share ≤ 1.

    Returns
    -------
    start, length : (N,) int64. The crops.
    """
    start = ((1 - share) * length / 2).astype(np.int64)
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


def resampling(length: np.ndarray, window: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Resample time linearly, with half-pixel centres (PyTorch's align_corners=False).

    Parameters
    ----------
    length : (N,) int. Frames of each clip, at least 1.
    window : int. Frames after resampling.

    Returns
    -------
    lower, upper : (N, window) int64. The two frames that each new frame lies between.
    weight : (N, window) float32. The weight of the upper one.
    """
    place = (np.arange(window) + 0.5) * (length[:, None] / window) - 0.5
    place = np.clip(place, 0, length[:, None] - 1)
    lower = place.astype(np.int64)
    return lower, np.minimum(lower + 1, length[:, None] - 1), (place - lower).astype(np.float32)


def rotation(angles: np.ndarray, coordinates: int = 3) -> np.ndarray:
    """Make rotation matrices for columns, Rz·Ry·Rx; in two dimensions Rz only.

    Parameters
    ----------
    angles : (N, 3), radians. About x, y and z.
    coordinates : int. C, 2 or 3 (default 3).

    Returns
    -------
    (N, C, C).
    """
    one, zero = np.ones(len(angles)), np.zeros(len(angles))
    (cx, cy, cz), (sx, sy, sz) = np.cos(angles).T, np.sin(angles).T
    rx = np.stack([one, zero, zero, zero, cx, sx, zero, -sx, cx], 1).reshape(-1, 3, 3)
    ry = np.stack([cy, zero, -sy, zero, one, zero, sy, zero, cy], 1).reshape(-1, 3, 3)
    rz = np.stack([cz, sz, zero, -sz, cz, zero, zero, zero, one], 1).reshape(-1, 3, 3)
    return rz @ ry @ rx if coordinates == 3 else rz[:, :2, :2]


def rotate(skeleton: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """Rotate each clip (N, …, C) by its own matrix (N, C, C) for columns."""
    flat = skeleton.reshape(len(skeleton), -1, skeleton.shape[-1])
    return (flat @ matrix.transpose(0, 2, 1).astype(skeleton.dtype)).reshape(skeleton.shape)


def bones(skeleton: np.ndarray, parents: np.ndarray) -> np.ndarray:
    """Subtract from each joint (N, T, M, V, C) its parent, given by (V,); the root's bone is zero."""
    return skeleton - skeleton[..., parents, :]


def motion(skeleton: np.ndarray) -> np.ndarray:
    """Return the step from each frame to the next, zero for the last one, (N, T, M, V, C)."""
    return np.diff(skeleton, axis=1, append=skeleton[:, -1:])


def stream(skeleton: np.ndarray, parents: np.ndarray, bone: bool, vel: bool) -> np.ndarray:
    """Turn joints (N, T, M, V, C) into bones, motion, or the motion of bones."""
    if bone:
        skeleton = bones(skeleton, parents)
    return motion(skeleton) if vel else skeleton


def to_model(skeleton: np.ndarray) -> np.ndarray:
    """Put the axes into the order of a Batch, (N, T, M, V, C) → (N, C, T, V, M), contiguous."""
    return np.ascontiguousarray(skeleton.transpose(0, 4, 1, 3, 2))
