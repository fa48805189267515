"""CTR-GCN equals the reference network layer by layer and whole, at any size, and keeps its laws."""

import math
import pickle
from functools import partial

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from feeders.feeder_ucla import Feeder
from graph import ntu_rgb_d
from model import ctrgcn
from model.ctrgcn import GraphConv, Model, aggregate
from model.layers import Block, MultiScaleTemporalConv
from tests.golden import inputs
from tests.helpers import by_name, near, parts, scramble
from tests.reference import ctrgcn as reference
from tests.reference import graphs
from torchlight.checkpoint import load_weights

UCLA = {'num_class': 10, 'num_point': 20, 'num_person': 1, 'graph': 'graph.ucla.Graph'}


@pytest.fixture
def student(student):
    return student.double()


@pytest.fixture
def skeleton(skeleton):
    return skeleton.double()


@pytest.fixture
def twin(student):
    """The reference network with the student's weights."""
    network = reference.CTRGCN(4, torch.zeros(3, 5, 5), num_person=2, base_channel=8).double()
    network.load_state_dict(student.state_dict())
    return network.eval()


def swap(x):
    """(B, C, V, T) ↔ (B, C, T, V)."""
    return x.transpose(2, 3)


# --- the reference, layer by layer, then whole


@pytest.mark.parametrize('widths', [(3, 8), (16, 16), (16, 32)])
def test_a_graph_convolution_equals_the_reference(widths):
    gcn = scramble(GraphConv(*widths, torch.rand(3, 5, 5), adaptive=True)).double()
    twin = reference.GraphConv(*widths, torch.zeros(3, 5, 5)).double()
    twin.load_state_dict(gcn.state_dict())
    x = torch.randn(2, widths[0], 5, 6).double()
    torch.testing.assert_close(gcn(x), swap(twin(swap(x))))


@pytest.mark.parametrize('name', ['l1', 'l2', 'l5', 'l8', 'l10'])
def test_a_block_equals_the_reference(student, twin, name):
    block = student.get_submodule(name)
    x = torch.randn(2, block.gcn1.convs[0].conv3.in_channels, 5, 8).double()
    torch.testing.assert_close(block(x.clone()), swap(twin.get_submodule(name)(swap(x))))


def test_the_topology_of_a_clip_is_what_the_graph_convolution_aggregates_by():
    gcn, x = scramble(GraphConv(16, 8, torch.rand(3, 5, 5), adaptive=True)).double(), torch.randn(2, 16, 5, 6).double()
    value = torch.stack([conv.conv3(x) for conv in gcn.convs], 1)  # (B, K, C_out, V, T)
    y = torch.einsum('bkcuv,bkcvt->bcut', gcn.PA[:, None] + gcn.relation(x), value)
    torch.testing.assert_close(y, gcn.received(x))


def test_the_topology_shows_what_training_changed_and_which_pairs_stand_out(student, skeleton):
    blank = Model(4, 5, 2, 'graph.custom.Graph', {'num_point': 5, 'edges': [[1, 0]]}, base_channel=8).double().eval()
    untrained = blank.topology(skeleton[:1])
    assert untrained.learned.shape == (10, 5, 5) and not untrained.learned.any() and not untrained.relation.any()
    before = student.topology(skeleton[:1]).relation[9]
    with torch.no_grad():
        student.l10.gcn1.PA[2, 1, 3] += 7
        student.l10.gcn1.convs[0].conv4.bias += 7  # is the same for all pairs
    topology = student.topology(skeleton[:1])
    assert topology.learned[9].argmax() == 5 + 3 and topology.learned.min() >= 0
    torch.testing.assert_close(topology.relation[9], before)
    assert topology.relation.shape == (10, 5, 5) and before.min() > 0
    torch.testing.assert_close(student.topology(skeleton[:1].repeat(2, 1, 1, 1, 1)), topology)


@pytest.mark.parametrize('training', [False, True])
def test_the_student_equals_the_reference(student, twin, skeleton, training):
    skeleton[:2, ..., 1] = 0  # in training the statistics count every empty slot
    torch.testing.assert_close(student.train(training)(skeleton).logits, twin.train(training)(skeleton))
    theirs = dict(twin.named_buffers())
    for name, buffer in student.named_buffers():
        torch.testing.assert_close(buffer, theirs[name])


def test_gradients_equal_the_reference(student, twin, skeleton):
    student.train()(skeleton).logits.square().sum().backward()
    twin.train()(skeleton).square().sum().backward()
    for name, parameter in student.named_parameters():
        expected = twin.get_parameter(name).grad
        assert (parameter.grad - expected).abs().max() <= 1e-8 * max(1, expected.abs().max().item()), name


# --- the stored arrays


@pytest.fixture
def stored(golden):
    """The golden arrays, and the student with the weights that they were computed with."""
    model, names = (
        Model(num_point=20, graph='graph.ucla.Graph', **inputs.UCLA),
        reference.CTRGCN(A=graphs.ucla(), **inputs.UCLA),
    )
    assert load_weights(model, inputs.weights(names)) == []
    return golden('ctrgcn_ucla'), model


def test_the_scores_are_the_golden_ones(stored):
    arrays, model = stored
    skeleton, _ = inputs.ucla()
    with torch.no_grad():
        assert near(model.eval()(skeleton).logits, arrays['eval.logits'], 1e-5)
        assert near(model.double()(skeleton.double()).logits, arrays['eval.logits'], 1e-8)


def test_a_training_step_is_the_golden_one(stored):
    arrays, model = stored
    skeleton, label = inputs.ucla()
    logits = model.double().train()(skeleton.double()).logits
    loss = F.cross_entropy(logits, label)
    loss.backward()
    assert near(logits, arrays['train.logits'], 1e-8) and near(loss, arrays['train.loss'], 1e-8)
    gradients = by_name((name, p.grad) for name, p in model.named_parameters())
    for kind, ours in (('grad.', gradients), ('after.', by_name(model.state_dict()))):
        for name, expected in parts(arrays, kind).items():
            assert near(ours[name], expected, 1e-8), name


# --- laws


def test_two_clips_in_a_batch_equal_each_alone(student, skeleton):
    together = student(skeleton).logits
    for number in range(len(skeleton)):
        torch.testing.assert_close(student(skeleton[number : number + 1]).logits[0], together[number])


def test_without_refinement_the_graph_is_the_adjacency():
    gcn = scramble(GraphConv(8, 8, torch.rand(3, 5, 5), adaptive=True)).double()
    gcn.alpha.data.zero_()
    x = torch.randn(2, 8, 5, 6).double()
    _, _, relation, adjacency = gcn.weights()
    assert not relation.any()
    assert torch.equal(adjacency.unflatten(2, (5, 5)), gcn.PA.transpose(1, 2).unsqueeze(1).expand(3, 8, 5, 5))
    expected = sum(A @ conv.conv3(x) for A, conv in zip(gcn.PA, gcn.convs))
    torch.testing.assert_close(gcn.received(x), expected)


@pytest.mark.parametrize('bodies', [1, 8, 19])
def test_the_aggregation_in_parts_is_the_one_at_once(bodies):
    gcn = scramble(GraphConv(8, 16, torch.rand(3, 5, 5), adaptive=True)).double()
    x = torch.randn(bodies, 8, 5, 6).double()
    arguments = x, gcn.difference(x), *gcn.weights()
    torch.testing.assert_close(aggregate(*arguments), ctrgcn.aggregate_at_once(*arguments))


@pytest.mark.parametrize('bodies', [1, 2, 5])
def test_the_gradients_of_the_aggregation_are_those_of_its_values(bodies, monkeypatch):
    """Against differences of the values, whole parts of bodies and an incomplete one."""
    monkeypatch.setattr(ctrgcn, 'BODIES_IN_CACHE', 2)
    shapes = (bodies, 4, 3, 5), (bodies, 2, 2, 9), (12, 4), (12,), (2, 6, 2), (2, 6, 9)
    arguments = [torch.randn(shape, dtype=torch.double, requires_grad=True) for shape in shapes]
    for use in (lambda y, values: y, lambda y, values: y + values.tanh().sum(2, keepdim=True)):
        checked = partial(lambda use, *given: use(*aggregate(*given)), use)
        assert torch.autograd.gradcheck(checked, arguments, check_undefined_grad=False)


def test_the_adjacency_is_learned_only_when_adaptive(tiny):
    learned, fixed = Model(**tiny), Model(**tiny, adaptive=False)
    assert 'l1.gcn1.PA' in dict(learned.named_parameters()) and 'l1.gcn1.PA' not in dict(fixed.named_parameters())
    assert torch.equal(learned.l1.gcn1.PA, fixed.l1.gcn1.PA)


def test_a_model_pickles(student, skeleton):
    assert torch.equal(pickle.loads(pickle.dumps(student))(skeleton).logits, student(skeleton).logits)


@pytest.mark.parametrize('dtype', [torch.bfloat16, torch.float16])
def test_half_precision_stays_near(student, skeleton, dtype):
    student, skeleton = student.float(), skeleton.float()
    expected = student(skeleton).logits
    with torch.autocast('cpu', dtype):
        logits = student(skeleton).logits.float()
        assert (logits - expected).abs().max() < 0.1 * expected.abs().max()
        student.train()(skeleton).logits.float().square().mean().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in student.parameters())


# --- sizes


@pytest.mark.parametrize(
    'changes, frames',
    [
        ({}, 1),
        ({'num_class': 1}, 8),
        ({'num_person': 1}, 13),
        ({'num_person': 3}, 8),
        ({'in_channels': 2}, 8),
        ({'in_channels': 6}, 8),
        ({'base_channel': 16}, 8),
        ({'num_point': 25, 'graph': 'graph.ntu_rgb_d.Graph', 'graph_args': None}, 8),
        ({'num_point': 2, 'graph_args': {'num_point': 2, 'edges': [[1, 0]]}}, 8),
    ],
)
def test_any_size_works(tiny, changes, frames):
    args = {**tiny, **changes}
    model = scramble(Model(**args))
    shape = (2, args.get('in_channels', 3), frames, args['num_point'], args['num_person'])
    for training in (True, False):
        logits = model.train(training)(torch.randn(shape)).logits
        assert logits.shape == (2, args['num_class']) and logits.isfinite().all()


@pytest.mark.parametrize(
    'num_class, layout, parameters',
    [
        (60, {'num_point': 25, 'num_person': 2, 'graph': 'graph.ntu_rgb_d.Graph'}, 1_446_672),
        (120, {'num_point': 25, 'num_person': 2, 'graph': 'graph.ntu_rgb_d.Graph'}, 1_462_092),
        (10, {'num_point': 20, 'num_person': 1, 'graph': 'graph.ucla.Graph'}, 1_426_892),
    ],
)
def test_published_sizes(num_class, layout, parameters):
    assert sum(p.numel() for p in Model(num_class, **layout).parameters()) == parameters


# --- initialisation


def test_where_a_student_starts():
    torch.manual_seed(0)
    model = Model(**{**UCLA, 'num_class': 60})
    for block in (model.l1, model.l5, model.l10):
        gcn = block.gcn1
        np.testing.assert_array_equal(gcn.PA.detach(), model.l2.gcn1.PA.detach())
        assert gcn.alpha.item() == 0 and (gcn.bn.weight == 1e-6).all() and (gcn.bn.bias == 0).all()
        assert all((conv.bias == 0).all() for conv in block.modules() if isinstance(conv, torch.nn.Conv2d))
    assert (model.data_bn.weight == 1).all() and (model.l5.gcn1.down[1].weight == 1).all()
    assert (model.l5.residual.bn.weight == 1).all()
    assert model.fc.weight.std().item() == pytest.approx(math.sqrt(2 / 60), rel=0.02)


@pytest.mark.parametrize(
    'name, fan_out',
    [
        ('gcn1.convs.0.conv1', 32),
        ('gcn1.convs.1.conv3', 256),
        ('gcn1.convs.2.conv4', 256),
        ('tcn1.branches.0.0', 64),
        ('tcn1.branches.1.3.conv', 64 * 5),
    ],
)
def test_convolutions_start_by_their_fan_out(name, fan_out):
    torch.manual_seed(0)
    A = torch.tensor(ntu_rgb_d.Graph().A).float()
    conv = Block(GraphConv(256, 256, A, True), MultiScaleTemporalConv(256), 256, 256, 1, True).get_submodule(name)
    assert conv.weight.mean().item() == pytest.approx(0, abs=0.1 * math.sqrt(2 / fan_out))
    assert conv.weight.std().item() == pytest.approx(math.sqrt(2 / fan_out), rel=0.05)


# --- a trained model on real clips


def test_the_trained_student_gives_its_scores_on_nw_ucla(shared, public):
    expected = public('ucla_trained_io')
    model = Model(**UCLA)
    assert load_weights(model, shared / 'golden' / 'ucla_trained.pt') == []
    feeder = Feeder(shared / 'data' / 'NW-UCLA' / 'all_sqe', split='test')
    rows, form = np.arange(0, len(feeder), 3), model.inference_form().eval()  # all of them would take half a minute
    with torch.no_grad():
        logits = torch.cat(
            [form(feeder.__getitems__(batch).skeleton).logits for batch in np.array_split(rows, 4)]
        ).numpy()
    place = {name: number for number, name in enumerate(expected['name'].tolist())}
    there = [place[feeder.name[row]] for row in rows]
    assert feeder.label[rows].tolist() == expected['label'][there].tolist()
    assert near(logits, expected['logits'][there], 1e-4)
    assert (logits.argmax(1) == expected['logits'][there].argmax(1)).all()
