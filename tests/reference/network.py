"""What the reference networks share, written step by step: the outer network and the temporal convolutions.

Tensors are (B, C, T, V): bodies, channels, frames, joints. The parameters have the names of the public checkpoints.
Nothing here imports the program.
"""

import torch
import torch.nn.functional as F
from torch import nn

WIDTHS = (1, 1, 1, 1, 2, 2, 2, 4, 4, 4)  # of the ten blocks, as multiples of the first
STRIDES = (1, 1, 1, 1, 2, 1, 1, 2, 1, 1)


class TemporalConv(nn.Module):
    """A convolution over time, then batch norm."""

    def __init__(self, channels, out_channels, kernel_size, stride=1, dilation=1):
        super().__init__()
        padding = (kernel_size - 1) * dilation // 2
        self.conv = nn.Conv2d(
            channels, out_channels, (kernel_size, 1), (stride, 1), padding=(padding, 0), dilation=(dilation, 1)
        )
        self.bn = nn.BatchNorm2d(out_channels)

    def forward(self, x):
        return self.bn(self.conv(x))


class TemporalConvWithBias(nn.Module):
    """HD-GCN's: the bias is a parameter of its own between the convolution and the batch norm."""

    def __init__(self, channels, out_channels, kernel_size, stride=1, dilation=1):
        super().__init__()
        padding = (kernel_size - 1) * dilation // 2
        self.conv = nn.Conv2d(
            channels, out_channels, (kernel_size, 1), (stride, 1), (padding, 0), (dilation, 1), bias=False
        )
        self.bias = nn.Parameter(torch.zeros(1, out_channels, 1, 1))
        self.bn = nn.BatchNorm2d(out_channels)

    def forward(self, x):
        return self.bn(self.conv(x) + self.bias)


class TemporalBranches(nn.Module):
    """Four branches over time, a quarter of the channels each, concatenated."""

    def __init__(self, channels, stride=1, temporal_conv=TemporalConv):
        super().__init__()
        width = channels // 4
        branches = [
            nn.Sequential(
                nn.Conv2d(channels, width, 1),
                nn.BatchNorm2d(width),
                nn.ReLU(inplace=True),
                temporal_conv(width, width, 5, stride, dilation),
            )
            for dilation in (1, 2)
        ]
        branches.append(
            nn.Sequential(
                nn.Conv2d(channels, width, 1),
                nn.BatchNorm2d(width),
                nn.ReLU(inplace=True),
                nn.MaxPool2d((3, 1), (stride, 1), (1, 0)),
                nn.BatchNorm2d(width),
            )
        )
        branches.append(nn.Sequential(nn.Conv2d(channels, width, 1, (stride, 1)), nn.BatchNorm2d(width)))
        self.branches = nn.ModuleList(branches)

    def forward(self, x):
        return torch.cat([branch(x) for branch in self.branches], 1)


class Block(nn.Module):
    """A graph convolution, a temporal one, and the residual."""

    def __init__(self, gcn, channels, out_channels, stride, residual=True, temporal_conv=TemporalConv):
        super().__init__()
        self.gcn1 = gcn
        self.tcn1 = TemporalBranches(out_channels, stride, temporal_conv)
        if not residual:
            self.residual = None
        elif channels == out_channels and stride == 1:
            self.residual = nn.Identity()
        else:
            self.residual = TemporalConv(channels, out_channels, 1, stride)

    def forward(self, x):
        y = self.tcn1(self.gcn1(x))
        return F.relu(y if self.residual is None else y + self.residual(x), inplace=True)


class SkeletonNetwork(nn.Module):
    """Input norm, ten blocks, the mean over everything that moves, a classifier.

    `make_gcn(channels, out_channels, first)` gives the graph convolution of a block.
    """

    def __init__(self, make_gcn, num_class, num_point, num_person, base_channel, temporal_conv=TemporalConv):
        super().__init__()
        self.data_bn = nn.BatchNorm1d(num_person * num_point * 3)
        channels = 3
        for number, (width, stride) in enumerate(zip(WIDTHS, STRIDES), 1):
            out_channels, first = width * base_channel, number == 1
            gcn = make_gcn(channels, out_channels, first)
            setattr(self, f'l{number}', Block(gcn, channels, out_channels, stride, not first, temporal_conv))
            channels = out_channels
        self.fc = nn.Linear(channels, num_class)

    def features(self, skeleton):
        """Skeletons (N, C, T, V, M) → the pooled features (N, D)."""
        n, c, t, v, m = skeleton.shape
        x = self.data_bn(skeleton.permute(0, 4, 3, 1, 2).reshape(n, m * v * c, t))
        x = x.reshape(n * m, v, c, t).permute(0, 2, 3, 1).contiguous()
        for number in range(1, 11):
            x = getattr(self, f'l{number}')(x)
        return x.mean((2, 3)).reshape(n, m, -1).mean(1)

    def forward(self, skeleton):
        """Skeletons (N, C, T, V, M) → logits (N, num_class)."""
        return self.fc(self.features(skeleton))


def down(channels, out_channels):
    """The way around a graph convolution."""
    if channels == out_channels:
        return nn.Identity()
    return nn.Sequential(nn.Conv2d(channels, out_channels, 1), nn.BatchNorm2d(out_channels))
