"""Kill runs at random instants and let them go on: `python -m tests.fuzz.kills [--runs N] [--seed N]`.

Each run is killed (SIGKILL) once or twice, at random from its first instant to its end, continued with the same command
line, and compared with a run that was not: weights, scores and history bit for bit, and the same files. Half of the
runs have two data-loading processes. Runs are forked from this process, so that they do not begin with seconds of
imports. Status 1 if a run differs or does not go on.
"""

import argparse
import multiprocessing
import os
import pickle
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch

import main_MMCL
from feeders.sample import make_sample
from tests.program.support import command_line

LONG = '--num-epoch', 2, '--model-args', 'drop_out=0.5', '--resume', 'auto', '--checkpoint-minutes', 0.02
WORKERS = 0, 2
FORK = multiprocessing.get_context('fork')


def main(argv=None):
    parser = argparse.ArgumentParser(prog='python -m tests.fuzz.kills', description=__doc__.splitlines()[0])
    parser.add_argument('--runs', type=int, default=20, help='runs to kill (default: 20)')
    parser.add_argument('--seed', type=int, default=0, help='number of the first run (default: 0)')
    arguments = parser.parse_args(argv)
    with TemporaryDirectory() as name:
        folder, unlike = Path(name), 0
        if finish(FORK.Process(target=make_sample, args=(folder, 9))):  # here, it would start threads
            raise RuntimeError('the sample cannot be made')
        expected, seconds = {}, {}
        for workers in WORKERS:
            began = time.monotonic()
            run_to_the_end(folder, f'whole{workers}', workers)
            expected[workers], seconds[workers] = left(folder / f'whole{workers}'), time.monotonic() - began
            print(f'whole, {workers} processes: {seconds[workers]:.2f} s', flush=True)
        for number in range(arguments.seed, arguments.seed + arguments.runs):
            random, workers = np.random.default_rng(number), WORKERS[number % 2]
            instants = [random.uniform(0, seconds[workers]) for _ in range(random.integers(1, 3))]
            for instant in instants:
                kill(folder, f'run{number}', workers, instant)
            problem = run_to_the_end(folder, f'run{number}', workers)
            problem = problem or difference(left(folder / f'run{number}'), expected[workers])
            unlike += bool(problem)
            print(number, workers, ' '.join(f'{t:.2f} s' for t in instants), problem or 'identical', flush=True)
        print(f'{arguments.runs - unlike} of {arguments.runs} identical')
    return int(unlike > 0)


def run(folder, name, workers):
    """Train, with what is printed in a file, and without the pictures, which take longer than the epochs."""
    main_MMCL.results.draw = lambda *_: None
    with open(folder / f'{name}.txt', 'w') as printed:
        os.dup2(printed.fileno(), 1)
        os.dup2(printed.fileno(), 2)
        sys.exit(main_MMCL.main(command_line(folder, folder / name, *LONG, '--num-worker', workers)))


def kill(folder, name, workers, seconds):
    """Start a run and kill it after some seconds, if it has not ended by then."""
    process = FORK.Process(target=run, args=(folder, name, workers))
    process.start()
    process.join(seconds)
    process.kill()
    process.join()


def finish(process):
    """Let a process run to its end; return its exit status."""
    process.start()
    process.join()
    return process.exitcode


def run_to_the_end(folder, name, workers):
    """Train to the end; return what was said last if that failed."""
    status = finish(FORK.Process(target=run, args=(folder, name, workers)))
    return f'status {status}: {(folder / f"{name}.txt").read_text().splitlines()[-1:]}' if status else ''


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
