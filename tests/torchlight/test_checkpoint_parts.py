"""Checkpoints give back what a run needs to go on; entries that no run writes are refused by name."""

import pytest
import torch

from model.ctrgcn import Model as Student
from torchlight.checkpoint import plain_state, read_checkpoint, read_weights, save
from torchlight.errors import InputError
from torchlight.optim import Optimizer


@pytest.fixture
def student(tiny):
    """student(**changes) → a new tiny student."""
    return lambda **changes: Student(**{**tiny, **changes})


@pytest.fixture
def run(student):
    """A student, and the checkpoint of a run that trained it for a step."""
    model = student()
    optimizer = Optimizer(model.parameters(), torch.device('cpu'), base_lr=0.1, num_epoch=2)
    optimizer.backward(sum(weight.sum() for weight in model.parameters()))
    optimizer.step()
    best, means = {'accuracy': 0.5, 'epoch': 1, 'step': 1}, {'loss': 1.0}
    rest = {'best': best, 'history': [{'epoch': 1, 'train': means, 'val': means}], 'arg': {'step': [1], 'model': 'x'}}
    return model, {'model': plain_state(model), 'epoch': 7, 'global_step': 1, **rest, **optimizer.state_dict()}


def same(ours, theirs):
    return ours.keys() == theirs.keys() and all(torch.equal(ours[key], theirs[key]) for key in ours)


def test_a_checkpoint_gives_its_weights_and_the_rest(student, run, tmp_path):
    (source, state), target = run, student()
    save(state, tmp_path / 'checkpoint.pt')
    assert read_checkpoint(tmp_path / 'checkpoint.pt', target)['epoch'] == 7
    assert same(target.state_dict(), source.state_dict())
    assert same(read_weights(tmp_path / 'checkpoint.pt'), source.state_dict())


@pytest.mark.parametrize(
    'key, value',
    [
        *(('epoch', value) for value in ('7', -1, True, 7.0)),
        *(('global_step', value) for value in (None, [1])),
        *(('best', value) for value in ({}, 3, {'accuracy': float('nan'), 'epoch': 1, 'step': 1}, {'accuracy': 1})),
        *(('history', value) for value in ({}, [3], [{}], [{'epoch': 1, 'train': {'loss': 'x'}}])),
        *(('arg', value) for value in ([], {'a': torch.zeros(2)})),
        *(('scaler', value) for value in (None, {'scale': 'x'}, {'scale': float('inf')})),
        *(('optimizer', value) for value in (3, {}, {'state': {}, 'param_groups': []})),
    ],
)
def test_an_entry_of_another_type_is_refused_by_name(student, run, tmp_path, key, value):
    save({**run[1], key: value}, tmp_path / 'x.pt')
    with pytest.raises(InputError, match=f"x.pt is not a checkpoint of this model: its '{key}' is not one that a run"):
        read_checkpoint(tmp_path / 'x.pt', student())


@pytest.mark.parametrize('value', [torch.zeros(3, 3, 3), torch.tensor(float('nan')), torch.zeros(2).to_sparse(), 'x'])
def test_momenta_that_do_not_fit_are_refused(student, run, tmp_path, value):
    run[1]['optimizer']['state'][0]['momentum_buffer'] = value
    save(run[1], tmp_path / 'x.pt')
    with pytest.raises(InputError, match=r"its 'optimizer' is not one|contains more than tensors"):
        read_checkpoint(tmp_path / 'x.pt', student())


def test_settings_in_endless_lists_are_refused(student, run, tmp_path):
    for _ in range(50):
        run[1]['arg'] = {'a': [run[1]['arg']]}
    save(run[1], tmp_path / 'x.pt')
    with pytest.raises(InputError, match="its 'arg' is not one"):
        read_checkpoint(tmp_path / 'x.pt', student())


def test_weights_are_not_a_checkpoint(student, tmp_path):
    save(student().state_dict(), tmp_path / 'x.pt')
    with pytest.raises(InputError, match=r'x.pt is not a training checkpoint; to load only weights, use --weights'):
        read_checkpoint(tmp_path / 'x.pt', student())
