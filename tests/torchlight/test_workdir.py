"""The work directory: what is written there, and what stays."""

import pytest
import torch

from tests.torchlight.work_files import BEST, STATE, files_in, save
from torchlight.errors import InputError
from torchlight.workdir import WorkDir


@pytest.fixture
def work(tmp_path):
    return WorkDir(tmp_path / 'work')


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


def test_the_curves_are_told_the_best_epoch_and_the_weights_of_the_terms(tmp_path, monkeypatch):
    seen, weights = [], {'refined': 0.2}
    monkeypatch.setattr('torchlight.workdir.draw_curves', lambda path, *what: seen.append(what))
    save(WorkDir(tmp_path / 'work', loss_weights=weights))
    save(WorkDir(tmp_path / 'other', pictures=False))
    assert seen == [(STATE['history'], BEST, weights)]


def test_a_picture_that_cannot_be_drawn_costs_no_weights(work, monkeypatch, capsys):
    def full(*_):
        raise InputError('cannot write curves.png: No space left on device')

    monkeypatch.setattr('torchlight.workdir.draw_curves', full)
    save(work)
    assert work.checkpoint.exists() and work.best.exists()
    assert 'warning: cannot write curves.png' in capsys.readouterr().err
