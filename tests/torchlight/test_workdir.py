"""The work directory: what is written there, and what stays."""

import csv

import numpy as np
import pytest
import torch

from tests.torchlight.work_files import BEST, STATE, files_in, save
from torchlight.errors import InputError
from torchlight.metrics import Evaluation
from torchlight.pickles import read_arrays
from torchlight.workdir import WorkDir

NAMES = ['a', 'b', 'c', 'd']
RESULT = Evaluation(
    np.array([0, 1, 2, 0]), np.array([[3, 1, 0, 0], [0, 1, 3, 0], [0, 0, 1, 0], [2, 0, 0, 1]], np.float32)
)


@pytest.fixture
def work(tmp_path):
    return WorkDir(tmp_path / 'work')


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
    work.write_verdicts(work.path / 'best.pt', NAMES, RESULT)
    assert (work.path / 'best_right.txt').read_text() == '0,0\n2,1\n2,2\n0,0\n'
    assert (work.path / 'best_wrong.txt').read_text() == 'b,2,1\n'
    assert (work.path / 'confusion_matrix.png').exists()
    work.write_verdicts(str(work.path / 'weights.bin'), NAMES, RESULT)
    assert (work.path / 'weights.bin_wrong.txt').exists()


def test_an_epoch_leaves_plain_weights_a_checkpoint_and_curves(work):
    save(work)
    assert files_in(work.path) == {'runs-4-120.pt', 'best.pt', 'checkpoint.pt', 'curves.png'}
    for name in ('runs-4-120.pt', 'best.pt'):
        state = torch.load(work.path / name, weights_only=True)
        assert {key: tuple(value.shape) for key, value in state.items()} == {'weight': (3, 2), 'bias': (3,)}
    state = torch.load(work.checkpoint, weights_only=True)
    assert set(state.pop('model')) == {'weight', 'bias'} and state == {**STATE, 'best': BEST}


def test_an_epoch_that_is_not_the_best_keeps_the_best(work):
    save(work)
    best = (work.path / 'best.pt').read_bytes()
    save(work, previous_best=BEST, epoch=5, global_step=150)
    assert files_in(work.path) == {'runs-4-120.pt', 'runs-5-150.pt', 'best.pt', 'checkpoint.pt', 'curves.png'}
    assert (work.path / 'best.pt').read_bytes() == best


def test_only_the_best_weights_and_those_asked_for_stay(tmp_path):
    work = WorkDir(tmp_path / 'work', save_interval=2, save_epoch=3, num_epoch=7)
    assert [epoch for epoch in range(1, 8) if work.keeps(epoch)] == [4, 6, 7]
    best = None
    for epoch in (1, 2, 4, 5):
        previous, best = best, {'accuracy': epoch / 10, 'epoch': epoch, 'step': epoch}
        save(work, previous, epoch=epoch, global_step=epoch, best=best)
    assert {name for name in files_in(work.path) if name.startswith('runs')} == {'runs-4-4.pt', 'runs-5-5.pt'}


def test_a_picture_that_cannot_be_drawn_costs_no_weights(work, monkeypatch, capsys):
    def full(*_):
        raise InputError('cannot write curves.png: No space left on device')

    monkeypatch.setattr('torchlight.logging.draw_curves', full)
    save(work)
    assert work.checkpoint.exists() and work.best.exists()
    assert 'warning: cannot write curves.png' in capsys.readouterr().err
