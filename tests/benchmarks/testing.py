"""The test phase as a whole process on NTU60-like clips: `main_MMCL.py` against the plain script, plain_testing.py.

The clips are made up: 40 to 150 frames, two persons in every fourth. Both processes load the data and the weights, read
with four workers in batches of 200, and write the scores. With few clips the start of the processes is much of the
time; `--clips 2000` takes several minutes and shows the scoring itself.
"""

import pickle
import subprocess
import sys
import tempfile
from itertools import product
from pathlib import Path

import numpy as np
import torch

from feeders.skeleton_store import open_skeletons
from tests.benchmarks import feeder, networks
from tests.benchmarks.measure import alternate, clock, close, row
from tests.helpers import ROOT

ROUNDS = 2  # or fewer, if the command line asks for fewer
NAMES = [  # of a test subject of X-Sub
    f'S{s:03}C{c:03}P003R{r:03}A{a:03}' for s, c, r, a in product(range(1, 18), (1, 2, 3), (1, 2), range(1, 61))
]


def write_inputs(folder, clips):
    """Write clips.h5 and weights.pt for both, and clips.npz, the same clips for the plain script."""
    feeder.make_up(folder / 'clips.h5', clips, NAMES)
    store = open_skeletons(folder / 'clips.h5')
    one_hot = np.eye(networks.SIZES['num_class'], dtype=np.float32)[store.label]
    np.savez(folder / 'clips.npz', x_test=feeder.padded(store), y_test=one_hot, name=store.name)
    torch.save(networks.student().state_dict(), folder / 'weights.pt')


def commands(folder, device):
    """{side: the command line}."""
    ours = {
        'phase': 'test',
        'config': ROOT / 'config' / 'nturgbd-cross-subject' / 'joint.yaml',
        'weights': folder / 'weights.pt',
        'work-dir': folder / 'work',
        'test-feeder-args': f'data_path={folder / "clips.h5"}',
        'save-score': True,
        'print-log': False,
        'device': 'cpu' if device.type == 'cpu' else device.index,
    }
    flags = [word for key, value in ours.items() for word in (f'--{key}', str(value))]
    files = [str(folder / name) for name in ('clips.npz', 'weights.pt', 'plain.pkl')]
    return {
        'plain': [sys.executable, '-m', 'tests.benchmarks.plain_testing', *files, str(device)],
        'ours': [sys.executable, str(ROOT / 'main_MMCL.py'), *flags],
    }


def start(command):
    """Run a command in the repository's root; its output is shown only if it fails."""
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f'{" ".join(command)} failed:\n{done.stdout}{done.stderr}')


def scores(path):
    """The scores in a pickle, by clip name."""
    with open(path, 'rb') as file:
        found = pickle.load(file)
    return np.stack([found[name] for name in sorted(found)])


def run(options):
    """One row."""
    clips = min(options.clips, len(NAMES))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_inputs(folder, clips)
        functions = {
            side: clock(lambda command=command: start(command))
            for side, command in commands(folder, options.device).items()
        }
        found = alternate(functions, min(options.rounds, ROUNDS))
        close(scores(folder / 'work' / 'epoch1_test_score.pkl'), scores(folder / 'plain.pkl'))
    plain, ours = (np.median(found[side]) for side in ('plain', 'ours'))
    note = f'{clips} clips, the whole process {plain:.1f} → {ours:.1f} s'
    yield row('test_phase', 'ntu60_mix', found['plain'], found['ours'], clips, note=note)
