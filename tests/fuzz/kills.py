"""Kill runs at random instants and let them go on: `python -m tests.fuzz.kills [--runs N] [--seed N]`.

Each run is killed (SIGKILL, with its data-loading processes) once or twice, at random from its first instant to its
end, continued with the same command line, and compared with a run that was not: weights, scores and history bit for
bit, and the same files. Half of the runs have two data-loading processes. Status 1 if a run differs or does not go on.
"""

import argparse
import os
import pickle
import signal
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch

from feeders.sample import make_sample
from tests.helpers import ROOT
from tests.program.support import command_line

LONG = '--num-epoch', 2, '--model-args', 'drop_out=0.5', '--resume', 'auto', '--checkpoint-minutes', 0.01
WORKERS = 0, 2


def main(argv=None):
    parser = argparse.ArgumentParser(prog='python -m tests.fuzz.kills', description=__doc__.splitlines()[0])
    parser.add_argument('--runs', type=int, default=20, help='runs to kill (default: 20)')
    parser.add_argument('--seed', type=int, default=0, help='number of the first run (default: 0)')
    arguments = parser.parse_args(argv)
    with TemporaryDirectory() as name:
        folder, unlike = Path(name), 0
        make_sample(folder, clips_per_class=9)
        expected, seconds = {}, {}
        for workers in WORKERS:
            began = time.monotonic()
            finish(folder, f'whole{workers}', workers)
            expected[workers], seconds[workers] = left(folder / f'whole{workers}'), time.monotonic() - began
        for number in range(arguments.seed, arguments.seed + arguments.runs):
            random, workers = np.random.default_rng(number), WORKERS[number % 2]
            instants = [random.uniform(0, seconds[workers]) for _ in range(random.integers(1, 3))]
            for instant in instants:
                kill(folder, f'run{number}', workers, instant)
            problem = finish(folder, f'run{number}', workers)
            problem = problem or difference(left(folder / f'run{number}'), expected[workers])
            unlike += bool(problem)
            print(number, workers, ' '.join(f'{t:.2f} s' for t in instants), problem or 'identical', flush=True)
        print(f'{arguments.runs - unlike} of {arguments.runs} identical')
    return int(unlike > 0)


def start(folder, name, workers):
    """Start a run in a process group of its own."""
    command = [sys.executable, 'main_MMCL.py', *command_line(folder, folder / name, *LONG, '--num-worker', workers)]
    pipes = {'stdout': subprocess.DEVNULL, 'stderr': subprocess.PIPE, 'text': True}
    return subprocess.Popen(command, cwd=ROOT, start_new_session=True, **pipes)


def kill(folder, name, workers, seconds):
    """Start a run and kill it after some seconds, if it has not ended by then."""
    with start(folder, name, workers) as process:
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)


def finish(folder, name, workers):
    """Run to the end; return what it said if that failed."""
    with start(folder, name, workers) as process:
        error = process.communicate()[1]
        return f'status {process.returncode}: {error.strip().splitlines()[-1:]}' if process.returncode else ''


def left(folder):
    """What a run left: the names of its files, and the contents of those that must be the same."""
    names = {str(path.relative_to(folder)) for path in folder.rglob('*') if path.parent.name not in ('train', 'val')}
    state = torch.load(folder / 'checkpoint.pt', weights_only=True)
    best = torch.load(folder / 'best.pt', weights_only=True)
    scores = pickle.loads((folder / 'epoch1_test_score.pkl').read_bytes())
    values = [*state['model'].values(), *best.values(), *map(torch.from_numpy, scores.values())]
    return {'files': names, 'history': state['history'], 'values': [value.numpy().tobytes() for value in values]}


def difference(found, expected):
    """The first thing in which two runs differ, '' if there is none."""
    return next((f'other {key}' for key in expected if found[key] != expected[key]), '')


if __name__ == '__main__':
    sys.exit(main())
