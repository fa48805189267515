"""Fuse six streams of NTU120 X-Sub's size (50,919 clips, 120 classes); one core.

`six_streams`: the pickles are read, joined by clip, summed with weights and judged, against the public loop over clips.
`join`: a stream's unpickled dict becomes a joined (N, num_class) array, against a pandas DataFrame that is transposed;
left out where pandas, which is no requirement, is not installed.
"""

import os
import pickle
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from Ensemble import fusion
from Ensemble.streams import by_name, fill, read_streams, rows_of
from tests.benchmarks.measure import alternate, clock, close, peak_memory, row, threads
from tests.helpers import ROOT
from torchlight.pickles import read_arrays, write_scores

RATES = {'J': 2.4, 'B': 4.4, 'JM': 3.6, 'BM': 1.0, 'HDJ': 3.1, 'HDB': 5.0}
CLIPS, CLASSES = 50919, 120


def make_streams(folder):
    """Write the six score pickles; returns the names of their clips, and {stream: path}."""
    names = [f'S001C{i % 3 + 1:03}P{i // 3 % 900 + 3:03}R{i // 2700 + 1:03}A{i % CLASSES + 1:03}' for i in range(CLIPS)]
    files = {stream: folder / f'{stream}.pkl' for stream in RATES}
    for seed, path in enumerate(files.values()):
        scores = np.random.default_rng(seed).normal(size=(CLIPS, CLASSES)).astype(np.float32)
        scores[np.arange(CLIPS), np.arange(CLIPS) % CLASSES] += 2
        write_scores(path, names, scores)
    return names, files


def plainly(files, label):
    """The share of clips that are right, first and among the first five, clip by clip."""
    streams = []
    for path in files.values():
        with open(path, 'rb') as file:
            streams.append(list(pickle.load(file).items()))
    first = first_five = 0
    for i in range(len(label)):
        fused = 0
        for stream, rate in zip(streams, RATES.values()):
            fused = fused + stream[i][1] * rate
        first_five += int(label[i] in fused.argsort()[-5:])
        first += int(np.argmax(fused) == label[i])
    return first / len(label), first_five / len(label)


def ours(files, label):
    """The same by the program."""
    streams = read_streams(files)
    verdict = fusion.judge(fusion.fuse(streams.scores, [RATES[name] for name in streams.name]), label)
    return verdict.correct.mean(), verdict.in_top5.mean()


def command(files, *more):
    """Run the command as a user does; returns its time and memory in words."""
    flags = [f'--{stream}_Score={path}' for stream, path in files.items()]
    began = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, ROOT / 'Ensemble' / 'ensemble.py', *flags, '--benchmark', 'NTU120XSub', *more],
        stdout=subprocess.DEVNULL,
        env={**os.environ, 'OMP_NUM_THREADS': '1'},
    )
    peak = 0
    while process.poll() is None:
        peak = max(peak, peak_memory(process.pid))
        time.sleep(0.02)
    if process.returncode:
        raise RuntimeError(f'{process.args} failed')
    return f'{time.perf_counter() - began:.1f} s, {peak / 2**20:.0f} MB'


def six_streams(files, options):
    """The row of the whole fusion."""
    label = np.arange(CLIPS) % CLASSES
    close(np.array(ours(files, label)), np.array(plainly(files, label)))
    functions = {'plain': clock(lambda: plainly(files, label)), 'ours': clock(lambda: ours(files, label))}
    found = alternate(functions, options.rounds)
    note = f'the command: {command(files)}; with --search: {command(files, "--search")}'
    return row('ensemble', 'six_streams', found['plain'], found['ours'], CLIPS, note=note)


def join(path, names, options):
    """The row of one stream's joining, unpickling left out; pandas must be there."""
    import pandas

    scores = read_arrays(path)
    joined = np.empty((CLIPS, CLASSES), np.float32)

    def transpose():
        return pandas.DataFrame(scores).transpose().loc[names].to_numpy()

    def here():
        fill(joined, rows_of(by_name(scores, None, path), names, path, path))
        return joined

    close(here(), transpose(), 0)
    found = alternate({'plain': clock(transpose), 'ours': clock(here)}, options.rounds)
    return row('ensemble', 'join', found['plain'], found['ours'], CLIPS, note=f'pandas {pandas.__version__}')


def run(options):
    """One row, or two."""
    with tempfile.TemporaryDirectory() as folder, threads(1):
        names, files = make_streams(Path(folder))
        yield six_streams(files, options)
        try:
            yield join(files['J'], names, options)
        except ImportError as error:
            print(f'ensemble: without join: {error}')
