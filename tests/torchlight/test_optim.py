"""The learning-rate rule by hand values, and the optimisers' settings."""

import copy
import math
from itertools import pairwise
from types import SimpleNamespace

import pytest
import torch

from torchlight.optim import Optimizer, learning_rate, settings, without_effect

RECIPE = {'base_lr': 0.1, 'num_epoch': 65, 'milestones': [35, 55], 'warm_up_epoch': 5}
COSINE = {'base_lr': 0.1, 'num_epoch': 90, 'schedule': 'cosine', 'warm_up_epoch': 5, 'min_lr': 1e-4}
FLAGS = {
    'optimizer': 'SGD',
    'base_lr': 0.1,
    'weight_decay': 4e-4,
    'nesterov': True,
    'num_epoch': 65,
    'lr_schedule': 'step',
    'step': [35, 55],
    'lr_decay_rate': 0.1,
    'warm_up_epoch': 5,
    'min_lr': 0,
    'clip_grad': 0,
}


def make(*weights, **changes):
    return Optimizer(weights, torch.device('cpu'), **settings(SimpleNamespace(**{**FLAGS, **changes})))


@pytest.mark.parametrize(
    'epoch, expected',
    [
        (0, 0.02),
        (0.9, 0.02),
        (1, 0.04),
        (4, 0.1),
        (5, 0.1),
        (34.99, 0.1),
        (35, 0.01),
        (54, 0.01),
        (55, 0.001),
        (64, 0.001),
    ],
)
def test_warm_up_and_steps_of_ctr_gcn(epoch, expected):
    assert learning_rate(epoch, **RECIPE) == pytest.approx(expected)


def test_steps_follow_the_decay_rate():
    assert learning_rate(3, 1, 9, milestones=[1, 2, 3, 4], lr_decay_rate=0.5) == 0.125


@pytest.mark.parametrize(
    'epoch, expected',
    [
        (0, 0.02),
        (4, 0.1),
        (5, 0.1),
        (47.5, (0.1 + 1e-4) / 2),
        (90, 1e-4),
        (26.25, 1e-4 + (0.1 - 1e-4) * (1 + math.sqrt(0.5)) / 2),
    ],
)
def test_the_cosine_of_hd_gcn(epoch, expected):
    assert learning_rate(epoch, **COSINE) == pytest.approx(expected)


def test_the_cosine_falls_with_every_batch():
    rates = [learning_rate(5 + batch / 10, **COSINE) for batch in range(850)]
    assert all(a > b for a, b in pairwise(rates))


def test_no_warm_up_starts_at_the_base_rate():
    assert learning_rate(0, 0.1, 10) == 0.1 and learning_rate(0, 0.1, 10, 'cosine') == 0.1


def test_a_warm_up_as_long_as_the_run_has_no_cosine_left():
    assert learning_rate(4, 0.1, 5, 'cosine', warm_up_epoch=5) == 0.1


def test_the_optimisers_take_the_recipe():
    weight = torch.nn.Parameter(torch.ones(2))
    sgd, adam = make(weight).inner, make(weight, optimizer='Adam').inner
    assert type(sgd) is torch.optim.SGD and type(adam) is torch.optim.Adam
    assert {key: sgd.defaults[key] for key in ('lr', 'momentum', 'nesterov', 'weight_decay')} == {
        'lr': 0.1,
        'momentum': 0.9,
        'nesterov': True,
        'weight_decay': 4e-4,
    }
    assert (adam.defaults['lr'], adam.defaults['weight_decay']) == (0.1, 4e-4)


def test_the_rule_reaches_every_group():
    weights = [{'params': [torch.nn.Parameter(torch.ones(1))]} for _ in range(2)]
    optimizer = make(*weights)
    assert optimizer.set_epoch(35) == pytest.approx(0.01)
    assert [group['lr'] for group in optimizer.inner.param_groups] == pytest.approx([0.01, 0.01])
    cosine = make(*weights, lr_schedule='cosine', min_lr=1e-4)
    assert cosine.set_epoch(65) == pytest.approx(1e-4)


def test_a_step_of_nesterov_by_hand():
    weight = torch.nn.Parameter(torch.tensor([2.0]))
    optimizer = make(weight, weight_decay=0.5)
    optimizer.set_epoch(5)
    optimizer.backward((3 * weight).sum())
    optimizer.step()
    assert weight.item() == pytest.approx(2 - 0.1 * 1.9 * (3 + 0.5 * 2))
    optimizer.backward((3 * weight).sum())
    optimizer.step()
    assert weight.grad.item() == 3  # of this step alone


def test_a_loaded_state_goes_on_as_the_saved_one():
    weights = [torch.nn.Parameter(torch.tensor([2.0])) for _ in range(2)]
    first, second = (make(weight) for weight in weights)
    first.backward(weights[0].square().sum())
    first.step()
    second.load_state_dict(copy.deepcopy(first.state_dict()))
    weights[1].data = weights[0].data.clone()
    for optimizer, weight in zip((first, second), weights):
        optimizer.backward(weight.square().sum())
        optimizer.step()
    assert weights[0].item() == weights[1].item()


@pytest.mark.parametrize('optimizer', ['SGD', 'Adam'])
@pytest.mark.parametrize('bad', [math.nan, math.inf, -math.inf])
def test_no_weight_changes_from_the_first_loss_on_that_is_not_finite(optimizer, bad):
    weight = torch.nn.Parameter(torch.tensor([2.0, 1.0]))
    steps = make(weight, optimizer=optimizer)
    seen = []
    for factor in (1, bad, 1):
        steps.backward((factor * weight).sum())
        steps.step()
        seen.append(weight.tolist())
    assert seen[0] != [2, 1] and seen[1] == seen[2] == seen[0]


def test_the_same_holds_with_a_scaled_loss():
    weight = torch.nn.Parameter(torch.tensor([2.0]))
    optimizer = Optimizer([weight], torch.device('cpu'), scale_loss=True, base_lr=0.1, num_epoch=1)
    seen = []
    for factor in (1, math.nan, 1):
        optimizer.backward((factor * weight).sum())
        optimizer.step()
        seen.append(weight.item())
    assert seen[0] == pytest.approx(1.9) and seen[1] == seen[2] == seen[0]


@pytest.mark.parametrize('optimizer', ['SGD', 'Adam'])
def test_a_first_step_that_is_skipped_leaves_no_trace(optimizer):
    """PyTorch allocates the momentum in the first step, whether it is taken or not."""
    weights = [torch.nn.Parameter(torch.full((1000,), 2.0)) for _ in range(2)]
    for weight, skips in zip(weights, (False, True)):
        steps = Optimizer([weight], torch.device('cpu'), optimizer=optimizer, scale_loss=True, base_lr=0.1, num_epoch=1)
        if skips:
            garbage = [torch.full((1000,), 7.0) for _ in range(50)]
            del garbage
            steps.backward(weight.sum() * 1e34)  # the scaled gradient is infinite, the loss is not
            steps.step()
            assert weight.eq(2).all()
        steps.backward(weight.sum())
        steps.step()
    torch.testing.assert_close(*weights)


@pytest.mark.parametrize('norm, expected', [(0, 5), (10, 5), (1, 1)])
def test_gradients_are_scaled_down_to_their_largest_norm(norm, expected):
    weights = [torch.zeros(1, requires_grad=True), torch.zeros(1, requires_grad=True)]
    optimizer = make(*weights, clip_grad=norm, weight_decay=0, base_lr=1, nesterov=False)
    optimizer.backward(3 * weights[0].sum() + 4 * weights[1].sum())
    optimizer.step()
    moved = torch.cat(weights).detach()
    assert moved.norm() == pytest.approx(expected) and moved[0] / moved[1] == pytest.approx(0.75)


def test_settings_of_this_run_replace_those_of_a_checkpoint():
    first, second = (make(torch.nn.Parameter(torch.tensor([2.0])), optimizer='Adam') for _ in range(2))
    state = copy.deepcopy(first.state_dict())
    state['optimizer']['param_groups'][0].update(fused=None, weight_decay=9)
    second.load_state_dict(state)
    assert second.inner.param_groups[0]['fused'] is True and second.inner.param_groups[0]['weight_decay'] == 4e-4


@pytest.mark.parametrize(
    'schedule, optimizer, expected',
    [
        ('step', 'SGD', 'min_lr 0.1 has no effect with lr_schedule step'),
        ('cosine', 'SGD', 'step [5] has no effect with lr_schedule cosine'),
        (
            'cosine',
            'Adam',
            'step [5] has no effect with lr_schedule cosine; nesterov True has no effect with optimizer Adam',
        ),
    ],
)
def test_settings_that_others_make_idle_are_named(schedule, optimizer, expected):
    given = SimpleNamespace(lr_schedule=schedule, optimizer=optimizer, step=[5], min_lr=0.1, nesterov=True)
    assert without_effect(given) == expected
    assert without_effect(SimpleNamespace(**{**vars(given), 'step': [], 'min_lr': 0.0, 'nesterov': False})) == ''
