"""Batches of the NTU feeder from a store, against the reference that takes one clip after the other, in one run.

    OMP_NUM_THREADS=1 python -m tests.benchmarks.bench_feeder [skeleton store]

Without a store, 256 clips are made up: 40 to 150 frames, two persons in every fifth. Both sides crop, resample, rotate
and take the bones with the same random numbers. Prints batches of 64 a second, best of 5 rounds that alternate between
the two, and their ratio.
"""

import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from torch.utils.data import default_collate

from feeders import transforms
from feeders.feeder_MMCL import Feeder
from feeders.skeleton_store import SkeletonStoreWriter, open_skeletons
from tests.reference import ntu_feeder

ROUNDS, BATCH, WINDOW, LONGEST = 5, 64, 64, 300
AUGMENTED = {'window_size': WINDOW, 'p_interval': [0.5, 1], 'random_rot': True, 'bone': True}


def make_up(path, clips=256, seed=0):
    """Write a store of noise with the sizes of real clips."""
    rng = np.random.default_rng(seed)
    with SkeletonStoreWriter(path, 'made up', (2, 25, 3)) as store:
        for i in range(clips):
            store.add(f'clip {i}', i % 60, rng.normal(size=(rng.integers(40, 150), 1 + (i % 5 == 0), 25, 3)))


def padded(store):
    """The clips as the public arrays have them: (N, 300, 150)."""
    x = np.zeros((len(store), max(LONGEST, store.length.max()), *store.layout), np.float32)
    for i, length in enumerate(store.length):
        x[i, :length] = store.clip(i)
    return x.reshape(len(x), -1, 150)


def one_clip(x, draws):
    """Bones of one clip by the reference, with the feeder's random numbers: (300, 150) → (3, 64, 25, 2)."""
    valid = ntu_feeder.valid_frames(x)
    kept = ntu_feeder.crop_length(valid, 0.5 + draws[0] / 2)
    start, angles = int(draws[1] * (valid - kept + 1)), (2 * draws[2:] - 1) * ntu_feeder.LARGEST_ANGLE
    return ntu_feeder.stream(ntu_feeder.joints(x, start, kept, WINDOW, angles, torch.float32), 'bone')


def plain_batch(x, indices):
    """A batch, clip by clip, with the feeder's random numbers."""
    return default_collate([one_clip(x[i], transforms.uniform(1, 0, [i], 5)[0]) for i in indices])


def rate(batch_of, batches):
    """Batches a second."""
    began = time.perf_counter()
    for batch in batches:
        batch_of(batch)
    return len(batches) / (time.perf_counter() - began)


def compare(path):
    """Print one line."""
    torch.set_num_threads(1)
    feeder, x = Feeder(path, 'all', **AUGMENTED), padded(open_skeletons(path))
    feeder.set_epoch(1, 0)
    order = np.random.default_rng(0).permutation(len(feeder)).tolist()
    batches = [order[first : first + BATCH] for first in range(0, len(order) - BATCH + 1, BATCH)]
    difference = (plain_batch(x, batches[0]) - feeder.__getitems__(batches[0]).skeleton).abs().max()
    assert difference < 1e-4, f'the two differ by {difference}'
    rounds = [
        (rate(lambda batch: plain_batch(x, batch), batches), rate(feeder.__getitems__, batches)) for _ in range(ROUNDS)
    ]
    plain, whole = np.max(rounds, 0)
    print(
        f'{len(feeder)} clips: clip by clip {plain:.1f}, whole batches {whole:.1f} batches of {BATCH} a second: '
        f'{whole / plain:.1f} times'
    )


def main(path=None):
    """Compare on a store, or on one made up."""
    if path:
        return compare(path)
    with tempfile.TemporaryDirectory() as folder:
        make_up(Path(folder) / 'x.h5')
        compare(Path(folder) / 'x.h5')


if __name__ == '__main__':
    main(*sys.argv[1:])
