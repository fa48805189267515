"""Batches of a store of 20,000 clips (1 GB): mapped from the file (ours) against from memory (plain), and their memory.

The memory is the sum of the processes' greatest resident memory while an epoch is read, in which pages that they share
count more than once (Linux only).
"""

import copy
import os
import tempfile
import time
from itertools import islice
from pathlib import Path

import numpy as np

from feeders.feeder_MMCL import Feeder
from feeders.loading import make_loader
from feeders.skeleton_store import SkeletonStoreWriter
from tests.benchmarks.measure import alternate, close, peak_memory, row

CLIPS, BATCH, BATCHES = 20000, 64, 60  # BATCHES are timed in a round
WORKERS = 2, 0  # this process reads last, or its own peak would count twice
LENGTHS = 50, 118  # frames of a clip; 84 on average make 20,000 clips 1 GB


def made_up_store(path, clips, seed=0):
    """A store of random clips of two persons, under NTU's names."""
    rng = np.random.default_rng(seed)
    pool = rng.normal(size=(LENGTHS[1] + 1000, 2, 25, 3)).astype(np.float32)
    with SkeletonStoreWriter(path, 'ntu60', (2, 25, 3)) as store:
        for clip, (length, first) in enumerate(zip(rng.integers(*LENGTHS, clips), rng.integers(0, 1000, clips))):
            number = f'S{clip // 3600 + 1:03}C001P{clip // 60 % 60 + 1:03}R001A{clip % 60 + 1:03}'
            store.add(number, clip % 60, pool[first : first + length])


def loader(feeder, workers):
    """As training reads it: whole batches in random order."""
    return make_loader(feeder, BATCH, train=True, workers=workers, pin_memory=False)


def memory_of_all():
    """The greatest resident memory so far, in bytes, of this process and its children together."""
    children = Path(f'/proc/self/task/{os.getpid()}/children').read_text().split()
    return sum(map(peak_memory, ('self', *children)))


def seconds(feeder, workers):
    """Of BATCHES batches, after the first."""
    iterator = iter(loader(feeder, workers))
    next(iterator)
    began = time.perf_counter()
    count = sum(1 for _ in islice(iterator, BATCHES))
    return (time.perf_counter() - began) * BATCHES / count


def run(options):
    """A row for each number of workers."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / 'x.h5'
        made_up_store(path, CLIPS)
        size = path.stat().st_size
        mapped = Feeder(str(path), 'all', p_interval=[0.5, 1], random_rot=True)
        peaks = {workers: max(memory_of_all() for _ in loader(mapped, workers)) for workers in WORKERS}
        in_memory = copy.copy(mapped)
        in_memory.store = copy.copy(mapped.store)
        in_memory.store.frames = mapped.store.frames[:]
        close(mapped.__getitems__(range(BATCH)).skeleton, in_memory.__getitems__(range(BATCH)).skeleton)
        for workers in WORKERS:
            functions = {
                'plain': lambda workers=workers: seconds(in_memory, workers),
                'ours': lambda workers=workers: seconds(mapped, workers),
            }
            found = alternate(functions, options.rounds)
            note = f'an epoch of the {size / 1e9:.1f} GB peaks at {peaks[workers] / 1e9:.2f} GB'
            yield row('store', f'workers_{workers}', found['plain'], found['ours'], BATCH * BATCHES, note=note)
