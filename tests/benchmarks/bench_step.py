"""A training step of MMCL against its student's, and the student's against plainly written CTR-GCN, in one run.

    OMP_NUM_THREADS=2 python -m tests.benchmarks.bench_step [--batch-size 8] [--steps 10] [--device cpu]

Video and text features are precomputed, as in training. The steps of the models alternate; printed are each one's
median time and the medians of the ratios within a round, which a busy machine moves less than the times.
Legend: N clips, M persons, C channels, T frames, V joints.
"""

import argparse
import copy
import time

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from model.MMCL import Model, loss_terms

WEIGHTS = {'cross_entropy': 1, 'refined': 0.2, 'alignment': 0.1}
SIZES = {'num_class': 60, 'num_point': 25, 'num_person': 2, 'graph': 'graph.ntu_rgb_d.Graph'}
FRAMES, VIDEO_DIM, TEXT_DIM = 64, 1000, 768


def plain_subset(conv, x, A, alpha):
    """One adjacency subset as the paper words it: (N, C, T, V) → (N, C', T, V)."""
    q, p, v = conv.conv1(x).mean(2), conv.conv2(x).mean(2), conv.conv3(x)
    R = conv.conv4(torch.tanh(q[:, :, :, None] - p[:, :, None])) * alpha + A  # (N, C', V, V)
    return torch.einsum('ncuv,nctv->nctu', R, v)


def plain_gcn(gcn, x):
    """The subsets one after the other, (N, C, T, V) → (N, C', T, V)."""
    y = sum(plain_subset(conv, x, A, gcn.alpha) for conv, A in zip(gcn.convs, gcn.PA))
    return F.relu(gcn.bn(y) + gcn.down(x))


def plain_tcn(tcn, x, stride):
    """The branches one after the other, (N, C, T, V) → (N, C, T / stride, V)."""
    parts = []
    for branch, dilation in zip(tcn.branches, (1, 2)):
        last = branch[3]
        y = F.relu(branch[1](branch[0](x)))
        y = F.conv2d(y, last.conv.weight, last.conv.bias, (stride, 1), (2 * dilation, 0), (dilation, 1))
        parts.append(last.bn(y))
    pool, point = tcn.branches[2], tcn.branches[3]
    parts.append(pool[4](F.max_pool2d(F.relu(pool[1](pool[0](x))), (3, 1), (stride, 1), (1, 0))))
    parts.append(point[1](F.conv2d(x, point[0].weight, point[0].bias, (stride, 1))))
    return torch.cat(parts, 1)


def plain_block(block, x, stride):
    """(N, C, T, V) → (N, C', T / stride, V)."""
    y = plain_tcn(block.tcn1, plain_gcn(block.gcn1, x), stride)
    if isinstance(block.residual, nn.Identity):
        y = y + x
    elif block.residual is not None:
        y = y + block.residual.bn(F.conv2d(x, block.residual.conv.weight, block.residual.conv.bias, (stride, 1)))
    return F.relu(y)


class PlainCTRGCN(nn.Module):
    """CTR-GCN written out step by step in the usual (N, C, T, V) layout, on a copy of a student's parameters."""

    def __init__(self, student):
        super().__init__()
        self.student = copy.deepcopy(student)

    def forward(self, skeleton):
        """skeleton (N, C, T, V, M) → logits (N, num_class)."""
        n, c, t, v, m = skeleton.shape
        x = self.student.data_bn(skeleton.permute(0, 4, 3, 1, 2).reshape(n, m * v * c, t))
        x = x.view(n * m, v, c, t).permute(0, 2, 3, 1).contiguous()
        for number in range(1, 11):
            x = plain_block(self.student.get_submodule(f'l{number}'), x, 2 if number in (5, 8) else 1)
        return self.student.fc(x.mean((2, 3)).view(n, m, -1).mean(1))


def make_steps(batch_size, device):
    """{name: a function that does one training step}."""
    torch.manual_seed(0)
    mmcl = Model(**SIZES, video_dim=VIDEO_DIM, text_dim=TEXT_DIM).to(device).train()
    models = {'MMCL': mmcl, 'student': copy.deepcopy(mmcl.student), 'plain CTR-GCN': PlainCTRGCN(mmcl.student)}
    skeleton = torch.randn(batch_size, 3, FRAMES, SIZES['num_point'], SIZES['num_person'], device=device)
    features = {
        'video': torch.randn(batch_size, VIDEO_DIM, device=device),
        'text': torch.randn(batch_size, TEXT_DIM, device=device),
    }
    label = torch.randint(SIZES['num_class'], (batch_size,), device=device)
    loss = {
        'MMCL': lambda: sum(
            WEIGHTS[name] * term for name, term in loss_terms(mmcl(skeleton, **features), label).items()
        ),
        'student': lambda: loss_terms(models['student'](skeleton), label)['cross_entropy'],
        'plain CTR-GCN': lambda: F.cross_entropy(models['plain CTR-GCN'](skeleton), label),
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
