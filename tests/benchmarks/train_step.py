"""A training step, forward, backward and optimiser: our student's, and the whole MMCL's, against the plain student's.

MMCL gets video and text features, as in training, and computes all its losses; the plain student has neither.
"""

import copy
import time

import numpy as np
import torch
import torch.nn.functional as F

from model.MMCL import Model, loss_terms, total_loss
from tests.benchmarks import networks
from tests.benchmarks.measure import alternate, close, count_flops, row, synchronise
from torchlight.optim import Optimizer

BATCH, VIDEO_DIM, TEXT_DIM = 8, 1000, 768
WIDTHS = {'video': VIDEO_DIM, 'text': TEXT_DIM}
RECIPE = {'nesterov': True, 'weight_decay': 4e-4}
RATE = 1e-3  # small, so that the steps of a benchmark hardly change the weights
PARTS = {'': [0, 1, 2], '_forward': [0], '_backward': [1]}  # of the seconds of a step


def our_step(model, forward, device):
    """A function that takes a step of ours and returns the seconds of its forward, backward and optimiser."""
    optimizer = Optimizer(model.parameters(), device, base_lr=RATE, num_epoch=1, **RECIPE)
    return laps(forward, optimizer.backward, optimizer.step, device)


def plain_step(model, forward, device):
    """The same with PyTorch's optimiser."""
    optimizer = torch.optim.SGD(model.parameters(), RATE, momentum=0.9, **RECIPE)

    def backward(loss):
        optimizer.zero_grad()
        loss.backward()

    return laps(forward, backward, optimizer.step, device)


def laps(forward, backward, update, device):
    """A function that does the three in turn and returns (3,) seconds."""

    def seconds():
        synchronise(device)
        times = [time.perf_counter()]
        loss = forward()
        for action in (lambda: backward(loss), update):
            synchronise(device)
            times.append(time.perf_counter())
            action()
        synchronise(device)
        times.append(time.perf_counter())
        return np.diff(times)

    return seconds


def make_models(device):
    """{name: network with the same student in it, in training mode}."""
    mmcl = Model(**networks.SIZES, graph='graph.ntu_rgb_d.Graph', video_dim=VIDEO_DIM, text_dim=TEXT_DIM)
    mmcl.student.load_state_dict(networks.student().state_dict())
    models = {'plain': networks.plain_student(mmcl.student), 'student': copy.deepcopy(mmcl.student), 'mmcl': mmcl}
    return {name: model.to(device).train() for name, model in models.items()}


def make_batch(size, device):
    """Skeletons, {'video', 'text'}: features, and labels."""
    torch.manual_seed(0)
    features = {kind: torch.randn(size, width).to(device) for kind, width in WIDTHS.items()}
    label = torch.randint(networks.SIZES['num_class'], (size,)).to(device)
    return networks.skeletons(size).to(device), features, label


def make_step(name, model, batch, device):
    """A function that takes a step and returns its laps."""
    x, features, label = batch
    if name == 'plain':
        return plain_step(model, lambda: F.cross_entropy(model(x), label), device)
    given = features if name == 'mmcl' else {}
    return our_step(model, lambda: total_loss(loss_terms(model(x, **given), label)), device)


def compare(name, models, batch, options):
    """Three rows for each model but the plain one: the step, its forward part, its backward part."""
    device, plain, (x, features, _) = options.device, models['plain'], batch
    with torch.no_grad():
        expected = plain(x)
        for key, model in models.items():
            if key != 'plain':
                close(model(x, **features if key == 'mmcl' else {}).logits, expected)
        forward = count_flops(lambda: plain(x)) / BATCH
    both = count_flops(lambda: plain(x).sum().backward()) / BATCH
    flops = {'': both, '_forward': forward, '_backward': both - forward}
    steps = {key: make_step(key, model, batch, device) for key, model in models.items()}
    seconds = alternate(steps, options.rounds, warm_up=1)
    plain_seconds = seconds.pop('plain')
    for key, ours in seconds.items():
        for part, columns in PARTS.items():
            before, after = (laps[:, columns].sum(1) for laps in (plain_seconds, ours))
            yield row(name, key + part, before, after, BATCH, flops[part], device)


def run(options):
    """The rows of the student and of MMCL."""
    yield from compare('train_step', make_models(options.device), make_batch(BATCH, options.device), options)
