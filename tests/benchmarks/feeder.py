"""Batches of the NTU feeder from a store against the plain feeder, which takes one clip after the other; one core.

256 clips are made up: 40 to 150 frames, two persons in every fourth. Both sides crop, resample and rotate with the same
random numbers.
"""

import tempfile
from pathlib import Path

import numpy as np
import torch
from torch.utils.data import default_collate

from feeders import transforms
from feeders.feeder_MMCL import Feeder
from feeders.skeleton_store import SkeletonStoreWriter, open_skeletons
from tests.benchmarks.measure import alternate, clock, close, row, threads
from tests.reference import ntu_feeder

CLIPS, BATCH, WINDOW, LONGEST = 256, 64, 64, 300
STREAMS = {'joint': {}, 'bone_motion': {'bone': True, 'vel': True}}


def make_up(path, clips=CLIPS, names=None, seed=0):
    """Write a store of noise with the sizes of real clips; the labels are those of the names, if there are any."""
    rng = np.random.default_rng(seed)
    with SkeletonStoreWriter(path, 'ntu60' if names else 'made up', (2, 25, 3)) as store:
        for i in range(clips):
            name, label = (names[i], int(names[i][-3:]) - 1) if names else (f'clip {i}', i % 60)
            store.add(name, label, rng.normal(size=(rng.integers(40, 150), 1 + (i % 4 == 0), 25, 3)))


def padded(store):
    """The clips as the public arrays have them: (N, 300, 150)."""
    x = np.zeros((len(store), max(LONGEST, store.length.max()), *store.layout), np.float32)
    for i, length in enumerate(store.length):
        x[i, :length] = store.clip(i)
    return x.reshape(len(x), -1, 150)


def one_clip(x, draws, stream):
    """A stream of one clip by the reference, with the feeder's random numbers: (300, 150) → (3, 64, 25, 2)."""
    valid = ntu_feeder.valid_frames(x)
    kept = ntu_feeder.crop_length(valid, 0.5 + draws[0] / 2)
    start, angles = int(draws[1] * (valid - kept + 1)), (2 * draws[2:] - 1) * ntu_feeder.LARGEST_ANGLE
    return ntu_feeder.stream(ntu_feeder.joints(x, start, kept, WINDOW, angles, torch.float32), stream)


def compare(path, stream, options):
    """The row of a stream."""
    feeder = Feeder(path, 'all', window_size=WINDOW, p_interval=[0.5, 1], random_rot=True, **STREAMS[stream])
    feeder.set_epoch(1, 0)
    x = padded(open_skeletons(path))
    batches = np.random.default_rng(0).permutation(len(feeder)).reshape(-1, BATCH).tolist()

    def plainly(indices):
        return default_collate([one_clip(x[i], transforms.uniform(1, 0, [i], 5)[0], stream) for i in indices])

    close(feeder.__getitems__(batches[0]).skeleton, plainly(batches[0]))
    functions = {
        'plain': clock(lambda: [plainly(batch) for batch in batches]),
        'ours': clock(lambda: [feeder.__getitems__(batch) for batch in batches]),
    }
    seconds = alternate(functions, 2 * options.rounds, warm_up=1)
    return row('feeder', stream, seconds['plain'], seconds['ours'], len(feeder))


def run(options):
    """A row for each stream."""
    with tempfile.TemporaryDirectory() as folder, threads(1):
        path = Path(folder) / 'x.h5'
        make_up(path)
        for stream in STREAMS:
            yield compare(path, stream, options)
