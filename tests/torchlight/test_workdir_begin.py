"""The work directory: who may take it, what is removed, and how a run begins and goes on there."""

import sys
from argparse import Namespace
from pathlib import Path

import pytest
import torch
import yaml

from model.base import SkeletonModel
from tests.torchlight.work_files import BEST, files_in, fill, save
from torchlight import record
from torchlight.errors import InputError
from torchlight.workdir import WorkDir

LEFT_BY_A_RUN = (
    'config.yaml',
    'checkpoint.pt',
    'best.pt',
    'curves.png',
    'report.html',
    'report_test.html',
    'confusion_matrix.png',
    'class_accuracy.png',
    'embedding.png',
    'topology.png',
    'alignment.png',
    'per_class.csv',
    'confused_pairs.csv',
    'epoch1_test_score.pkl',
    'epoch12_test_score_refined.pkl',
    'epoch3_test_each_class_acc.csv',
    'runs/train/events',
    'runs/val/events',
    'runs-3-120.pt',
    'runs-12-3456.pt',
    'runs-12-3456_right.txt',
    'runs-12-3456_wrong.txt',
)
A_USERS_OWN = (
    'notes.txt',
    'my_topology.png',
    'topology.png.old',
    'other.pt',
    'pretrained.pt',
    'runs-old.pt',
    'runs-3-120-mine.pt',
    'runs-3-120.pt.backup',
    'runs-x-120.pt',
    'other-3-120.pt',
    'my_epoch1_test_score.pkl',
    'epoch1_test_score_mine.pkl',
    'epochs.csv',
    'best_of_all.pt',
    'deep/runs-3-120.pt',
    'log.txt',
)
NEW = {'epoch': 0, 'history': [], 'best': None}
ARG = Namespace(config='c.yaml', base_lr=0.1, model_args={'a': 1}, assume_yes=False, resume=None)


@pytest.fixture
def work(tmp_path):
    return WorkDir(tmp_path / 'work')


class Part(torch.nn.Module):
    """A part of a model whose source is this file."""


class Terminal:
    """A standard input with somebody behind it."""

    def isatty(self):
        return True


def test_a_free_folder_is_claimed_silently(work):
    work.claim(assume_yes=False)
    fill(work.path, ['notes.txt', 'log.txt'])
    work.claim(assume_yes=False)
    assert not work.leftovers() and files_in(work.path) == {'notes.txt', 'log.txt'}


@pytest.mark.parametrize('trace', ['config.yaml', 'checkpoint.pt', 'runs/train/events'])
def test_a_run_is_not_replaced_without_a_terminal(work, monkeypatch, trace):
    fill(work.path, [trace])
    monkeypatch.setattr(sys, 'stdin', open('/dev/null'))
    with pytest.raises(
        InputError,
        match='already contains a run; continue it with --resume auto, replace it with '
        '--assume-yes, or give another --work-dir',
    ):
        work.claim(assume_yes=False)
    work.claim(assume_yes=True)
    assert files_in(work.path) == {trace}


@pytest.mark.parametrize('answer, goes_on', [('y', True), (' YES ', True), ('n', False), ('', False), ('yo', False)])
def test_a_terminal_is_asked(work, monkeypatch, answer, goes_on):
    fill(work.path, LEFT_BY_A_RUN)
    monkeypatch.setattr(sys, 'stdin', Terminal())
    monkeypatch.setattr('builtins.input', lambda question: answer)
    if goes_on:
        work.claim(assume_yes=False)
    else:
        with pytest.raises(InputError, match='work is unchanged; continue its run with --resume auto'):
            work.claim(assume_yes=False)
    assert files_in(work.path) == set(LEFT_BY_A_RUN)


def test_clear_removes_a_runs_own_files_alone(work):
    fill(work.path, [*LEFT_BY_A_RUN, *A_USERS_OWN])
    assert work.clear() == len(LEFT_BY_A_RUN)
    assert files_in(work.path) == set(A_USERS_OWN) and not work.leftovers()
    assert work.clear() == 0


@pytest.mark.parametrize('prefix', ['mine', 'a[1]', 'weights/mine'])
def test_clear_follows_the_prefix_of_the_weights(tmp_path, prefix):
    folder = tmp_path / 'work'
    prefix = str(tmp_path / prefix) if '/' in prefix else prefix
    work = WorkDir(folder, prefix)
    weights = work.weights(3, 120)
    fill(weights.parent, [weights.name, f'{weights.stem}_wrong.txt', 'other-3-120.pt'])
    fill(folder, ['runs-3-120.pt'])
    assert weights.name.endswith('-3-120.pt') and work.clear() == 2
    assert files_in(weights.parent) >= {'other-3-120.pt'} and not weights.exists()
    assert (folder / 'runs-3-120.pt').exists()


def test_a_folder_that_is_not_there_has_nothing_to_clear(work):
    assert work.clear() == 0 and not work.path.exists()


def begin(work, resumed=None, best=None, **changes):
    lines = []
    arg = Namespace(**{**vars(ARG), **changes})
    work.begin(resumed, best, arg, torch.nn.Sequential(Part()), lines.append, lambda: NEW, {'seed': 1})
    return lines


def test_a_run_describes_itself(work, monkeypatch):
    monkeypatch.setattr(sys, 'argv', ['main_MMCL.py', '--stream', 'a b'])
    assert begin(work) == []
    text = (work.path / 'config.yaml').read_text()
    assert text.startswith("# command line: main_MMCL.py --stream 'a b'\n")
    assert yaml.safe_load(text) == {'base_lr': 0.1, 'model_args': {'a': 1}}
    assert (work.path / Path(__file__).name).read_bytes() == open(__file__, 'rb').read()
    assert files_in(work.path) == {'config.yaml', Path(__file__).name, 'checkpoint.pt', 'run.json'}
    assert record.read(work.path) == {'format': 1, 'state': 'running', 'sessions': [{'seed': 1}]}


def test_the_files_of_base_classes_are_copied_too(work):
    class Derived(SkeletonModel):
        pass

    work.describe(ARG, torch.nn.Sequential(Derived()))
    assert {Path(__file__).name, 'base.py'} <= files_in(work.path)


@pytest.mark.parametrize('resume', [None, 'auto'])
def test_a_run_killed_before_its_first_checkpoint_is_replaced_and_other_results_are_not(work, monkeypatch, resume):
    monkeypatch.setattr(sys, 'stdin', open('/dev/null'))
    fill(work.path, ['epoch1_test_score.pkl', 'runs/train/events'])
    with pytest.raises(InputError, match='already contains a run'):
        begin(work, resume=resume)
    record.write(work.path, 'starting', [])
    assert begin(work, resume=resume) == [f'Removed 2 files of an earlier run from {work.path}']


def test_weights_that_were_the_best_before_go_even_if_the_run_was_killed_at_that_moment(work):
    save(work)
    losses = {1: (0.3, 0.5), 2: (0.4, 0.9), 3: (0.4, 0.8)}  # the best was 2 by the rule until 2026-11-26, 3 since
    history = [{'epoch': epoch, 'val': {'top1': top1, 'loss': loss}} for epoch, (top1, loss) in losses.items()]
    for superseded in ('runs-2-60.pt', 'runs-3-90.pt'):
        fill(work.path, [superseded, 'runs-1-30.pt', 'runs-20-60.pt'])
        for keeps in (True, False):
            work.keeps = lambda epoch, keeps=keeps: keeps
            work._remove_superseded({'history': [*history, {'epoch': 4}], 'best': BEST})
            assert (work.path / superseded).exists() == keeps
        assert {'runs-1-30.pt', 'runs-20-60.pt', 'runs-4-120.pt'} <= files_in(work.path)


def test_a_run_that_had_taken_the_folder_begins_anew_whatever_is_left_of_the_one_before(work, monkeypatch):
    save(work)
    monkeypatch.setattr(WorkDir, 'describe', lambda *_: 1 / 0)  # killed after the first files were removed
    monkeypatch.setattr(WorkDir, 'clear', lambda self: self.best.unlink())
    with pytest.raises(ZeroDivisionError):
        begin(work, assume_yes=True)
    assert work.checkpoint.exists() and work.checkpoint_to_resume('auto') is None
    monkeypatch.undo()
    begin(work, resume='auto')
    assert torch.load(work.checkpoint) == NEW and record.read(work.path)['state'] == 'running'


def test_each_start_of_a_run_is_recorded(work):
    begin(work)
    begin(work, work.checkpoint)
    assert record.read(work.path)['sessions'] == [{'seed': 1}, {'seed': 1}]


def test_the_checkpoint_to_resume(work, tmp_path):
    assert work.checkpoint_to_resume(None) is None and work.checkpoint_to_resume('auto') is None
    fill(work.path, ['checkpoint.pt'])
    assert work.checkpoint_to_resume('auto') == work.checkpoint
    assert work.checkpoint_to_resume(str(tmp_path / 'x.pt')) == tmp_path / 'x.pt'


def test_the_run_of_the_folder_goes_on_and_needs_its_best_weights(work):
    save(work)
    before = files_in(work.path)
    assert begin(work, work.checkpoint, BEST) == [] and files_in(work.path) >= before
    work.weights(4, 120).unlink()
    with pytest.raises(InputError, match=r'the best weights so far, .*runs-4-120.pt, are missing'):
        begin(work, work.checkpoint, BEST)


def test_a_run_of_another_folder_brings_its_best_weights(work, tmp_path):
    other = WorkDir(tmp_path / 'other')
    save(other)
    begin(work, other.checkpoint, BEST)
    for name in ('best.pt', 'runs-4-120.pt'):
        assert (work.path / name).read_bytes() == (other.path / name).read_bytes()
    other.best.unlink()
    with pytest.raises(InputError, match=r'the best weights of the run to resume, .*best.pt, do not exist'):
        begin(WorkDir(tmp_path / 'third'), other.checkpoint, BEST)


def test_a_backup_in_the_folder_continues_its_own_run(work):
    save(work)
    (work.path / 'backup.pt').write_bytes(work.checkpoint.read_bytes())
    before = files_in(work.path)
    assert begin(work, work.path / 'backup.pt', BEST, assume_yes=True) == []
    assert files_in(work.path) >= before


def test_nothing_is_removed_when_the_best_weights_to_take_over_are_missing(work, tmp_path):
    save(work)
    other = WorkDir(tmp_path / 'other')
    save(other)
    other.best.unlink()
    before = files_in(work.path)
    with pytest.raises(InputError, match=r'other/best.pt, do not exist'):
        begin(work, other.checkpoint, BEST, assume_yes=True)
    assert files_in(work.path) == before
