"""The CTR-GCN student and its layers: equal to a plain transcription of the method, at any size, under the laws.

The transcription (tests/benchmarks/bench_step.py) works in the (B, C, T, V) layout, subset by subset.
"""

import math
import pickle

import numpy as np
import pytest
import torch

from feeders.feeder_ucla import Feeder
from graph import ntu_rgb_d
from model.ctrgcn import GraphConv, Model
from model.layers import Block, MultiScaleTemporalConv, TimeConv2d
from tests.benchmarks import bench_step as plain
from torchlight.checkpoint import load_weights

STAR = [[1, 0], [2, 1], [3, 1], [4, 1]]
TINY = {
    'num_class': 4,
    'num_point': 5,
    'num_person': 2,
    'graph': 'graph.custom.Graph',
    'graph_args': {'num_point': 5, 'edges': STAR},
    'base_channel': 8,
}
UCLA = {'num_class': 10, 'num_point': 20, 'num_person': 1, 'graph': 'graph.ucla.Graph'}


def scramble(module):
    """Every parameter and statistic away from its start, where 1e-6 and 0 would hide mistakes."""
    torch.manual_seed(1)
    for p in module.parameters():
        p.data = torch.where(p == 0, torch.randn_like(p) / 4, p) + torch.randn_like(p) / 10
    for part in module.modules():
        if isinstance(part, torch.nn.modules.batchnorm._BatchNorm):
            part.weight.data.uniform_(0.5, 1.5), part.running_var.uniform_(0.5, 1.5), part.running_mean.normal_()
    return module


@pytest.fixture
def student():
    """Scrambled, its statistics those of a batch: in a trained network values stay near 1."""
    model = scramble(Model(**TINY)).double()
    norms = [part for part in model.modules() if isinstance(part, torch.nn.modules.batchnorm._BatchNorm)]
    for momentum in (1, 0.1):
        for norm in norms:
            norm.momentum = momentum
        model.train()(torch.randn(8, 3, 8, 5, 2).double())
    return model.eval()


@pytest.fixture
def skeleton():
    torch.manual_seed(2)
    return torch.randn(3, 3, 8, 5, 2).double()


def swap(x):
    """(B, C, V, T) ↔ (B, C, T, V)."""
    return x.transpose(2, 3)


# --- layer by layer, then whole: equal to the transcription


@pytest.mark.parametrize('widths', [(3, 8), (16, 16), (16, 32)])
def test_a_graph_convolution_equals_the_formula(widths):
    gcn = scramble(GraphConv(*widths, torch.rand(3, 5, 5), adaptive=True)).double()
    x = torch.randn(2, widths[0], 5, 6).double()
    torch.testing.assert_close(gcn(x), swap(plain.plain_gcn(gcn, swap(x))))


@pytest.mark.parametrize('stride, frames', [(1, 8), (2, 8), (2, 7), (1, 1)])
def test_the_temporal_branches_equal_the_formula(stride, frames):
    tcn = scramble(MultiScaleTemporalConv(8, stride)).double()
    x = torch.randn(2, 8, 5, frames).double()
    y = tcn(x)
    torch.testing.assert_close(y, swap(plain.plain_tcn(tcn, swap(x), stride)))
    assert y.shape == (2, 8, 5, math.ceil(frames / stride))


@pytest.mark.parametrize('name, stride', [('l1', 1), ('l2', 1), ('l5', 2), ('l8', 2), ('l10', 1)])
def test_a_block_equals_the_formula(student, name, stride):
    block = student.get_submodule(name)
    x = torch.randn(2, block.gcn1.convs[0].conv3.in_channels, 5, 8).double()
    torch.testing.assert_close(block(x.clone()), swap(plain.plain_block(block, swap(x), stride)))


@pytest.mark.parametrize('training', [False, True])
def test_the_student_equals_the_formula(student, skeleton, training):
    skeleton[:2, ..., 1] = 0  # in training the statistics count every empty slot
    reference = plain.PlainCTRGCN(student).double().train(training)
    torch.testing.assert_close(student.train(training)(skeleton).logits, reference(skeleton))
    for ours, theirs in zip(student.buffers(), reference.buffers()):
        torch.testing.assert_close(ours, theirs)


def test_gradients_equal_the_formula(student, skeleton):
    reference = plain.PlainCTRGCN(student).double().train()
    student.train()(skeleton).logits.square().sum().backward()
    reference(skeleton).square().sum().backward()
    for (name, ours), theirs in zip(student.named_parameters(), reference.parameters()):
        error = (ours.grad - theirs.grad).abs().max().item()
        assert error <= 1e-8 * max(1, theirs.grad.abs().max().item()), name


def test_a_convolution_over_time_does_not_mix_joints():
    conv, x = TimeConv2d(2, 3, 5), torch.randn(1, 2, 4, 9)
    changed = x.clone()
    changed[:, :, 1] += 1
    assert (conv(x) != conv(changed)).any((0, 1, 3)).tolist() == [False, True, False, False]


# --- laws


def test_two_clips_in_a_batch_equal_each_alone(student, skeleton):
    together = student(skeleton).logits
    for number in range(len(skeleton)):
        torch.testing.assert_close(student(skeleton[number : number + 1]).logits[0], together[number])


@pytest.mark.parametrize(
    'empty, computed',
    [
        ([], 6),
        ([(0, 1)], 6),
        ([(0, 1), (2, 1)], 5),
        ([(0, 0), (1, 0), (2, 1)], 5),
        ([(n, m) for n in range(3) for m in range(2)], 2),
    ],
)
def test_empty_person_slots_are_computed_once(student, skeleton, monkeypatch, empty, computed):
    for clip, person in empty:
        skeleton[clip, ..., person] = 0
    encode, seen = student.encode, []
    monkeypatch.setattr(student, 'encode', lambda x: seen.append(len(x)) or encode(x))
    features = student.features(skeleton)
    assert seen == [computed]
    torch.testing.assert_close(features, encode(student.normalise(skeleton)).view(3, 2, -1).mean(1))


def test_without_refinement_the_relation_is_the_adjacency():
    A = torch.rand(3, 5, 5)
    gcn = scramble(GraphConv(8, 8, A, adaptive=True))
    gcn.alpha.data.zero_()
    relation = gcn.relation(torch.randn(2, 8, 5, 6))
    torch.testing.assert_close(relation, torch.cat(list(gcn.PA), 1).expand(2, 8, 5, 15))


def test_the_adjacency_is_learned_only_when_adaptive():
    learned, fixed = Model(**TINY), Model(**TINY, adaptive=False)
    assert 'l1.gcn1.PA' in dict(learned.named_parameters()) and 'l1.gcn1.PA' not in dict(fixed.named_parameters())
    assert torch.equal(learned.l1.gcn1.PA, fixed.l1.gcn1.PA)


def test_drop_out_acts_in_training_alone(skeleton):
    model, features = Model(**TINY, drop_out=0.5), torch.ones(1, 32)
    assert not torch.equal(model.train().classify(features), model.classify(features))
    assert torch.equal(model.eval().classify(features), model.fc(features))


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
def test_any_size_works(changes, frames):
    args = {**TINY, **changes}
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


def test_temporal_norms_start_around_one():
    torch.manual_seed(0)
    tcn = MultiScaleTemporalConv(256)
    weight = torch.cat([part.weight for part in tcn.modules() if isinstance(part, torch.nn.BatchNorm2d)])
    assert len(weight) == 7 * 64
    assert weight.mean().item() == pytest.approx(1, abs=0.004) and weight.std().item() == pytest.approx(0.02, rel=0.1)


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


def test_the_trained_student_gives_its_scores_on_nw_ucla(shared, golden):
    expected = golden('ucla_trained_io')
    model = Model(**UCLA)
    assert load_weights(model, shared / 'golden' / 'ucla_trained.pt') == []
    feeder = Feeder(shared / 'data' / 'NW-UCLA' / 'all_sqe', split='test')
    with torch.no_grad():
        logits = torch.cat(
            [
                model.eval()(feeder.__getitems__(clips).skeleton).logits
                for clips in np.array_split(np.arange(len(feeder)), 8)
            ]
        ).numpy()
    row = {name: number for number, name in enumerate(feeder.name)}
    order = [row[name] for name in expected['name']]
    logits, label = logits[order], feeder.label[order]
    assert label.tolist() == expected['label'].tolist()
    assert np.abs(logits - expected['logits']).max() <= 1e-4 * np.abs(expected['logits']).max()
    right = logits.argmax(1) == label
    assert round(100 * right.mean(), 2) == 92.03 and round(100 * right[~expected['twin']].mean(), 2) == 92.95
