"""Fuse six streams of NTU120 X-Sub's size (50,919 clips, 120 classes): time, memory, and against a pandas transpose.

    OMP_NUM_THREADS=1 python -m tests.benchmarks.bench_ensemble

Prints the whole command's time and peak memory, the search's, and, where pandas is installed (it is no requirement),
how a stream's unpickled dict becomes a joined (N, num_class) array, here and by a DataFrame that is transposed: best of
5 rounds that alternate between the two. Unpickling, the same for both, is given beside it.
"""

import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from Ensemble.streams import by_name, fill, rows_of
from torchlight.files import read_arrays, write_scores

ROOT = Path(__file__).resolve().parents[2]
STREAMS = 'J', 'B', 'JM', 'BM', 'HDJ', 'HDB'
CLIPS, CLASSES, ROUNDS = 50919, 120, 5


def make_streams(folder):
    """Write the six score pickles; returns the names of their clips."""
    names = [f'S001C{i % 3 + 1:03}P{i // 3 % 900 + 3:03}R{i // 2700 + 1:03}A{i % CLASSES + 1:03}' for i in range(CLIPS)]
    for seed, stream in enumerate(STREAMS):
        scores = np.random.default_rng(seed).normal(size=(CLIPS, CLASSES)).astype(np.float32)
        scores[np.arange(CLIPS), np.arange(CLIPS) % CLASSES] += 2
        write_scores(folder / f'{stream}.pkl', names, scores)
    return names


def run_command(folder, *more):
    """Seconds of wall clock, seconds of processor, and the most MB so far, of the command as a user runs it."""
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    files = [f'--{stream}_Score={folder / stream}.pkl' for stream in STREAMS]
    subprocess.run(
        [sys.executable, ROOT / 'Ensemble' / 'ensemble.py', *files, '--benchmark', 'NTU120XSub', *more],
        check=True,
        stdout=subprocess.DEVNULL,
    )
    wall, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    processor = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return f'{wall:.2f} s ({processor:.2f} s of processor), peak {after.ru_maxrss / 1024:.0f} MB'


def seconds(function, *arguments):
    """Of processor, all in one thread, so that what else runs on the machine counts little; and the result."""
    began = time.process_time()
    result = function(*arguments)
    return time.process_time() - began, result


def against_pandas(path, names):
    """Print the ratio for one stream."""
    try:
        import pandas
    except ImportError:
        print('pandas is not installed: nothing to compare with')
        return

    def transpose(scores):
        return pandas.DataFrame(scores).transpose().loc[names].to_numpy()

    def join(scores):
        joined = np.empty((CLIPS, CLASSES), np.float32)
        fill(joined, rows_of(by_name(scores, None, path), names, path, path))
        return joined

    rounds = []
    for _ in range(ROUNDS):
        reading, scores = seconds(read_arrays, path)
        (slow, expected), (fast, found) = seconds(transpose, scores), seconds(join, scores)
        assert np.array_equal(expected, found)
        rounds.append((reading, slow, fast))
    reading, slow, fast = np.min(rounds, 0)
    print(
        f'a stream, {CLIPS} × {CLASSES}: pandas {pandas.__version__} {1000 * slow:.0f} ms, here '
        f'{1000 * fast:.0f} ms: {slow / fast:.1f} times; with unpickling ({1000 * reading:.0f} ms): '
        f'{(reading + slow) / (reading + fast):.1f} times'
    )


def main():
    """Print three lines."""
    with tempfile.TemporaryDirectory() as folder:
        names = make_streams(Path(folder))
        print(f'six streams fused: {run_command(Path(folder))}')
        print(f'six streams, with --search: {run_command(Path(folder), "--search")}')
        against_pandas(Path(folder) / 'J.pkl', names)


if __name__ == '__main__':
    os.environ.setdefault('OMP_NUM_THREADS', '1')
    main()
