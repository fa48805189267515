"""Batches of a store of 20,000 clips (1 GB): peak memory, and their time mapped from the file against from memory.

    OMP_NUM_THREADS=1 python -m tests.benchmarks.bench_store [--clips 20000] [--batches 100]

The store is made in a temporary folder. An epoch is read with 0 and with 2 workers; printed is the sum of the
processes' greatest resident memory, in which pages that they share count more than once (Linux only). Then rounds
alternate between the mapped file and memory; printed are the medians of the time of a batch and of the ratio within
a round, which a busy machine moves less than the times.
"""

import argparse
import copy
import os
import re
import tempfile
import time
from itertools import islice
from pathlib import Path

import numpy as np

from feeders.feeder import make_loader
from feeders.feeder_MMCL import Feeder
from feeders.skeleton_store import SkeletonStoreWriter

BATCH, WORKERS, ROUNDS = 64, (0, 2), 5
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


def peak_memory():
    """The greatest resident memory so far, in bytes, of this process and its children together."""
    children = Path(f'/proc/self/task/{os.getpid()}/children').read_text().split()
    peaks = [
        re.search(r'VmHWM:\s+(\d+) kB', Path(f'/proc/{process}/status').read_text()) for process in ('self', *children)
    ]
    return sum(1024 * int(peak[1]) for peak in peaks if peak)


def seconds(feeder, workers, batches):
    """The mean time of a batch, after the first."""
    iterator = iter(loader(feeder, workers))
    next(iterator)
    began = time.perf_counter()
    count = sum(1 for _ in islice(iterator, batches))
    return (time.perf_counter() - began) / count


def main():
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('--clips', type=int, default=20000)
    parser.add_argument('--batches', type=int, default=100, help='timed in each round')
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / 'x.h5'
        made_up_store(path, args.clips)
        print(f'{args.clips} clips, {path.stat().st_size / 1e9:.2f} GB')
        mapped = Feeder(str(path), 'all', p_interval=[0.5, 1], random_rot=True)
        print(f'the store is open at {peak_memory() / 1e9:.2f} GB')
        for workers in sorted(WORKERS, reverse=True):  # this process reads last, or its own peak would count twice
            peak = max(peak_memory() for _ in loader(mapped, workers))
            print(f'{workers} workers: an epoch peaks at {peak / 1e9:.2f} GB')
        in_memory = copy.copy(mapped)
        in_memory.store = copy.copy(mapped.store)
        in_memory.store.frames = mapped.store.frames[:]
        for workers in WORKERS:
            rounds = np.array(
                [[seconds(feeder, workers, args.batches) for feeder in (mapped, in_memory)] for _ in range(ROUNDS)]
            )
            file, memory = 1000 * np.median(rounds, 0)
            print(
                f'{workers} workers: a batch of {BATCH} takes {file:.1f} ms mapped, {memory:.1f} ms from memory; '
                f'ratio {np.median(rounds[:, 0] / rounds[:, 1]):.2f}'
            )


if __name__ == '__main__':
    main()
