"""The inference form of a student equals the student for every graph, width and stream, and follows its weights."""

import copy

import pytest
import torch
from torch import nn

from feeders import transforms
from feeders.feeder_ucla import Feeder
from graph.tools import SkeletonGraph
from model import MMCL, base, ctrgcn, hdgcn, inference, tdgcn
from model.layers import TemporalConv
from tests.helpers import near, scramble, settle
from tests.reference.ctrgcn import CTRGCN
from torchlight.checkpoint import load_weights
from torchlight.imports import instantiate

STAR = {'num_point': 5, 'edges': [[1, 0], [2, 1], [3, 1], [4, 1]]}
GRAPHS = [
    (ctrgcn.Model, 'graph.ntu_rgb_d.Graph', {}, 25),
    (ctrgcn.Model, 'graph.ucla.Graph', {}, 20),
    (ctrgcn.Model, 'graph.custom.Graph', STAR, 5),
    (tdgcn.Model, 'graph.custom.Graph', STAR, 5),
    (hdgcn.Model, 'graph.ntu_rgb_d_hierarchy.Graph', {'CoM': 1}, 25),
    (hdgcn.Model, 'graph.ntu_rgb_d_hierarchy.Graph', {'CoM': 2}, 25),
]


def trained(model, *inputs):
    """A model whose values are those of a trained one in size, in evaluation mode."""
    return settle(scramble(model), *inputs)


@pytest.fixture
def clips():
    """Six clips of five joints and two persons."""
    torch.manual_seed(3)
    return torch.randn(6, 3, 8, 5, 2)


@torch.no_grad()
@pytest.mark.parametrize('stream', transforms.STREAMS)
@pytest.mark.parametrize('width', [8, 24])
@pytest.mark.parametrize('cls, graph, graph_args, joints', GRAPHS)
def test_it_equals_the_student(cls, graph, graph_args, joints, width, stream):
    torch.manual_seed(0)
    parents = instantiate(graph, graph_args, 'graph_args', kind=SkeletonGraph).parents
    bodies = torch.randn(10, 3, joints, 8)
    bodies = transforms.stream(bodies, torch.as_tensor(parents), **transforms.STREAMS[stream])
    skeleton = bodies.unflatten(0, (5, 2)).permute(0, 2, 4, 3, 1)
    student = cls(7, joints, 2, graph, graph_args, base_channel=width)
    student = trained(student, skeleton[:3], skeleton[2:])
    skeleton[::2, ..., 1] = 0
    if cls is hdgcn.Model:  # its nearest neighbours are a choice, which rounding to 32 bits can turn
        student, skeleton = student.double(), skeleton.double()
    assert near(student.inference_form()(skeleton).logits, student(skeleton).logits, 1e-5)


@torch.no_grad()
@pytest.mark.parametrize('frames', [1, 2, 7, 9])
@pytest.mark.parametrize('persons, coordinates, adaptive', [(1, 2, True), (3, 3, False)])
def test_it_equals_the_student_at_any_size(frames, persons, coordinates, adaptive):
    torch.manual_seed(0)
    sizes = {'in_channels': coordinates, 'adaptive': adaptive, 'drop_out': 0.5, 'base_channel': 8}
    student = ctrgcn.Model(4, 5, persons, 'graph.custom.Graph', STAR, **sizes)
    skeleton = torch.randn(20, coordinates, frames, 5, persons)
    student = trained(student, skeleton, skeleton)
    assert near(student.inference_form()(skeleton).logits, student(skeleton).logits, 1e-5)


@torch.no_grad()
def test_it_equals_the_reference_to_the_last_digits(student, clips):
    twin = CTRGCN(4, torch.zeros(3, 5, 5), num_person=2, base_channel=8).double()
    twin.load_state_dict(student.state_dict())
    assert near(student.double().inference_form()(clips.double()).logits, twin.eval()(clips.double()), 1e-12)


@torch.no_grad()
def test_it_gives_the_scores_of_a_trained_student(shared):
    model = ctrgcn.Model(10, 20, 1, 'graph.ucla.Graph')
    load_weights(model, shared / 'golden' / 'ucla_trained.pt')
    clips = Feeder(shared / 'data' / 'NW-UCLA' / 'all_sqe', split='test').__getitems__(range(0, 400, 20)).skeleton
    assert near(model.eval().inference_form()(clips).logits, model(clips).logits, 1e-5)


@torch.no_grad()
def test_it_gives_the_scores_of_a_trained_hd_gcn(public):
    model = hdgcn.Model(60, 25, 2, 'graph.ntu_rgb_d_hierarchy.Graph')
    load_weights(model, {name: torch.from_numpy(value) for name, value in public('hdgcn_com1_weights').items()})
    clips = torch.from_numpy(public('hdgcn_com1_io')['x']).double()
    assert near(model.eval().double().inference_form()(clips).logits, model(clips).logits, 1e-8)


@torch.no_grad()
def test_a_new_form_follows_the_weights_and_an_old_one_does_not(student, clips):
    old = student.inference_form().inference_form()
    before = old(clips).logits
    scramble(student)
    assert not near(student(clips).logits, before, 1e-2)
    assert torch.equal(old(clips).logits, before)
    assert near(student.inference_form()(clips).logits, student(clips).logits, 1e-5)


def test_making_it_leaves_the_student_as_it_was(student):
    student.train()
    before = copy.deepcopy(student.state_dict())
    form = student.inference_form()
    assert all(module.training for module in student.modules()) and not any(m.training for m in form.modules())
    assert all(torch.equal(value, before[name]) for name, value in student.state_dict().items())
    assert all(p.requires_grad for p in student.parameters())
    assert not any(x.requires_grad for x in (*form.buffers(), *form.parameters()))


@torch.no_grad()
def test_the_whole_model_has_one_and_refines_with_it(tiny_mmcl, clips):
    torch.manual_seed(0)
    model = trained(MMCL.Model(**tiny_mmcl), clips, clips)
    text = torch.randn(6, 3)
    form, whole = model.inference_form()(clips, text=text), model(clips, text=text)
    assert isinstance(model.inference_form().student.l1, inference.BlockForm)
    assert near(form.logits, whole.logits, 1e-5) and near(form.refined_logits, whole.refined_logits, 1e-5)


@torch.no_grad()
@pytest.mark.parametrize('bodies', [1, 8, 9, 25])
def test_the_bodies_that_are_computed_together_do_not_matter(student, bodies, monkeypatch):
    skeleton = torch.randn(bodies, 3, 8, 5, 2)
    together = student.double().inference_form()(skeleton.double()).logits
    monkeypatch.setattr(base, 'BODIES_IN_CACHE', 3)
    torch.testing.assert_close(student.inference_form()(skeleton.double()).logits, together)


@torch.no_grad()
@pytest.mark.parametrize('make', [TemporalConv, hdgcn.OffsetTemporalConv])
def test_a_convolution_and_its_batch_norm_fold_into_one(make):
    layer = trained(make(3, 4, 5, 2, 1), torch.randn(6, 3, 5, 9), torch.randn(6, 3, 5, 9))
    weight, bias = layer.folded()
    x = torch.randn(2, 3, 5, 9)
    ours = nn.functional.conv2d(x, weight.transpose(2, 3), bias, (1, 2), (0, 2))
    torch.testing.assert_close(ours, layer(x))


class HalfConv(TemporalConv):
    """A temporal convolution that computes something else."""

    def forward(self, x):
        return super().forward(x) / 2


class Twice(nn.Module):
    """A layer that knows of no forms."""

    def __init__(self, layer):
        super().__init__()
        self.layer = self.again = layer

    def forward(self, x):
        return 2 * self.again(x)


class Squared(ctrgcn.GraphConv):
    """A graph convolution that overrides a part of it only."""

    def difference(self, x):
        return super().difference(x * x)


class MeanOfLevels(nn.Module):
    """Another way to join levels than those that have a form."""

    def forward(self, parts):
        return [part.mean(1) for part in parts]


@torch.no_grad()
def test_what_a_class_overrides_is_evaluated_too(tiny, clips):
    class Custom(ctrgcn.Model):
        temporal_conv = HalfConv

        def make_gcn(self, graph, adaptive, in_channels, out_channels, first):
            A = torch.tensor(graph.A, dtype=torch.float32)
            return Twice(Squared(in_channels, out_channels, A, adaptive))

    torch.manual_seed(0)
    student = Custom(**tiny)
    student.l10 = nn.Identity()
    student = trained(student, clips, clips)
    form = student.inference_form()
    assert near(form(clips).logits, student(clips).logits, 1e-5)
    assert not any(isinstance(part, (inference.TemporalForm, ctrgcn.GraphConvForm)) for part in form.modules())
    assert form.l1.gcn.layer is form.l1.gcn.again


@torch.no_grad()
def test_another_way_to_join_levels_is_evaluated_too():
    torch.manual_seed(0)
    clips = torch.randn(3, 3, 8, 25, 2).double()
    student = hdgcn.Model(7, 25, 2, 'graph.ntu_rgb_d_hierarchy.Graph', base_channel=8)
    for name in student.block_names:
        getattr(student, name).gcn1.aha = MeanOfLevels()
    student = trained(student.double(), clips, clips)
    assert near(student.inference_form()(clips).logits, student(clips).logits, 1e-8)


@torch.no_grad()
@pytest.mark.parametrize('stride', [1, 2])
@pytest.mark.parametrize('frames', [1, 2, 5, 8])
def test_the_largest_of_three_is_the_max_pool(frames, stride):
    x = torch.rand(2, 3, 5, frames)
    expected = nn.functional.max_pool2d(x, (1, 3), (1, stride), (0, 1))
    assert torch.equal(inference.largest_of_three(x, stride), expected)


@torch.no_grad()
def test_bf16_changes_it_no_more_than_the_student(student, clips):
    exact, form = student(clips).logits, student.inference_form()
    with torch.autocast('cpu', torch.bfloat16):
        logits, expected = form(clips).logits, student(clips).logits
    assert logits.dtype == torch.bfloat16
    assert (logits - exact).norm() < 2 * (expected - exact).norm() < 0.2 * exact.norm()
