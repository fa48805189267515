"""Eight clips in every form that the NTU feeder reads, and comparisons of its batches."""

import numpy as np
import torch

from feeders.feature_store import write_features
from feeders.skeleton_store import SkeletonStoreWriter

LENGTH, PERSONS = (40, 7, 90, 1, 64, 70, 120, 33), (1, 2, 1, 2, 1, 2, 1, 2)
NAMES = [f'S001C00{i % 3 + 1}P00{i % 4 + 1}R001A00{i % 2 + 1}' for i in range(8)]
AUGMENTED = {'p_interval': [0.5, 1], 'random_rot': True}


def write_clips(folder):
    """Write eight clips as a store, as both kinds of .npz with names, and their features in another order."""
    rng = np.random.default_rng(0)
    clips = [rng.normal(size=(t, m, 25, 3)).astype(np.float32) for t, m in zip(LENGTH, PERSONS)]
    x = np.zeros((8, max(LENGTH), 2, 25, 3), np.float32)
    with SkeletonStoreWriter(folder / 'clips.h5', 'ntu60', (2, 25, 3)) as store:
        for i, clip in enumerate(clips):
            store.add(NAMES[i], i % 2, clip)
            x[i, : len(clip), : clip.shape[1]] = clip
    arrays = dict.fromkeys(('x_train', 'x_test'), x.reshape(8, -1, 150))
    arrays |= dict.fromkeys(('y_train', 'y_test'), np.eye(60)[np.arange(8) % 2])
    np.savez(folder / 'clips.npz', **arrays)
    np.savez_compressed(folder / 'small.npz', **arrays)
    (folder / 'names.txt').write_text('\n'.join(NAMES))
    feature = rng.normal(size=(9, 4)).astype(np.float32)
    write_features(folder / 'video.h5', [*NAMES, 'another'], feature)
    shuffled = rng.permutation(9)
    write_features(folder / 'shuffled.h5', [[*NAMES, 'another'][i] for i in shuffled], feature[shuffled])
    (folder / 'text').mkdir()
    for i, name in enumerate(NAMES):
        np.save(folder / 'text' / f'{name}.npy', [[i, i + 1, i + 2]])


def same(one, other):
    return all(a is b is None or torch.equal(a, b) for a, b in zip(one, other, strict=True))


def skeletons(feeder):
    return feeder.__getitems__(list(range(len(feeder)))).skeleton.numpy()
