"""The work directory: who may take it, what is removed, what is written."""

import csv
import sys
from argparse import Namespace

import numpy as np
import pytest
import torch
import yaml

from torchlight.errors import InputError
from torchlight.metrics import Evaluation
from torchlight.scores import read_arrays
from torchlight.workdir import WorkDir, write_verdicts

NAMES = ['a', 'b', 'c', 'd']
RESULT = Evaluation(
    np.array([0, 1, 2, 0]), np.array([[3, 1, 0, 0], [0, 1, 3, 0], [0, 0, 1, 0], [2, 0, 0, 1]], np.float32)
)
LEFT_BY_A_RUN = (
    'config.yaml',
    'checkpoint.pt',
    'best.pt',
    'curves.png',
    'confusion_matrix.png',
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


@pytest.fixture
def work(tmp_path):
    return WorkDir(tmp_path / 'work')


def fill(folder, files):
    for file in files:
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        (folder / file).write_text('x')


def files_in(folder):
    return {str(path.relative_to(folder)) for path in folder.rglob('*') if path.is_file()}


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
    assert not work.occupied() and files_in(work.path) == {'notes.txt', 'log.txt'}


@pytest.mark.parametrize('trace', ['config.yaml', 'checkpoint.pt', 'runs/train/events'])
def test_a_run_is_not_replaced_without_a_terminal(work, monkeypatch, trace):
    fill(work.path, [trace])
    monkeypatch.setattr(sys, 'stdin', open('/dev/null'))
    with pytest.raises(
        InputError,
        match='already holds a run; continue it with --resume auto, replace it with '
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
        with pytest.raises(InputError, match='is left as it is'):
            work.claim(assume_yes=False)
    assert files_in(work.path) == set(LEFT_BY_A_RUN)


def test_clear_removes_a_runs_own_files_alone(work):
    fill(work.path, [*LEFT_BY_A_RUN, *A_USERS_OWN])
    assert work.clear() == len(LEFT_BY_A_RUN)
    assert files_in(work.path) == set(A_USERS_OWN) and not work.occupied()
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


def test_the_table_has_class_accuracies_and_the_confusion_matrix(work):
    work.write_evaluation(RESULT, NAMES, 'test', 7, save_score=False)
    assert files_in(work.path) == {'epoch7_test_each_class_acc.csv'}
    with open(work.path / 'epoch7_test_each_class_acc.csv') as file:
        rows = np.array(list(csv.reader(file)), float)
    assert rows[0].tolist() == [1, 0, 1, 0]  # the fourth class has no clip
    assert rows[1:].tolist() == [[2, 0, 0, 0], [0, 0, 1, 0], [0, 0, 1, 0], [0, 0, 0, 0]]


def test_scores_are_written_on_demand_and_refined_ones_too(work):
    work.write_evaluation(RESULT._replace(refined=2 * RESULT.scores), NAMES, 'test', 1, save_score=True)
    scores, refined = (read_arrays(work.path / f'epoch1_test_score{ending}.pkl') for ending in ('', '_refined'))
    assert list(scores) == list(refined) == NAMES
    np.testing.assert_array_equal(np.stack(list(scores.values())), RESULT.scores)
    np.testing.assert_array_equal(np.stack(list(refined.values())), 2 * RESULT.scores)


def test_verdicts_list_every_clip_and_the_wrong_ones(work):
    work.path.mkdir()
    write_verdicts(work.path / 'best.pt', NAMES, RESULT)
    assert (work.path / 'best_right.txt').read_text() == '0,0\n2,1\n2,2\n0,0\n'
    assert (work.path / 'best_wrong.txt').read_text() == 'b,2,1\n'
    write_verdicts(str(work.path / 'weights.bin'), NAMES, RESULT)
    assert (work.path / 'weights.bin_wrong.txt').exists()


def test_weights_are_plain_tensors_under_their_epoch_and_step(work):
    path = work.save_weights(torch.nn.DataParallel(torch.nn.Linear(2, 3)), 4, 120)
    assert path == work.path / 'runs-4-120.pt'
    state = torch.load(path, weights_only=True)
    assert {name: tuple(value.shape) for name, value in state.items()} == {'weight': (3, 2), 'bias': (3,)}


def test_a_run_describes_itself(work):
    work.describe(Namespace(config='c.yaml', base_lr=0.1, model_args={'a': 1}), torch.nn.Sequential(Part()), 'run x')
    text = (work.path / 'config.yaml').read_text()
    assert text.startswith('# command line: run x\n')
    assert yaml.safe_load(text) == {'base_lr': 0.1, 'model_args': {'a': 1}}
    assert (work.path / 'test_workdir.py').read_bytes() == open(__file__, 'rb').read()
    assert files_in(work.path) == {'config.yaml', 'test_workdir.py'}


def test_pictures_have_their_names(work):
    work.draw_confusion(RESULT.confusion())
    work.draw_curves([{'epoch': 1, 'train': {'loss': 2.0, 'lr': 0.1}}])
    assert files_in(work.path) == {'confusion_matrix.png', 'curves.png'}
