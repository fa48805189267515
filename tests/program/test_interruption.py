"""SIGTERM, Ctrl-C and kill: the run is where it was, bit for bit, and two runs never share a folder."""

import fcntl
import os
import signal
import subprocess
import sys

import pytest
import torch

import main_MMCL
from tests.helpers import ROOT
from tests.program.support import command_line, refused, same_scores, same_weights, scores

LONG = '--num-epoch', 2, '--model-args', 'drop_out=0.5', '--lr-schedule', 'cosine', '--step'
STEPS = 6  # of an epoch


@pytest.fixture(scope='module')
def unbroken(data, tmp_path_factory):
    """The work directory of a run that is never interrupted."""
    folder = tmp_path_factory.mktemp('unbroken') / 'whole'
    assert main_MMCL.main(command_line(data, folder, *LONG)) == 0
    return folder


@pytest.fixture
def signalled(monkeypatch, arguments):
    """signalled(number, step, *more, times=1) → the exit status of a run that gets signals in that training step."""

    def start(number, step, *more, times=1):
        train_step, steps = main_MMCL.Processor.train_step, []

        def interrupted(self, batch):
            steps.append(1)
            for _ in range(times * (len(steps) == step)):
                os.kill(os.getpid(), number)
            return train_step(self, batch)

        with monkeypatch.context() as patch:
            patch.setattr(main_MMCL.Processor, 'train_step', interrupted)
            return main_MMCL.main(arguments('a', *LONG, *more))

    return start


def same_runs(one, other):
    """Whether two finished runs left the same weights, scores and history."""
    states = [torch.load(folder / 'checkpoint.pt', weights_only=True) for folder in (one, other)]
    same = states[0]['history'] == states[1]['history'] and states[0]['within'] is states[1]['within'] is None
    names = 'runs-2-12.pt', 'best.pt'
    equal = all(same_weights(one / name, other / name) for name in names if (one / name).exists())
    return same and equal and same_scores(*(scores(folder / 'epoch1_test_score.pkl') for folder in (one, other)))


@pytest.mark.parametrize(
    ('number', 'step', 'workers', 'status'),
    [(signal.SIGINT, STEPS + 3, 1, 130), (signal.SIGTERM, STEPS, 0, 143)],
)
def test_a_signal_finishes_the_step_and_the_run_goes_on_from_there(
    signalled, run, unbroken, tmp_path, capsys, number, step, workers, status
):
    assert signalled(number, step, '--num-worker', workers) == status
    place = f'after step {(step - 1) % STEPS + 1} of {STEPS} of epoch {(step - 1) // STEPS + 1}'
    output = capsys.readouterr()
    assert f'Checkpoint: {tmp_path}/a/checkpoint.pt, {place}' in output.out and '--resume auto' in output.err
    state = torch.load(tmp_path / 'a' / 'checkpoint.pt', weights_only=True)
    assert (state['global_step'], state['within']['step']) == (step, (step - 1) % STEPS + 1)
    assert same_runs(run('a', *LONG, '--num-worker', workers, '--resume', 'auto'), unbroken)


def test_a_signal_while_an_epoch_is_evaluated_loses_nothing(arguments, run, unbroken, monkeypatch):
    report = main_MMCL.engines.scorer

    def interrupted(*args):
        os.kill(os.getpid(), signal.SIGTERM)
        return report(*args)

    with monkeypatch.context() as patch:
        patch.setattr(main_MMCL.engines, 'scorer', interrupted)
        assert main_MMCL.main(arguments('a', *LONG)) == 143
    assert same_runs(run('a', *LONG, '--resume', 'auto'), unbroken)


def test_a_second_signal_ends_the_run_at_once(signalled, tmp_path):
    assert signalled(signal.SIGINT, 3, times=2) == 130
    assert torch.load(tmp_path / 'a' / 'checkpoint.pt', weights_only=True)['global_step'] == 0


def test_a_job_that_is_requeued_again_and_again_ends_as_one_that_is_not(signalled, run, unbroken):
    statuses = []
    while not statuses or statuses[-1]:
        statuses.append(signalled(signal.SIGTERM, 5, '--resume', 'auto'))
    assert statuses == [143, 143, 0]
    assert same_runs(run('a', *LONG, '--resume', 'auto'), unbroken)


def test_a_signal_to_all_processes_lets_the_step_finish_too(arguments, tmp_path):
    command = [sys.executable, 'main_MMCL.py', *arguments('a', '--num-worker', 1, '--num-epoch', 50)]
    pipes = {'stdout': subprocess.PIPE, 'stderr': subprocess.PIPE, 'text': True}
    with subprocess.Popen(command, cwd=ROOT, start_new_session=True, **pipes) as process:
        while 'Eval epoch' not in process.stdout.readline():
            pass
        os.killpg(process.pid, signal.SIGTERM)
        output, error = process.communicate(timeout=60)
    assert process.returncode == 143 and 'terminated' in error and 'Checkpoint: ' in output


def test_checkpoints_inside_an_epoch_survive_a_crash(arguments, run, unbroken, tmp_path, monkeypatch):
    train_step = main_MMCL.Processor.train_step

    def crash(self, batch):
        if self.global_step == 4:
            raise RuntimeError('power cut')
        return train_step(self, batch)

    minutes = '--checkpoint-minutes', 1e-9
    with monkeypatch.context() as patch:
        patch.setattr(main_MMCL.Processor, 'train_step', crash)
        with pytest.raises(RuntimeError, match='power cut'):
            main_MMCL.main(arguments('a', *LONG, *minutes))
    assert torch.load(tmp_path / 'a' / 'checkpoint.pt', weights_only=True)['within']['step'] == 4
    assert same_runs(run('a', *LONG, '--resume', 'auto'), unbroken)


def test_an_epoch_of_other_steps_is_not_continued(signalled, arguments, capsys):
    assert signalled(signal.SIGTERM, 2) == 143
    capsys.readouterr()
    line = refused(capsys, arguments('a', *LONG, '--resume', 'auto', '--batch-size', 24))
    assert 'only in the same order of clips, but now: batch_size 12 → 24' in line


@pytest.mark.parametrize('more', [(), ('--assume-yes',), ('--resume', 'auto')])
def test_a_folder_that_a_run_uses_is_refused(trained, arguments, capsys, more):
    before = {path.name for path in trained.iterdir()} | {'.lock'}
    with open(trained / '.lock', 'a+') as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.truncate(0)
        file.write('process 7 on elsewhere\n')
        file.flush()
        line = refused(capsys, arguments('a', *more))
    assert f'{trained} is in use by process 7 on elsewhere' in line
    assert {path.name for path in trained.iterdir()} == before


def test_tests_may_share_a_folder_but_not_with_training(trained, run, arguments, capsys):
    test = '--phase', 'test', '--weights', trained / 'best.pt'
    with open(trained / '.lock', 'a+') as file:
        fcntl.flock(file, fcntl.LOCK_SH)
        run('a', *test)
        assert 'is in use by tests, the last of them process' in refused(capsys, arguments('a', '--assume-yes'))
        fcntl.flock(file, fcntl.LOCK_EX)
        assert 'is in use by tests, the last of them process' in refused(capsys, arguments('a', *test))
