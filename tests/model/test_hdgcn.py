"""HD-GCN equals the public implementation and the reference, and keeps its laws."""

import pickle

import pytest
import torch
import torch.nn.functional as F

import main_MMCL
from graph.ntu_rgb_d_hierarchy import Graph
from model import MMCL, base, deploy, export
from model.hdgcn import GraphConv, HierarchyAttention, LevelSum, Model
from tests.golden import inputs, make
from tests.helpers import ROOT, near, parts, scramble, settle
from tests.reference import graphs
from tests.reference import hdgcn as reference
from torchlight import checkpoint, config
from torchlight.checkpoint import load_weights
from torchlight.errors import InputError

HIERARCHY = {'num_point': 25, 'num_person': 2, 'graph': 'graph.ntu_rgb_d_hierarchy.Graph'}
SMALL = {'num_class': 6, **HIERARCHY, 'base_channel': 8}
FOLDERS = sorted(ROOT.glob('config/nturgbd*'))
CENTRES = pytest.mark.parametrize('CoM', make.CENTRES)


@pytest.fixture(autouse=True)
def seed():
    torch.manual_seed(1)


@pytest.fixture
def weights(public):
    return {name: torch.from_numpy(value) for name, value in public('hdgcn_com1_weights').items()}


@pytest.fixture
def student(weights):
    model = Model(60, **HIERARCHY)
    assert load_weights(model, weights) == []
    return model


@pytest.fixture
def small():
    """A narrow student whose values are those of a trained one in size."""
    return settle(scramble(Model(**SMALL)), torch.randn(4, 3, 8, 25, 2), torch.randn(4, 3, 8, 25, 2))


@pytest.fixture
def skeleton():
    return torch.randn(3, 3, 8, 25, 2)


def swap(x):
    """(B, C, V, T) ↔ (B, C, T, V)."""
    return x.transpose(2, 3)


# --- the public implementation


def test_evaluation_equals_the_public_logits(student, public):
    io = public('hdgcn_com1_io')
    with torch.no_grad():
        assert near(student.eval()(torch.from_numpy(io['x'])).logits, io['eval_logits'], 1e-4)


def test_a_training_step_equals_the_public_one(student, public):
    io = public('hdgcn_com1_io')
    logits = student.train()(torch.from_numpy(io['x'])).logits
    loss = F.cross_entropy(logits, torch.from_numpy(io['label']))
    assert near(logits, io['trainmode_logits'], 1e-4) and near(loss, io['trainmode_loss'], 1e-4)


def test_gradients_equal_the_public_ones(student, public):
    io = public('hdgcn_com1_io')
    logits = student.double().train()(torch.from_numpy(io['x']).double()).logits
    F.cross_entropy(logits, torch.from_numpy(io['label'])).backward()
    assert near(logits, io['trainmode_logits64'], 1e-6)  # stored in float32
    expected = parts(io, 'grad64.')
    assert len(expected) == 10
    for name, gradient in expected.items():
        assert near(student.get_parameter(name).grad, gradient, 1e-8), name


def test_every_public_name_is_there(weights):
    state = Model(60, **HIERARCHY).state_dict()
    public = {name: value.shape for name, value in weights.items() if checkpoint.canonical(name)}
    assert {name: value.shape for name, value in state.items()} == public
    assert len(public) < len(weights)  # the second names of the last level


def test_the_published_size():
    parameters, macs = deploy.model_size(Model(60, **HIERARCHY), torch.randn(2, 3, 64, 25, 2))
    assert parameters == 1_659_980 and 1.79e9 < macs < 1.83e9


# --- the stored arrays


def golden_student(CoM):
    model = Model(num_point=25, graph=HIERARCHY['graph'], graph_args={'CoM': CoM}, **inputs.HDGCN)
    twin = reference.HDGCN(A=graphs.hierarchical(CoM), groups=graphs.groups(CoM), **inputs.HDGCN)
    assert load_weights(model, inputs.weights(twin)) == []
    return model


@CENTRES
def test_the_scores_are_the_golden_ones(golden, CoM):
    arrays, model, (skeleton, _) = golden(f'hdgcn_com{CoM}'), golden_student(CoM).eval(), inputs.hdgcn()
    with torch.no_grad():
        assert near(model(skeleton).logits, arrays['eval.logits'], 1e-5)
        assert near(model.double()(skeleton.double()).logits, arrays['eval.logits'], 1e-8)


@CENTRES
def test_a_training_step_is_the_golden_one(golden, CoM):
    arrays, model = golden(f'hdgcn_com{CoM}'), golden_student(CoM).double().train()
    skeleton, label = inputs.hdgcn()
    logits = model(skeleton.double()).logits
    loss = F.cross_entropy(logits, label)
    loss.backward()
    assert near(logits, arrays['train.logits'], 1e-8) and near(loss, arrays['train.loss'], 1e-8)
    for name, expected in parts(arrays, 'grad.').items():
        gradient = model.get_parameter(name).grad
        assert near(gradient[make.ROWS] if name.endswith('PA') else gradient, expected, 1e-8), name
    for name, expected in parts(arrays, 'after.').items():
        assert near(model.state_dict()[name], expected, 1e-8), name


# --- the reference, layer by layer


@CENTRES
@pytest.mark.parametrize('first', [True, False])
@pytest.mark.parametrize('training', [True, False])
def test_a_graph_convolution_equals_the_reference(CoM, first, training):
    graph = Graph(CoM)
    aha = LevelSum() if first else HierarchyAttention(8, graph.groups, 25)
    gcn = scramble(GraphConv(3, 8, torch.tensor(graph.A), True, aha)).double().train(training)
    twin = reference.GraphConv(3, 8, graphs.hierarchical(CoM), graphs.groups(CoM), not first).double().train(training)
    twin.load_state_dict(gcn.state_dict())
    x = torch.randn(2, 3, 25, 6).double()
    ours, expected = gcn(x), swap(twin(swap(x)))
    torch.testing.assert_close(ours, expected)
    ours.square().sum().backward(), expected.square().sum().backward()
    gradients = [{name: p.grad for name, p in module.named_parameters()} for module in (gcn, twin)]
    torch.testing.assert_close(*gradients)
    theirs = dict(twin.named_buffers())  # ours has one more, which says whose joints a level shows
    torch.testing.assert_close({name: gcn.get_buffer(name) for name in theirs}, theirs)


# --- laws


def test_a_tied_maximum_over_time_gives_one_frame_the_gradient():
    aha = scramble(HierarchyAttention(32, Graph(1).groups, 25)).eval()
    parts = [torch.ones(1, 6, 8, 25, 4, requires_grad=True) for _ in range(4)]
    torch.cat(aha(parts), 1).sum().backward()
    for part in parts:
        later = part.grad[..., 1:]
        torch.testing.assert_close(later, later[..., :1].expand_as(later))
        assert (part.grad[..., 0] != later[..., 0]).any()


def test_attention_weighs_each_level_by_a_share_between_0_and_1():
    aha = scramble(HierarchyAttention(4, Graph(1).groups, 25)).eval()
    parts = [torch.rand(2, 6, 1, 25, 3) for _ in range(4)]
    for joined, plain in zip(aha(parts), LevelSum()(parts)):
        assert (0 < joined).all() and (joined < plain).all()
    torch.nn.init.zeros_(aha.aggregate.weight), torch.nn.init.constant_(aha.aggregate.bias, 100)
    torch.testing.assert_close(aha(parts), LevelSum()(parts))


def test_two_clips_in_a_batch_equal_each_alone(small, skeleton):
    skeleton[1, ..., 1] = 0
    together = small(skeleton).logits
    for clip in range(len(skeleton)):
        torch.testing.assert_close(small(skeleton[clip : clip + 1]).logits[0], together[clip], rtol=1e-4, atol=1e-4)


@CENTRES
def test_the_centre_of_mass_makes_another_model_of_the_same_size(skeleton, CoM):
    model = Model(**SMALL, graph_args={'CoM': CoM})
    assert model(skeleton).logits.shape == (3, 6)
    assert torch.equal(model.l3.gcn1.PA.detach(), torch.tensor(Graph(CoM).A).float())
    assert [torch.equal(model.l3.gcn1.PA.detach(), torch.tensor(Graph(other).A).float()) for other in (1, 2, 21)].count(
        True
    ) == 1


def test_the_adjacency_is_learned_only_when_adaptive():
    fixed = Model(**SMALL, adaptive=False)
    assert 'l1.gcn1.PA' in dict(Model(**SMALL).named_parameters()) and 'l1.gcn1.PA' not in fixed.state_dict()


def test_where_a_student_starts():
    model = Model(**SMALL)
    for gcn in (model.l1.gcn1, model.l5.gcn1):
        assert (gcn.bn.weight == 1e-6).all() and (gcn.conv[2][1][1].weight == 1).all()
        assert all(
            (conv.bias == 0).all()
            for conv in gcn.modules()
            if isinstance(conv, (torch.nn.Conv1d, torch.nn.Conv2d)) and conv.bias is not None
        )
    assert (model.l1.tcn1.branches[0][3].bias == 0).all()


def test_a_graph_without_levels_is_refused():
    with pytest.raises(InputError, match=r'graph\.ntu_rgb_d\.Graph has no levels of joints'):
        Model(**{**SMALL, 'graph': 'graph.ntu_rgb_d.Graph'})


# --- as a student


def test_it_learns_together_with_fam_and_frm(skeleton):
    model = MMCL.Model(**SMALL, backbone='model.hdgcn.Model', graph_args={'CoM': 2}, video_dim=7, text_dim=5)
    output = model.train()(skeleton, video=torch.randn(3, 7), text=torch.randn(3, 5))
    terms = MMCL.loss_terms(output, torch.tensor([0, 1, 2]))
    assert set(terms) == {'cross_entropy', 'refined', 'alignment'}
    sum(terms.values()).backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in model.parameters())


def test_bfloat16_stays_near(small, skeleton):
    expected = small(skeleton).logits
    with torch.autocast('cpu', torch.bfloat16):
        logits = small(skeleton).logits
        small.train()(skeleton).logits.float().square().mean().backward()
    assert logits.dtype == torch.bfloat16
    assert (logits.float() - expected).abs().max() < 0.15 * expected.abs().max()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in small.parameters())


def test_a_model_pickles(small, skeleton):
    assert torch.equal(pickle.loads(pickle.dumps(small))(skeleton).logits, small(skeleton).logits)


def test_it_exports_for_any_number_of_clips_and_frames(skeleton, monkeypatch):
    monkeypatch.setattr(base, 'BLOCKS', [(1, 1), (2, 2)])  # one block of each kind: tracing ten takes a minute
    model = scramble(Model(**SMALL)).eval()
    traced = export.trace(model, skeleton.shape)
    assert len(traced.graph.nodes) < 500  # exporters take minutes for thousands of operations
    program = traced.module()
    for batch in (skeleton, skeleton[:1], skeleton[:, :, :5]):
        torch.testing.assert_close(program(batch), model(batch).logits, rtol=1e-4, atol=1e-4)


# --- its configs


@pytest.mark.parametrize('folder', FOLDERS, ids=lambda folder: folder.name)
@pytest.mark.parametrize('stream', ['joint', 'bone'])
def test_a_config_changes_only_the_student_and_its_recipe(folder, stream):
    changed = {'config', 'work_dir', 'model_args', 'lr_schedule', 'min_lr', 'step', 'num_epoch', 'batch_size'}
    ours, base = (
        vars(config.parse(main_MMCL.get_parser(), ['--config', str(folder / f'{name}{stream}.yaml')]))
        for name in ('hd_', '')
    )
    assert {key for key in base if ours[key] != base[key]} == changed
    assert ours['model_args'] == {
        **base['model_args'],
        'backbone': 'model.hdgcn.Model',
        'graph': HIERARCHY['graph'],
        'graph_args': {'labeling_mode': 'spatial', 'CoM': 1},
    }
    recipe = ('num_epoch', 'batch_size', 'base_lr', 'warm_up_epoch', 'lr_schedule', 'min_lr', 'step', 'weight_decay')
    assert [ours[key] for key in recipe] == [90, 64, 0.1, 5, 'cosine', 1e-4, [], 4e-4]


# --- the topology, for pictures


def test_the_topology_of_a_clip_weighs_the_levels_as_the_convolution_does(small, skeleton):
    gcn, x = small.l5.gcn1, torch.randn(1, 8, 25, 4)
    parts = gcn.levels(x)
    weights = gcn.aha.weights(parts)[..., None, None].transpose(1, 2).chunk(4, 1 + 1)
    for joined, part, weight in zip(gcn.aha(parts), parts, weights):
        torch.testing.assert_close(joined, (part * weight).sum(1))
    _, relation = gcn.topology(x, small.graph)
    mean = gcn.aha.weights(parts)[0].unflatten(0, (4, -1)).mean(1)  # (4, L)
    expected = sum(mean[k, level] * gcn.PA[level, k].abs() for k in range(3) for level in range(len(gcn.PA)))
    torch.testing.assert_close(relation, expected)


def test_the_first_block_weighs_all_levels_alike_and_a_fresh_student_has_learned_nothing(skeleton):
    fresh = Model(**SMALL).eval()
    topology = fresh.topology(skeleton[:1])
    assert topology.learned.shape == (10, 25, 25) and not topology.learned.any()
    torch.testing.assert_close(topology.relation[0], torch.tensor(fresh.graph.A.sum((0, 1)), dtype=torch.float32))
