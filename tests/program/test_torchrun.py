"""Several processes: each clip is scored once; a run that is killed or stopped ends as one that is not."""

import re
import subprocess
import sys
import warnings

import numpy as np
import pytest
import torch

from tests.helpers import ROOT
from tests.program.support import command_line, same_scores, same_weights, scores

PROGRAM = """import os, signal, sys
sys.path.insert(0, {root!r})
import main_MMCL
train_step = main_MMCL.Processor.train_step
step, target, number = {signals}.get(int(os.environ['TORCHELASTIC_RESTART_COUNT']), (None, None, None))

def signalled(self, batch):
    if os.environ['RANK'] == '1' and self.global_step == step:
        os.kill(target(), number)
    return train_step(self, batch)

def written(event, args):
    if event == 'os.rename':
        with open({written!r}, 'a') as file:
            print(os.environ['RANK'], os.path.basename(args[1]), file=file)

main_MMCL.Processor.train_step = signalled
sys.addaudithook(written)
sys.exit(main_MMCL.main())
"""
ITSELF, TORCHRUN = 'os.getpid', 'os.getppid'
MORE = '--model-args', 'drop_out=0.5', '--num-epoch', 1, '--resume', 'auto', '--checkpoint-minutes', 1e-9


def torchrun(data, run, *more, **signals):
    """Run two processes and return what became of them; signals: start0=(step before which, to whom, which signal)."""
    script = run.parent / 'program.py'
    numbered = ', '.join(f'{key[5:]}: ({step}, {to}, signal.{name})' for key, (step, to, name) in signals.items())
    written = str(run.parent / 'written.txt')  # a line for each file: the process and the name
    script.write_text(PROGRAM.format(root=str(ROOT), signals=f'{{{numbered}}}', written=written))
    launch = [sys.executable, '-m', 'torch.distributed.run', '--standalone', '--nproc-per-node', '2']
    # One restart more than the signals need: once in dozens of runs, PyTorch aborts a process, which is told below.
    command = [*launch, '--max-restarts', '2', str(script), *command_line(data, run, *MORE, *more)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=240)
    if aborted := re.search(r'(.*\n){0,40}.*exitcode: -6\b', done.stderr):
        warnings.warn(f'a process of torchrun aborted:\n{aborted[0]}', stacklevel=2)
    return done


@pytest.fixture(scope='module')
def whole(data, tmp_path_factory):
    """The work directory of a run that gets no signal."""
    run = tmp_path_factory.mktemp('whole') / 'run'
    done = torchrun(data, run, '--pictures', True)
    assert done.returncode == 0, done.stderr[-2000:]
    return run


def test_every_clip_is_scored_once(whole, one_epoch, data, tmp_path):
    test = '--phase', 'test', '--weights', one_epoch / 'best.pt', '--save-score', 'True'
    done = torchrun(data, tmp_path / 'run', *test)
    assert done.returncode == 0, done.stderr[-2000:]
    one, two = (scores(run / 'epoch1_test_score.pkl') for run in (one_epoch, tmp_path / 'run'))
    assert list(one) == list(two) == list(scores(whole / 'epoch1_test_score.pkl'))
    np.testing.assert_allclose(np.stack(list(one.values())), np.stack(list(two.values())), atol=1e-4)


def test_the_report_the_pictures_and_the_tables_are_written_once_by_the_first_process(whole):
    lines = (whole.parent / 'written.txt').read_text().splitlines()
    for name in 'report.html', 'topology.png', 'embedding.png', 'confusion_matrix.png', 'per_class.csv', 'best.pt':
        assert [line for line in lines if line.endswith(f' {name}')] == [f'0 {name}'] and (whole / name).exists()


def test_a_run_that_is_killed_stopped_and_killed_again_ends_as_one_that_is_not(whole, data, tmp_path):
    run, place = tmp_path / 'run', f'{tmp_path}/run/checkpoint.pt'
    stopped = torchrun(data, run, start0=(0, ITSELF, 'SIGKILL'), start1=(2, TORCHRUN, 'SIGTERM'))
    assert stopped.returncode != 0 and f'Resumed {place} after epoch 0' in stopped.stdout
    last = stopped.stdout.rindex(f'Checkpoint: {place}, after step ')
    done = torchrun(data, run, start0=(4, ITSELF, 'SIGKILL'))
    assert done.returncode == 0, done.stderr[-2000:]
    assert f'Resumed {place} after step {stopped.stdout[last:].split()[4]} of epoch 1' in done.stdout
    assert f'Resumed {place} after step 4 of epoch 1' in done.stdout
    histories = [torch.load(folder / 'checkpoint.pt', weights_only=True)['history'] for folder in (whole, run)]
    assert histories[0] == histories[1] and same_weights(whole / 'runs-1-6.pt', run / 'runs-1-6.pt')
    assert same_scores(*(scores(folder / 'epoch1_test_score.pkl') for folder in (whole, run)))
