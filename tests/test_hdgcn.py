"""The HD-GCN student: equal to the reference arrays and to a plain loop over its levels, and under the laws."""

import pickle
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F

import main_MMCL
from graph.ntu_rgb_d_hierarchy import Graph
from model import MMCL, layers
from model.hdgcn import EdgeConv, GraphConv, HierarchyAttention, LevelSum, Model
from torchlight import checkpoint, config, deploy
from torchlight.checkpoint import load_weights
from torchlight.errors import InputError

HIERARCHY = {'num_point': 25, 'num_person': 2, 'graph': 'graph.ntu_rgb_d_hierarchy.Graph'}
SMALL = {'num_class': 6, **HIERARCHY, 'base_channel': 8}
BENCHMARKS = sorted(Path(main_MMCL.__file__).parent.glob('config/nturgbd*'))


def scramble(module):
    """Every parameter and statistic away from its start, where 1e-6 and 0 would hide mistakes."""
    for p in module.parameters():
        p.data += torch.randn_like(p) / 4
    for part in module.modules():
        if isinstance(part, torch.nn.BatchNorm2d):
            part.weight.data.uniform_(0.5, 1.5), part.running_var.uniform_(0.5, 1.5), part.running_mean.normal_()
    return module


@pytest.fixture(autouse=True)
def seed():
    torch.manual_seed(1)


@pytest.fixture
def weights(golden):
    return {name: torch.from_numpy(value) for name, value in golden('hdgcn_com1_weights').items()}


@pytest.fixture
def reference(golden):
    return golden('hdgcn_com1_io')


@pytest.fixture
def student(weights):
    model = Model(60, **HIERARCHY)
    assert load_weights(model, weights) == []
    return model


@pytest.fixture
def small():
    """Its statistics are those of a batch: in a trained network values stay near 1."""
    model = scramble(Model(**SMALL))
    model.train()(torch.randn(4, 3, 8, 25, 2))
    for part in model.modules():
        if isinstance(part, torch.nn.BatchNorm2d):
            part.momentum = 1.0
    model(torch.randn(4, 3, 8, 25, 2))
    return model.eval()


@pytest.fixture
def skeleton():
    return torch.randn(3, 3, 8, 25, 2)


def near(ours, expected, tolerance):
    """Within `tolerance` of the largest expected magnitude?"""
    expected = torch.as_tensor(expected)
    return (ours - expected).abs().max() <= tolerance * expected.abs().max()


# --- equal to the public implementation


def test_evaluation_equals_the_reference(student, reference):
    with torch.no_grad():
        assert near(student.eval()(torch.from_numpy(reference['x'])).logits, reference['eval_logits'], 1e-4)


def test_a_training_step_equals_the_reference(student, reference):
    logits = student.train()(torch.from_numpy(reference['x'])).logits
    loss = F.cross_entropy(logits, torch.from_numpy(reference['label']))
    assert near(logits.detach(), reference['trainmode_logits'], 1e-4)
    assert near(loss.detach(), reference['trainmode_loss'], 1e-4)


def test_gradients_equal_the_reference(student, reference):
    logits = student.double().train()(torch.from_numpy(reference['x']).double()).logits
    F.cross_entropy(logits, torch.from_numpy(reference['label'])).backward()
    assert near(logits.detach(), reference['trainmode_logits64'], 1e-6)  # stored in float32
    names = [key.removeprefix('grad64.') for key in reference if key.startswith('grad64.')]
    assert len(names) == 10
    for name in names:
        assert near(student.get_parameter(name).grad, reference[f'grad64.{name}'], 1e-8), name


def test_every_public_name_is_there(weights):
    state = Model(60, **HIERARCHY).state_dict()
    public = {name: value.shape for name, value in weights.items() if checkpoint.canonical(name)}
    assert {name: value.shape for name, value in state.items()} == public
    assert len(public) < len(weights)  # the second names of the last level


def test_the_published_size():
    parameters, macs = deploy.model_size(Model(60, **HIERARCHY), torch.randn(2, 3, 64, 25, 2))
    assert parameters == 1_659_980 and 1.79e9 < macs < 1.83e9


# --- the levels side by side equal a loop over them


def plain_edges(edge, x):
    """EdgeConv by its formula: x (B, C, V)."""
    nearest = torch.stack(
        [
            torch.stack(
                [(body - body[:, [u]]).square().sum(0).topk(edge.k, largest=False).indices for u in range(x.shape[2])]
            )
            for body in x
        ]
    )  # (B, V, k)
    given = torch.stack([body[:, near] for body, near in zip(x, nearest)])  # (B, C, V, k)
    itself = x.unsqueeze(3).expand_as(given)
    return F.leaky_relu(edge.conv(torch.cat([given - itself, itself], 1)), 0.2).max(3)[0]


def plain_attention(aha, groups, x):
    """A-HA by its formula: x (B, C, L, V, T) → (B, C, V, T)."""
    joints = aha.conv_down(x.max(4)[0])
    levels = torch.stack(
        [joints[:, :, level, inner + outer].mean(2) for level, (inner, outer) in enumerate(zip(groups, groups[1:]))], 2
    )
    weight = aha.aggregate(plain_edges(aha.edge_conv, levels)).sigmoid()
    return (x * weight[..., None, None]).sum(2)


def plain_gcn(gcn, groups, x):
    """gcn1 by its formula, level by level."""
    levels = []
    for A, down, convs in zip(gcn.PA, gcn.conv_down, gcn.conv):
        narrow = down(x).relu()
        ways = [conv(torch.einsum('vu,bcut->bcvt', a, narrow)) for a, conv in zip(A, convs)]
        edges = plain_edges(convs[3], narrow.mean(3))
        levels.append(torch.cat([*ways, edges.unsqueeze(3).expand_as(narrow)], 1))
    x_levels = torch.stack(levels, 2)
    joined = x_levels.sum(2) if isinstance(gcn.aha, LevelSum) else plain_attention(gcn.aha, groups, x_levels)
    return (gcn.bn(joined) + gcn.down(x)).relu()


@pytest.mark.parametrize('CoM', [1, 2, 21])
@pytest.mark.parametrize('first', [True, False])
@pytest.mark.parametrize('training', [True, False])
def test_a_graph_convolution_equals_the_loop(CoM, first, training):
    graph = Graph(CoM)
    aha = LevelSum() if first else HierarchyAttention(8, graph.groups, 25)
    gcn = scramble(GraphConv(3, 8, torch.tensor(graph.A), True, aha)).double().train(training)
    twin = pickle.loads(pickle.dumps(gcn))
    x = torch.randn(2, 3, 25, 6).double()
    ours, expected = gcn(x), plain_gcn(twin, graph.groups, x)
    torch.testing.assert_close(ours, expected)
    ours.square().sum().backward(), expected.square().sum().backward()
    for (name, p), q in zip(gcn.named_parameters(), twin.parameters()):
        torch.testing.assert_close(p.grad, q.grad, msg=lambda text: f'{name}: {text}')
    for (name, p), q in zip(gcn.named_buffers(), twin.buffers()):
        torch.testing.assert_close(p, q, msg=lambda text: f'{name}: {text}')


def test_an_edge_convolution_equals_its_formula():
    edge = scramble(EdgeConv(4, 5))
    x = torch.randn(3, 4, 9)
    torch.testing.assert_close(edge(x), plain_edges(edge, x))


# --- laws


def test_an_edge_convolution_follows_the_order_of_the_points():
    edge, x, order = scramble(EdgeConv(4, 3)), torch.randn(2, 4, 7), torch.randperm(7)
    torch.testing.assert_close(edge.eval()(x)[..., order], edge(x[..., order]))


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


@pytest.mark.parametrize('CoM', [1, 2, 21])
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
    with pytest.raises(InputError, match='graph.ntu_rgb_d.Graph has no levels of joints'):
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


def test_it_exports_for_any_batch_size(skeleton, tmp_path, monkeypatch):
    monkeypatch.setattr(layers, 'BLOCKS', [(1, 1), (2, 2)])  # one block of each kind: tracing ten takes a minute
    model = scramble(Model(**SMALL))
    deploy.export(model, torch.randn(2, 3, 8, 25, 2), tmp_path / 'student.pt2')
    program = torch.export.load(tmp_path / 'student.pt2').module()
    for batch in (skeleton, skeleton[:1]):
        torch.testing.assert_close(program(batch), model(batch).logits, rtol=1e-4, atol=1e-4)


# --- its configs


@pytest.mark.parametrize('folder', BENCHMARKS, ids=lambda folder: folder.name)
@pytest.mark.parametrize('stream', ['joint', 'bone'])
def test_a_config_changes_the_student_and_its_recipe_alone(folder, stream):
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
