"""TD-GCN equals the public implementation and the reference, and keeps its laws."""

from functools import partial

import pytest
import torch
import torch.nn.functional as F

from model import MMCL, base, ctrgcn, export, tdgcn
from model.tdgcn import GraphConv, Model
from tests.golden import inputs
from tests.helpers import by_name, near, parts, scramble, settle
from tests.reference import graphs
from tests.reference import tdgcn as reference
from torchlight.checkpoint import load_weights
from torchlight.errors import InputError

NTU = {'num_point': 25, 'num_person': 2, 'graph': 'graph.ntu_rgb_d.Graph'}
UCLA = {'num_point': 20, 'num_person': 1, 'graph': 'graph.ucla.Graph'}


@pytest.fixture(autouse=True)
def seed():
    torch.manual_seed(1)


@pytest.fixture
def student(tiny):
    """A narrow student whose values are those of a trained one in size."""
    return settle(scramble(Model(**tiny)), torch.randn(8, 3, 8, 5, 2), torch.randn(8, 3, 8, 5, 2))


def convolution(width=8, out=16, joints=5):
    return scramble(GraphConv(width, out, torch.rand(3, joints, joints), adaptive=True)).double()


def swap(x):
    """(B, C, V, T) ↔ (B, C, T, V)."""
    return x.transpose(2, 3)


# --- the public implementation


@pytest.fixture
def weights(public):
    return {name: torch.from_numpy(value) for name, value in public('tdgcn_weights').items()}


@pytest.fixture
def trained(weights):
    model = Model(60, **NTU)
    assert load_weights(model, weights) == []
    return model


def test_evaluation_equals_the_public_logits(trained, public):
    io = public('tdgcn_io')
    with torch.no_grad():
        for model in trained.eval(), trained.inference_form():
            assert near(model(torch.from_numpy(io['x'])).logits, io['eval_logits'], 1e-4)


def test_a_training_step_equals_the_public_one(trained, public):
    io = public('tdgcn_io')
    with torch.no_grad():
        logits = trained.train()(torch.from_numpy(io['x'])).logits
        loss = F.cross_entropy(logits, torch.from_numpy(io['label']))
    assert near(logits, io['trainmode_logits64'], 1e-4) and near(loss, io['trainmode_loss'], 1e-4)
    state = trained.state_dict()
    for name, expected in parts(io, 'after.').items():
        assert near(state[name], expected, 1e-4), name


def test_gradients_equal_the_public_ones(trained, public):
    io = public('tdgcn_io')
    logits = trained.double().train()(torch.from_numpy(io['x']).double()).logits
    loss = F.cross_entropy(logits, torch.from_numpy(io['label']))
    loss.backward()
    assert near(logits, io['trainmode_logits64'], 1e-8) and near(loss, io['trainmode_loss64'], 1e-8)
    expected = parts(io, 'grad64.')
    assert len(expected) == 93
    for name, gradient in expected.items():
        ours = trained.get_parameter(name).grad
        if abs(gradient).max() < 1e-12:  # a bias that a batch norm or a difference takes out again
            assert ours.abs().max() < 1e-12, name
        else:
            assert near(ours, gradient, 1e-8), name


def test_every_public_name_is_there_in_its_order(weights):
    ours = [(name, value.shape) for name, value in Model(60, **NTU).state_dict().items()]
    assert ours == [(name, value.shape) for name, value in weights.items()]


@pytest.mark.parametrize('num_class, layout, parameters', [(60, NTU, 1_372_436), (10, UCLA, 1_352_656)])
def test_published_sizes(num_class, layout, parameters):
    assert sum(p.numel() for p in Model(num_class, **layout).parameters()) == parameters


# --- other files


def with_conv2(state, tiny):
    """A TD-GCN state_dict and the conv2 of a CTR-GCN."""
    other = ctrgcn.Model(**tiny).state_dict()
    return {**{f'module.{name}': value for name, value in other.items() if '.conv2.' in name}, **state}


def test_a_conv2_that_a_public_file_carries_is_left_out(student, tiny):
    state = with_conv2(student.state_dict(), tiny)
    for model in Model(**tiny), MMCL.Model(**tiny, backbone='model.tdgcn.Model'):
        left_out = load_weights(model, state)
        assert len(left_out) == 60 and all('.conv2.' in name for name in left_out)
        assert torch.equal(model.student.fc.weight, student.fc.weight)


def test_other_weights_that_are_of_no_use_are_refused(student, tiny):
    state = {**with_conv2(student.state_dict(), tiny), 'l1.gcn1.convs.0.conv5.bias': torch.zeros(1)}
    with pytest.raises(InputError, match=r'1 unexpected \(l1.gcn1.convs.0.conv5.bias\); use'):
        load_weights(Model(**tiny), state)


def test_a_file_of_ctr_gcn_is_refused_and_the_other_way_round(student, tiny):
    other = ctrgcn.Model(**tiny)
    missing, unexpected = (
        r'20 missing \(l1.gcn1.beta, l1.gcn1.gamma, ',
        r'60 unexpected \(l1.gcn1.convs.0.conv2.weight, ',
    )
    with pytest.raises(InputError, match=f'another model: {missing}.*; {unexpected}'):
        load_weights(student, other.state_dict())
    missing, unexpected = (
        r'60 missing \(l1.gcn1.convs.0.conv2.weight, ',
        r'20 unexpected \(l1.gcn1.beta, l1.gcn1.gamma, ',
    )
    with pytest.raises(InputError, match=f'another model: {missing}.*; {unexpected}'):
        load_weights(other, student.state_dict())
    with pytest.raises(InputError, match=r'another model: 20 unexpected \(l1.gcn1.beta, '):
        load_weights(other, with_conv2(student.state_dict(), tiny))


# --- the stored arrays and the reference


@pytest.fixture
def stored():
    """A narrow student with the weights that the golden arrays were computed with."""
    model = Model(num_point=20, graph='graph.ucla.Graph', **inputs.UCLA)
    assert load_weights(model, inputs.weights(reference.TDGCN(A=graphs.ucla(), **inputs.UCLA))) == []
    return model


def test_the_scores_are_the_golden_ones(stored, golden):
    expected, (skeleton, _) = golden('tdgcn_ucla')['eval.logits'], inputs.ucla()
    with torch.no_grad():
        for model in stored.eval(), stored.inference_form():
            assert near(model(skeleton).logits, expected, 1e-5)
        for model in stored.double(), stored.inference_form():
            assert near(model(skeleton.double()).logits, expected, 1e-8)


def test_a_training_step_is_the_golden_one(stored, golden):
    arrays, (skeleton, label) = golden('tdgcn_ucla'), inputs.ucla()
    logits = stored.double().train()(skeleton.double()).logits
    loss = F.cross_entropy(logits, label)
    loss.backward()
    assert near(logits, arrays['train.logits'], 1e-8) and near(loss, arrays['train.loss'], 1e-8)
    gradients = by_name((name, p.grad) for name, p in stored.named_parameters())
    for kind, ours in (('grad.', gradients), ('after.', by_name(stored.state_dict()))):
        for name, expected in parts(arrays, kind).items():
            assert near(ours[name], expected, 1e-8), name


@pytest.mark.parametrize('widths', [(3, 8), (16, 16), (16, 32)])
def test_a_graph_convolution_equals_the_reference(widths):
    gcn = convolution(*widths)
    twin = reference.GraphConv(*widths, torch.zeros(3, 5, 5)).double()
    twin.load_state_dict(gcn.state_dict())
    x = torch.randn(2, widths[0], 5, 6).double()
    torch.testing.assert_close(gcn(x), swap(twin(swap(x))))


# --- laws


def test_alpha_starts_at_0_beta_at_a_half_and_gamma_at_a_tenth():
    gcn = GraphConv(8, 8, torch.rand(3, 5, 5), adaptive=True)
    assert [gcn.alpha.item(), gcn.beta.item(), gcn.gamma.item()] == pytest.approx([0, 0.5, 0.1])
    assert (gcn.bn.weight == 1e-6).all()


def test_the_graph_of_a_frame_compares_each_pair_once():
    graph = tdgcn.frame_graphs(torch.randn(2, 6, 3, 5)).unflatten(3, (3, 5))  # (B, T, V, K, V)
    torch.testing.assert_close(graph, -graph.transpose(2, 4))
    assert graph.abs().max() < 1


def test_the_frames_of_a_clip_do_not_share_their_graphs():
    values = torch.randn(2, 4, 15, 6).double()
    y = tdgcn.aggregate_by_frame(values, torch.tensor(0.3).double(), 3)
    alone = tdgcn.aggregate_by_frame(values[..., 2:3], torch.tensor(0.3).double(), 3)
    torch.testing.assert_close(y[..., 2:3], alone)


@pytest.mark.parametrize('bodies', [1, 8, 19])
def test_the_aggregation_in_parts_is_the_one_at_once(bodies):
    arguments = torch.randn(bodies, 4, 15, 6), torch.tensor(0.3), 3
    torch.testing.assert_close(
        tdgcn.aggregate_by_frame(*arguments), tdgcn.aggregate_by_frame_at_once(*arguments), rtol=1e-4, atol=1e-5
    )


@pytest.mark.parametrize('bodies', [1, 5])
def test_the_gradients_of_the_aggregation_are_those_of_its_values(bodies, monkeypatch):
    """Against differences of the values, whole parts of bodies and an incomplete one."""
    monkeypatch.setattr(ctrgcn, 'BODIES_IN_CACHE', 2)
    values = torch.randn(bodies, 2, 6, 3, dtype=torch.double, requires_grad=True)
    gamma = torch.tensor(0.7, dtype=torch.double, requires_grad=True)
    assert torch.autograd.gradcheck(partial(tdgcn.aggregate_by_frame, subsets=2), (values, gamma))


def test_two_clips_in_a_batch_equal_each_alone(student, skeleton):
    student, skeleton = student.double(), skeleton.double()
    skeleton[1, ..., 1] = 0
    together = student(skeleton).logits
    for number in range(len(skeleton)):
        torch.testing.assert_close(student(skeleton[number : number + 1]).logits[0], together[number])


def test_the_topology_of_a_clip_is_what_the_graph_convolution_aggregates_by(student):
    gcn, x = convolution(16, 8), torch.randn(1, 16, 5, 6).double()
    value = torch.stack([conv.conv3(x) for conv in gcn.convs], 1)  # (B, K, C_out, V, T)
    m = value.mean(2)
    S = torch.tanh(m.unsqueeze(3) - m.unsqueeze(2))  # (B, K, V, V, T)
    R = gcn.beta * gcn.PA[:, None] + gcn.relation(x)
    y = torch.einsum('bkcuv,bkcvt->bcut', R, value) + gcn.gamma * torch.einsum('bkuvt,bkcvt->bcut', S, value)
    torch.testing.assert_close(y, gcn.received(x))
    learned, relation = gcn.topology(x, student.graph)
    R = gcn.relation(x)[0]
    expected = (R - R.mean((2, 3), keepdim=True)).abs().mean(1).sum(0) + (gcn.gamma * S[0]).abs().mean(3).sum(0)
    torch.testing.assert_close(relation, expected)
    torch.testing.assert_close(learned, (gcn.PA - torch.as_tensor(student.graph.A)).abs().sum(0))


# --- as a student


def test_it_learns_together_with_fam_and_frm(tiny_mmcl, skeleton):
    model = MMCL.Model(**tiny_mmcl, backbone='model.tdgcn.Model')
    output = model.train()(skeleton, video=torch.randn(3, 6), text=torch.randn(3, 3))
    terms = MMCL.loss_terms(output, torch.tensor([0, 1, 2]))
    assert set(terms) == {'cross_entropy', 'refined', 'alignment'}
    MMCL.total_loss(terms).backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in model.parameters())


@pytest.mark.parametrize('dtype', [torch.bfloat16, torch.float16])
def test_half_precision_stays_near(student, skeleton, dtype):
    with torch.no_grad():
        expected, form = student(skeleton).logits, student.inference_form()
    with torch.autocast('cpu', dtype):
        for model in student, form:
            logits = model(skeleton).logits
            assert logits.dtype == dtype and (logits.float() - expected).abs().max() < 0.1 * expected.abs().max()
        student.train()(skeleton).logits.float().square().mean().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in student.parameters())


def test_it_exports_for_any_number_of_clips_and_frames(tiny, skeleton, monkeypatch):
    monkeypatch.setattr(base, 'BLOCKS', [(2, 2)])  # tracing ten takes long
    model = scramble(Model(**tiny)).eval()
    program = export.trace(model, skeleton.shape).module()
    for batch in (skeleton, skeleton[:1], skeleton[:, :, :5]):
        torch.testing.assert_close(program(batch), model(batch).logits, rtol=1e-4, atol=1e-4)
