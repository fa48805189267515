"""Pure functions on batches of skeletons, and the random numbers they take.

Legend: N clips, T frames, M persons, V joints, C coordinates; batches are (N, T, M, V, C) until the end.
"""

import numpy as np

STREAMS = {
    'joint': {'bone': False, 'vel': False},
    'bone': {'bone': True, 'vel': False},
    'joint_motion': {'bone': False, 'vel': True},
    'bone_motion': {'bone': True, 'vel': True},
}


def uniform(seed, epoch, index, draws):
    """Random numbers that depend on (seed, epoch, clip) alone, whatever the batch, worker or order.

    A counter-based generator: the SplitMix64 finaliser (Steele et al., OOPSLA 2014) of the four counters.

    Args:
        seed, epoch: non-negative int. index: (N,) int, clip numbers. draws: numbers a clip.
    Returns: (N, draws) float64 in [0, 1).
    """
    state = _mix(np.uint64(seed) + np.uint64(0x9E3779B97F4A7C15))
    state = _mix(state ^ np.uint64(epoch))
    state = _mix(state ^ np.asarray(index, np.uint64))[:, None]
    state = _mix(state ^ np.arange(draws, dtype=np.uint64))
    return (state >> np.uint64(11)) * 2.0**-53


def _mix(value):
    value = np.atleast_1d(value)  # arrays wrap around silently, scalars warn
    value = value + np.uint64(0x9E3779B97F4A7C15)
    value = (value ^ (value >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    value = (value ^ (value >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return value ^ (value >> np.uint64(31))


def sample_without_replacement(draws, population):
    """Distinct numbers below each clip's population, every subset equally likely (Floyd's algorithm).

    Args:
        draws: (N, k) in [0, 1). population: (N,) int, each at least k.
    Returns: (N, k) int64, in no particular order.
    """
    n, k = draws.shape
    picked = np.full((n, k), -1, np.int64)
    for step in range(k):
        last = population - k + step
        candidate = (draws[:, step] * (last + 1)).astype(np.int64)
        taken = (picked[:, :step] == candidate[:, None]).any(1)
        picked[:, step] = np.where(taken, last, candidate)
    return picked


def centre_crop(length, share):
    """The middle `share` of each clip: length (N,) → start, length (N,); int((1 − share)·length/2) goes at both ends."""
    start = ((1 - share) * length / 2).astype(np.int64)
    return start, length - 2 * start


def random_crop(length, interval, least, draws):
    """A random part of each clip.

    Args:
        length: (N,) frames. interval: (low, high) of the share kept. least: frames kept where there are as many.
        draws: (N, 2) in [0, 1), for the share and for the place.
    Returns: start, length (N,) int64.
    """
    low, high = interval
    share = low + (high - low) * draws[:, 0]
    kept = np.minimum(np.maximum(np.floor(length * share).astype(np.int64), least), length)
    return (draws[:, 1] * (length - kept + 1)).astype(np.int64), kept


def resampling(length, window):
    """Linear resampling of time with half-pixel centres (PyTorch's align_corners=False).

    Args:
        length: (N,) frames of each clip, at least 1. window: frames wanted.
    Returns: lower, upper (N, window) int64 frame numbers; weight (N, window) float32 of the upper.
    """
    place = (np.arange(window) + 0.5) * (length[:, None] / window) - 0.5
    place = np.clip(place, 0, length[:, None] - 1)
    lower = place.astype(np.int64)
    return lower, np.minimum(lower + 1, length[:, None] - 1), (place - lower).astype(np.float32)


def rotation(angles, coordinates=3):
    """(N, 3) angles about x, y, z in radians → (N, 3, 3): Rz·Ry·Rx, for columns; (N, 2, 2), Rz alone, for 2-D."""
    one, zero = np.ones(len(angles)), np.zeros(len(angles))
    (cx, cy, cz), (sx, sy, sz) = np.cos(angles).T, np.sin(angles).T
    rx = np.stack([one, zero, zero, zero, cx, sx, zero, -sx, cx], 1).reshape(-1, 3, 3)
    ry = np.stack([cy, zero, -sy, zero, one, zero, sy, zero, cy], 1).reshape(-1, 3, 3)
    rz = np.stack([cz, sz, zero, -sz, cz, zero, zero, zero, one], 1).reshape(-1, 3, 3)
    return rz @ ry @ rx if coordinates == 3 else rz[:, :2, :2]


def rotate(skeleton, matrix):
    """Rotate each clip by its own matrix (columns): (N, …, C), (N, C, C) → (N, …, C)."""
    flat = skeleton.reshape(len(skeleton), -1, skeleton.shape[-1])
    return (flat @ matrix.transpose(0, 2, 1).astype(skeleton.dtype)).reshape(skeleton.shape)


def bones(skeleton, parents):
    """Each joint less its parent: (N, T, M, V, C), (V,) → (N, T, M, V, C); the root's is zero."""
    return skeleton - skeleton[..., parents, :]


def motion(skeleton):
    """Each frame's step to the next, the last zero: (N, T, M, V, C) → (N, T, M, V, C)."""
    return np.diff(skeleton, axis=1, append=skeleton[:, -1:])


def stream(skeleton, parents, bone, vel):
    """Joints → bones, motion, or both, bones first."""
    if bone:
        skeleton = bones(skeleton, parents)
    return motion(skeleton) if vel else skeleton


def to_model(skeleton):
    """(N, T, M, V, C) → (N, C, T, V, M), contiguous."""
    return np.ascontiguousarray(skeleton.transpose(0, 4, 1, 3, 2))
