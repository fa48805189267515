"""A training step of MMCL against its student's, and the student's against the reference CTR-GCN, in one run.

    OMP_NUM_THREADS=2 python -m tests.benchmarks.bench_step [--batch-size 8] [--steps 10] [--device cpu]

Video and text features are precomputed, as in training. The steps of the models alternate; printed are each one's
median time and the medians of the ratios within a round, which a busy machine moves less than the times.
"""

import argparse
import copy
import time

import numpy as np
import torch
import torch.nn.functional as F

from model.MMCL import Model, loss_terms, total_loss
from tests.reference import graphs
from tests.reference.ctrgcn import CTRGCN

SIZES = {'num_class': 60, 'num_point': 25, 'num_person': 2, 'graph': 'graph.ntu_rgb_d.Graph'}
FRAMES, VIDEO_DIM, TEXT_DIM = 64, 1000, 768


def make_steps(batch_size, device):
    """{name: a function that does one training step}."""
    torch.manual_seed(0)
    mmcl = Model(**SIZES, video_dim=VIDEO_DIM, text_dim=TEXT_DIM).to(device).train()
    plain = CTRGCN(SIZES['num_class'], graphs.ntu()).to(device).train()
    plain.load_state_dict(mmcl.student.state_dict())
    models = {'MMCL': mmcl, 'student': copy.deepcopy(mmcl.student), 'plain CTR-GCN': plain}
    skeleton = torch.randn(batch_size, 3, FRAMES, SIZES['num_point'], SIZES['num_person'], device=device)
    features = {
        'video': torch.randn(batch_size, VIDEO_DIM, device=device),
        'text': torch.randn(batch_size, TEXT_DIM, device=device),
    }
    label = torch.randint(SIZES['num_class'], (batch_size,), device=device)
    loss = {
        'MMCL': lambda: total_loss(loss_terms(mmcl(skeleton, **features), label)),
        'student': lambda: loss_terms(models['student'](skeleton), label)['cross_entropy'],
        'plain CTR-GCN': lambda: F.cross_entropy(plain(skeleton), label),
    }
    return {name: training_step(model, loss[name]) for name, model in models.items()}


def training_step(model, loss):
    """Forward, backward and the optimiser of the recipe."""
    optimizer = torch.optim.SGD(model.parameters(), 1e-3, momentum=0.9, nesterov=True, weight_decay=4e-4)

    def step():
        optimizer.zero_grad()
        loss().backward()
        optimizer.step()

    return step


def measure(steps, rounds, device):
    """{name: (rounds,) seconds}, the steps in turn, after one round that does not count."""
    seconds = {name: [] for name in steps}
    for number in range(rounds + 1):
        for name, step in steps.items():
            start = time.perf_counter()
            step()
            if device.startswith('cuda'):
                torch.cuda.synchronize()
            if number:
                seconds[name].append(time.perf_counter() - start)
    return {name: np.array(values) for name, values in seconds.items()}


def main():
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('--batch-size', type=int, default=8)
    parser.add_argument('--steps', type=int, default=10, help='rounds, each one step of every model')
    parser.add_argument('--device', default='cpu')
    args = parser.parse_args()
    seconds = measure(make_steps(args.batch_size, args.device), args.steps, args.device)
    print(f'batch {args.batch_size}, {args.steps} rounds, {args.device}, {torch.get_num_threads()} threads')
    for name, values in seconds.items():
        print(f'{name:14} {1000 * np.median(values):8.1f} ms a step')
    for a, b in (('MMCL', 'student'), ('student', 'plain CTR-GCN')):
        print(f'{a} / {b}: {np.median(seconds[a] / seconds[b]):.3f}')


if __name__ == '__main__':
    main()
