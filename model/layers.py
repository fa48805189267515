"""What the skeleton networks share: the outer network, temporal convolutions, initialisation.

Legend: N clips, M persons, B = N·M bodies, C channels, V joints, T frames, K adjacency subsets.
Inside the network features are (B, C, V, T), time last: the K subsets then aggregate in one matrix product.
Parameter names and shapes are those of the public CTR-GCN and HD-GCN checkpoints.
"""

import math
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import nn

from torchlight.errors import InputError
from torchlight.imports import build

# (width as a multiple of base_channel, temporal stride) of the ten blocks l1 … l10
BLOCKS = [(1, 1)] * 4 + [(2, 2)] + [(2, 1)] * 2 + [(4, 2)] + [(4, 1)] * 2


class MMCLOutput(NamedTuple):
    """What a model computed from the inputs it was given.

    logits: (N, num_class). refined_logits: (N, num_class), with a text feature. alignment: (N,), each
    clip's contrastive loss, with a video feature.
    """

    logits: torch.Tensor
    refined_logits: torch.Tensor | None = None
    alignment: torch.Tensor | None = None


def build_graph(graph, graph_args, num_point):
    """The graph of this dotted name; raises InputError unless it has `num_point` joints."""
    built = build(graph, graph_args or {}, 'graph_args')
    if built.A.shape[-1] != num_point:
        raise InputError(f'{graph} has {built.A.shape[-1]} joints, and model_args says num_point {num_point}')
    return built


class SkeletonNet(nn.Module):
    """Input normalisation, ten blocks, pooling and a linear classifier.

    Args:
        num_class, num_point, num_person, in_channels: sizes of the output and of the input.
        drop_out: rate before the classifier. base_channel: width of the first four blocks.
        make_block: (in_channels, out_channels, stride, residual) → a block, (B, C, V, T) → (B, C', V, T / stride).
    """

    def __init__(self, num_class, num_point, num_person, in_channels, drop_out, base_channel, make_block):
        super().__init__()
        if not 0 <= drop_out <= 1 or base_channel < 8 or base_channel % 8:
            raise InputError(
                f'drop_out is {drop_out} and base_channel {base_channel}; expected a share from 0 to 1 and '
                'a positive multiple of 8'
            )
        self.num_class, self.num_point, self.num_person = num_class, num_point, num_person
        self.in_channels = in_channels
        self.data_bn = nn.BatchNorm1d(num_person * num_point * in_channels)
        width = in_channels
        for number, (multiple, stride) in enumerate(BLOCKS, 1):
            block = make_block(width, base_channel * multiple, stride, residual=number > 1)
            self.add_module(f'l{number}', block)
            width = base_channel * multiple
        self.feature_dim = width
        self.drop_out = nn.Dropout(drop_out)
        self.fc = nn.Linear(width, num_class)
        nn.init.normal_(self.fc.weight, 0, math.sqrt(2 / num_class))

    def forward(self, skeleton):
        """skeleton (N, C, T, V, M) → MMCLOutput(logits)."""
        return MMCLOutput(self.classify(self.features(skeleton)))

    def features(self, skeleton):
        """(N, C, T, V, M) → (N, feature_dim), the last block's output averaged over time, joints and persons."""
        bodies = self.normalise(skeleton)
        if self.training or torch.compiler.is_compiling():
            pooled = self.encode(bodies)
        else:
            pooled = self.encode_present(bodies, skeleton)
        return pooled.unflatten(0, (-1, self.num_person)).mean(1)

    def classify(self, features):
        """(N, feature_dim) → (N, num_class)."""
        return self.fc(self.drop_out(features))

    def normalise(self, skeleton):
        """(N, C, T, V, M) → (B, C, V, T), each coordinate of each joint and person on its own scale."""
        n, c, t, v, m = skeleton.shape
        x = skeleton.permute(0, 4, 3, 1, 2).reshape(n, m * v * c, t)
        return self.data_bn(x).view(n * m, v, c, t).transpose(1, 2).contiguous()

    def encode(self, x):
        """(B, C, V, T) → (B, feature_dim)."""
        for number in range(1, len(BLOCKS) + 1):
            x = self.get_submodule(f'l{number}')(x)
        return x.mean((2, 3))

    def encode_present(self, bodies, skeleton):
        """`encode` for evaluation, where all empty person slots of a kind share one computation.

        Without batch statistics an all-zero slot m always gives the same feature; most NTU clips have one.
        """
        empty = ~skeleton.permute(0, 4, 1, 2, 3).flatten(2).any(2)  # (N, M)
        slot = torch.arange(self.num_person, device=empty.device)
        index = torch.arange(len(bodies), device=empty.device).view_as(empty)
        first_empty = torch.where(empty, index, len(bodies)).amin(0)  # (M,)
        source = torch.where(empty, first_empty[slot], index).flatten()
        needed, place = source.unique(return_inverse=True)
        return self.encode(bodies[needed])[place]


def pointwise(convs, x):
    """Several 1×1 convolutions of one input as one: (B, C, V, T) → (B, sum of widths, V, T)."""
    return F.conv2d(x, torch.cat([conv.weight for conv in convs]), torch.cat([conv.bias for conv in convs]))


class TimeConv2d(nn.Conv2d):
    """A convolution over time, its weight stored as (out, in, kernel, 1) and applied to (B, C, V, T)."""

    def __init__(self, in_channels, out_channels, kernel_size, stride=1, dilation=1, bias=True):
        padding = dilation * (kernel_size - 1) // 2
        super().__init__(
            in_channels, out_channels, (kernel_size, 1), (1, stride), (0, padding), (1, dilation), bias=bias
        )

    def forward(self, x):
        return F.conv2d(x, self.weight.transpose(2, 3), self.bias, self.stride, self.padding, self.dilation)


class TemporalConv(nn.Module):
    """A convolution over time and its batch norm."""

    def __init__(self, in_channels, out_channels, kernel_size, stride=1, dilation=1):
        super().__init__()
        self.conv = TimeConv2d(in_channels, out_channels, kernel_size, stride, dilation)
        self.bn = nn.BatchNorm2d(out_channels)

    def forward(self, x):
        return self.bn(self.conv(x))


class MultiScaleTemporalConv(nn.Module):
    """Four branches over time (kernel 5 with dilation 1 and 2, max-pool 3, a point), concatenated.

    Source: CTR-GCN (Chen et al., ICCV 2021), figure 3b. Input (B, C, V, T), output (B, C, V, T / stride).
    `temporal_conv` is the class of the two convolutions.
    """

    def __init__(self, channels, stride=1, temporal_conv=TemporalConv):
        super().__init__()
        self.stride = stride
        width = channels // 4

        def reduction():
            return [nn.Conv2d(channels, width, 1), nn.BatchNorm2d(width)]

        pool = nn.MaxPool2d((1, 3), (1, stride), (0, 1))
        self.branches = nn.ModuleList(
            [
                *(
                    nn.Sequential(*reduction(), nn.ReLU(), temporal_conv(width, width, 5, stride, dilation))
                    for dilation in (1, 2)
                ),
                nn.Sequential(*reduction(), nn.ReLU(), pool, nn.BatchNorm2d(width)),
                nn.Sequential(*reduction()),
            ]
        )
        initialise(self)
        for module in self.modules():
            if isinstance(module, nn.BatchNorm2d):
                nn.init.normal_(module.weight, 1, 0.02)

    def forward(self, x):
        *parts, point = pointwise([branch[0] for branch in self.branches], x).chunk(4, 1)
        parts.append(point[..., :: self.stride])
        return torch.cat([branch[1:](part) for branch, part in zip(self.branches, parts)], 1)


class Block(nn.Module):
    """relu(tcn1(gcn1(x)) + residual(x)): (B, C_in, V, T) → (B, C_out, V, T / stride)."""

    def __init__(self, gcn, tcn, in_channels, out_channels, stride, residual):
        super().__init__()
        self.gcn1, self.tcn1 = gcn, tcn
        if not residual:
            self.residual = None
        elif in_channels == out_channels and stride == 1:
            self.residual = nn.Identity()
        else:
            self.residual = initialise(TemporalConv(in_channels, out_channels, 1, stride))

    def forward(self, x):
        y = self.tcn1(self.gcn1(x))
        if self.residual is not None:
            y = y + self.residual(x)
        return F.relu(y, inplace=True)


def shortcut(in_channels, out_channels):
    """gcn1's `down`: the identity, or a 1×1 convolution and batch norm where the width changes."""
    if in_channels == out_channels:
        return nn.Identity()
    return nn.Sequential(nn.Conv2d(in_channels, out_channels, 1), nn.BatchNorm2d(out_channels))


def initialise(module):
    """Kaiming-normal (fan out) convolutions with zero bias, unit batch norms; returns `module`."""
    for part in module.modules():
        if isinstance(part, (nn.Conv1d, nn.Conv2d)):
            nn.init.kaiming_normal_(part.weight, mode='fan_out')
            if part.bias is not None:
                nn.init.zeros_(part.bias)
        elif isinstance(part, nn.BatchNorm2d):
            nn.init.ones_(part.weight)
            nn.init.zeros_(part.bias)
    return module
