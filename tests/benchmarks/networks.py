"""The networks that the benchmarks compare, with the same weights, and clips for them."""

import copy

import torch

from model import ctrgcn, hdgcn, tdgcn
from tests.benchmarks.measure import alternate, clock, close, count_flops, row
from tests.helpers import scramble, settle
from tests.reference import graphs
from tests.reference.ctrgcn import CTRGCN
from tests.reference.hdgcn import HDGCN
from tests.reference.tdgcn import TDGCN

SIZES = {'num_class': 60, 'num_point': 25, 'num_person': 2}
FRAMES, ALPHA, CHECKED = 64, 0.3, 4
STUDENTS = {  # ours, its graph; the plain network
    'ctrgcn': (ctrgcn.Model, 'graph.ntu_rgb_d.Graph', lambda: CTRGCN(60, graphs.ntu())),
    'tdgcn': (tdgcn.Model, 'graph.ntu_rgb_d.Graph', lambda: TDGCN(60, graphs.ntu())),
    'hdgcn': (
        hdgcn.Model,
        'graph.ntu_rgb_d_hierarchy.Graph',
        lambda: HDGCN(60, graphs.hierarchical(1), graphs.groups(1)),
    ),
}


def skeletons(batch, frames=FRAMES, persons=2, mixed=False):
    """Noise (N, 3, T, 25, M); in a mixed batch only every fourth clip has a second person, as in NTU60."""
    x = torch.randn(batch, 3, frames, 25, persons, generator=torch.Generator().manual_seed(0))
    if mixed:
        x[torch.arange(batch) % 4 != 0, ..., 1:] = 0
    return x


def student(name='ctrgcn', persons=2):
    """Our student, its values those of a trained one in size, and nothing that could be skipped as zero."""
    cls, graph, _ = STUDENTS[name]
    model = scramble(cls(**{**SIZES, 'num_person': persons}, graph=graph))
    for key, parameter in model.named_parameters():
        if key.endswith('.alpha'):
            parameter.data.fill_(ALPHA)
    return settle(model, skeletons(4, persons=persons), skeletons(4, persons=persons))


def plain_student(ours, name='ctrgcn'):
    """The plain network with the weights of our student."""
    plain = STUDENTS[name][2]()
    plain.load_state_dict(ours.state_dict())
    return plain.eval()


def inference(model, x):
    """A function that scores a batch in the form for inference, as evaluation does."""
    form = copy.deepcopy(model).eval().inference_form()

    def score():
        with torch.inference_mode():
            return form(x).logits

    return score


def plain_inference(plain, x):
    """A function that scores a batch plainly."""

    def score():
        with torch.inference_mode():
            return plain(x)

    return score


def flops_of_a_clip(plain, device):
    """Of a forward pass of the plain network over two persons."""
    x = skeletons(1).to(device)
    with torch.no_grad():
        return count_flops(lambda: plain(x))


def check(ours, plain, x):
    """Stop unless both score the first clips alike.

    HD-GCN is compared in float64: in float32 rounding decides which of two equally near points is nearer.
    """
    x = x[:CHECKED]
    if isinstance(ours, hdgcn.Model):
        ours, plain, x = copy.deepcopy(ours).double(), copy.deepcopy(plain).double(), x.double()
    close(inference(ours, x)(), plain_inference(plain, x)())


def compare(name, case, student_name, x, options, rounds):
    """The row of an evaluation of a batch, ours against plain."""
    device, ours = options.device, student(student_name)
    plain = plain_student(ours, student_name).to(device)
    ours, x = ours.to(device), x.to(device)
    check(ours, plain, x)
    functions = {'plain': clock(plain_inference(plain, x), device), 'ours': clock(inference(ours, x), device)}
    seconds = alternate(functions, rounds, warm_up=1)
    return row(name, case, seconds['plain'], seconds['ours'], len(x), flops_of_a_clip(plain, device), device)
