"""Made-up score pickles, the published ones of NW-UCLA, and what the command prints about them.

Legend: N clips.
"""

import os
import re
from pathlib import Path

import numpy as np

from Ensemble.ensemble import main
from torchlight.pickles import write_scores

SIX = 'J', 'B', 'JM', 'BM', 'HDJ', 'HDB'
NTU = [
    f'S{setup:03}C{camera:03}P003R001A{action:03}'
    for setup in (1, 3)
    for camera in (1, 2, 3)
    for action in range(1, 61)
]
UCLA = [f'a{action:02}_s{subject:02}_e00_v03' for subject in range(1, 7) for action in (1, 2, 3, 4, 5, 6, 8, 9, 11, 12)]
UTD = [f'a{action}_s{subject}_t1' for subject in (2, 4) for action in range(1, 28)]
NTU60 = [f'S001C001P003R001A{action:03}' for action in range(1, 61)]


def label_of(name):
    """The class each data set's authors mean, written out again."""
    number = int(re.search('[aA](\\d+)', name)[1])
    return sorted({1, 2, 3, 4, 5, 6, 8, 9, 11, 12}).index(number) if '_v' in name else number - 1


def made_up(names, classes, streams=SIX, seed=0, signal=1.5):
    """{stream: (N, num_class) float32} of noise, and a share of truth that falls from stream to stream."""
    rng, label = np.random.default_rng(seed), [label_of(name) for name in names]
    scores = rng.normal(size=(len(streams), len(names), classes)).astype(np.float32)
    for order, stream in enumerate(scores):
        stream[np.arange(len(names)), label] += signal - 0.2 * order
    return dict(zip(streams, scores))


def write(folder, names, scores):
    """The files' flags, `--J_Score <folder>/J.pkl …`."""
    for stream, values in scores.items():
        write_scores(folder / f'{stream}.pkl', names, values)
    return [word for stream in scores for word in (f'--{stream}_Score', str(folder / f'{stream}.pkl'))]


def output(capsys, *words):
    """What a run that ends well prints."""
    status = main([str(word) for word in words])
    captured = capsys.readouterr()
    assert status == 0 and captured.err == '', captured.err
    return captured.out


def row(text, name):
    """The numbers in the table's row of that name."""
    return [float(value) for value in re.search(rf'^{name} +(.*)$', text, re.M)[1].split()]


def acc(text):
    return float(re.search('^acc: (.*)$', text, re.M)[1])


def ucla_flags(shared, streams=SIX[:4]):
    """The flags of NW-UCLA's published streams."""
    folder = shared / 'data' / 'scores' / 'NW-UCLA'
    flags = ['--benchmark', 'NW-UCLA', '--val_sample', folder / 'val_label.pkl']
    return flags + [word for name in streams for word in (f'--{name}_Score', folder / f'UCLA_{name}.pkl')]


def two_streams():
    """Write two good streams of NTU60, numbered, and their names to the working folder; return their flags."""
    scores = np.random.default_rng(0).normal(size=(2, 60, 60)).astype(np.float32) + 2 * np.eye(60)
    for name, values in zip('JB', scores):
        write_scores(f'{name}.pkl', [f'test_{i}' for i in range(60)], values)
    Path('Val.txt').write_text('\n'.join(NTU60))
    return ['--J_Score', 'J.pkl', '--B_Score', 'B.pkl', '--val_sample', 'Val.txt', '--benchmark', 'NTU60XSub']


def fails(capsys, words, message):
    """Run with a mistake: status 2, one line, nothing written."""
    before = sorted(os.listdir())
    assert main([*words, '--save', 'out.pkl', '--report', 'out']) == 2
    captured = capsys.readouterr()
    assert captured.err.startswith('error: ') and captured.err.count('\n') == 1 and message in captured.err
    assert captured.out == '' and sorted(os.listdir()) == before
