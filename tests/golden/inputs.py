"""What the golden arrays were computed from: weights, clips and recordings, drawn from a seed by name.

Only uniform numbers of NumPy's RandomState are used, whose streams never change from one version to the next.
"""

import zlib

import numpy as np
import torch

from tests.helpers import skeleton_text

MMCL = {'num_class': 6, 'num_person': 2, 'base_channel': 8, 'video_dim': 5, 'text_dim': 3}
UCLA = {'num_class': 10, 'num_person': 1, 'base_channel': 8}
HDGCN = {'num_class': 5, 'num_person': 2, 'base_channel': 8}
STREAMS = 'joint', 'bone', 'joint_motion', 'bone_motion'
NTU_WINDOW, UCLA_WINDOW = 5, 6
NTU_NAMES = 'S001C001P001R001A001', 'S001C002P001R001A002', 'S001C003P001R001A060'
UCLA_TEST = 'a01_s01_e00_v03', 'a06_s02_e01_v03', 'a12_s03_e02_v03'
UCLA_TRAIN = 'a02_s01_e00_v01', 'a05_s02_e01_v02', 'a11_s03_e02_v01'


def uniform(key, shape, low=-1, high=1):
    """Numbers that depend on the key only."""
    return np.random.RandomState(zlib.crc32(key.encode())).uniform(low, high, shape)


def weights(model):
    """{name: tensor} for every parameter and buffer of a reference network, of the size that trained ones have."""
    return {name: torch.from_numpy(weight(name, start)) for name, start in model.state_dict().items()}


def weight(name, start):
    """float32; an adjacency keeps its zeros, so that joints outside a level stay out of it."""
    shape, last = tuple(start.shape), name.rpartition('.')[2]
    if last == 'num_batches_tracked':
        return np.zeros(shape, np.int64)
    if last == 'PA':
        return (start.numpy() * uniform(name, shape, 0.5, 1.5)).astype(np.float32)
    if last == 'alpha':
        values = uniform(name, shape, 0.05, 0.1)
    elif last in ('beta', 'gamma'):
        values = uniform(name, shape, 0.2, 0.6)
    elif last == 'running_var':
        values = uniform(name, shape, 1, 3)
    elif last in ('PosMatrix', 'NegMatrix') or (last == 'weight' and len(shape) == 1):
        values = uniform(name, shape, 0.5, 1.5)
    elif last == 'weight':
        values = uniform(name, shape) * np.sqrt(3 / np.prod(shape[1:]))
    else:
        values = uniform(name, shape, -0.2, 0.2)
    return np.asarray(values, np.float32)


def clips(key, *shape):
    """Skeletons (N, C, T, V, M) float32; where there are two persons, every second clip lacks the second."""
    x = uniform(key, shape).astype(np.float32)
    x[1::2, ..., 1:] = 0
    return torch.from_numpy(x)


def mmcl():
    """Skeletons (4, 3, 12, 25, 2), video features (4, 5), text features as stored (4, 1, 3), labels."""
    video, text = uniform('video', (4, 5)), uniform('text', (4, 1, 3))
    features = [torch.from_numpy(x.astype(np.float32)) for x in (video, text)]
    return clips('mmcl', 4, 3, 12, 25, 2), *features, torch.tensor([0, 3, 5, 3])


def ucla():
    """Skeletons (3, 3, 10, 20, 1) and labels."""
    return clips('ucla', 3, 3, 10, 20, 1), torch.tensor([9, 0, 4])


def hdgcn():
    """Skeletons (3, 3, 8, 25, 2) and labels."""
    return clips('hdgcn', 3, 3, 8, 25, 2), torch.tensor([2, 4, 0])


def ntu_clips():
    """(3, 120, 150) float32, as in the public arrays: two persons; one person and an empty frame; a short clip."""
    x = np.zeros((3, 120, 150), np.float32)
    x[0] = uniform('ntu 0', (120, 150))
    x[1, :97, :75] = uniform('ntu 1', (97, 75))
    x[1, 40] = 0
    x[2, :20, :75] = uniform('ntu 2', (20, 75))
    return x


def ntu_draws():
    """For each clip two numbers in [0, 1) for the crop, and three angles."""
    return uniform('crops', (3, 2), 0, 1), uniform('angles', (3, 3), -0.3, 0.3)


def ucla_clips(names):
    """{name: (T, 20, 3) float64}, the last of a single frame."""
    return {name: uniform(name, (length, 20, 3)) for name, length in zip(names, (30, 7, 1))}


def ucla_draws():
    """For each clip: whole degrees about x and y, a scale; and numbers in [0, 1) that choose the frames."""
    degrees = np.floor(uniform('degrees', (3, 2), -60, 61)).astype(int)
    return degrees, uniform('scales', 3, 0.5, 1.5), uniform('frames', (3, UCLA_WINDOW), 0, 1)


def recordings():
    """{name: the bytes of a `.skeleton` file}: each case of the cleaning."""
    return {
        'one': skeleton_text(frames(8, {'7': (0, 8)})),
        'ghost': skeleton_text(frames(16, {'b': (0, 16), 'short': (2, 11)})),
        'two': skeleton_text(frames(18, {'a': (0, 14), 'b': (0, 16)})),
        'successor': skeleton_text(frames(30, {'a': (0, 15), 'b': (15, 15), 'c': (3, 13)})),
        'wide': skeleton_text(frames(16, {'lying': (0, 16), 'a': (1, 14), 'partly wide': (0, 15)})),
    }


def frames(count, bodies):
    """`count` frames in which each body, {id: (first frame, frames)}, stands and moves, or lies if its name says so."""
    seen = [{} for _ in range(count)]
    for order, (identity, (first, length)) in enumerate(bodies.items()):
        shape = np.column_stack([np.linspace(0, 0.5, 25), np.linspace(0, 1.7, 25), np.linspace(2, 2.2, 25)])
        steps = np.cumsum(uniform(f'{identity} of {len(bodies)}', (length, 1, 3), -0.1, 0.1) * (order + 1), 0)
        for number, step in enumerate(steps):
            pose = shape[:, [1, 0, 2]] if 'lying' in identity or ('wide' in identity and number % 3 == 0) else shape
            key = identity.replace(' ', '_')
            seen[first + number][key] = (pose + step + [order, 0, 0]).round(3)
    return seen
