"""HD-GCN written step by step, level by level and subset by subset; (B, C, T, V) throughout."""

import torch
import torch.nn.functional as F
from torch import nn

from tests.reference.network import SkeletonNetwork, TemporalConvWithBias, down


class EdgeConv(nn.Module):
    """(B, C, V) → (B, C, V): the strongest of the edges to the k nearest points in feature space, itself included."""

    def __init__(self, channels, k):
        super().__init__()
        self.k = k
        self.conv = nn.Sequential(nn.Conv2d(2 * channels, channels, 1, bias=False), nn.BatchNorm2d(channels))

    def forward(self, x):
        b, c, v = x.shape
        inner, square = x.transpose(1, 2) @ x, x.square().sum(1, keepdim=True)
        closeness = 2 * inner - square - square.transpose(1, 2)  # (B, V, V): minus the squared distance
        nearest = closeness.topk(self.k).indices + v * torch.arange(b, device=x.device)[:, None, None]
        points = x.transpose(1, 2)  # (B, V, C)
        neighbour = points.reshape(b * v, c)[nearest.flatten()].view(b, v, self.k, c)
        itself = points[:, :, None].expand_as(neighbour)
        edges = torch.cat([neighbour - itself, itself], 3).permute(0, 3, 1, 2).contiguous()  # (B, 2C, V, k)
        return F.leaky_relu(self.conv(edges), 0.2, inplace=True).max(3)[0]


class Attention(nn.Module):
    """A-HA: the levels (B, C, L, T, V) summed, each weighted for every clip and channel."""

    def __init__(self, channels, groups):
        super().__init__()
        self.groups = groups
        width = channels // 4
        self.conv_down = nn.Sequential(nn.Conv2d(channels, width, 1), nn.BatchNorm2d(width), nn.ReLU(inplace=True))
        self.edge_conv = EdgeConv(width, 3)
        self.aggregate = nn.Conv1d(width, channels, 1)

    def forward(self, x):
        narrow = self.conv_down(x.max(3)[0])  # (B, C / 4, L, V)
        levels = []
        for level, (inner, outer) in enumerate(zip(self.groups, self.groups[1:])):
            levels.append(narrow[:, :, level, inner + outer].mean(2))
        weight = self.aggregate(self.edge_conv(torch.stack(levels, 2))).sigmoid()  # (B, C, L)
        return (x * weight[..., None, None]).sum(2)


class GraphConv(nn.Module):
    """The levels one after the other, joined by attention, or by a plain sum where there is none."""

    def __init__(self, channels, out_channels, A, groups, attention=True):
        super().__init__()
        width = out_channels // 4
        self.PA = nn.Parameter(torch.as_tensor(A, dtype=torch.float32).clone())
        self.conv_down = nn.ModuleList([nn.Sequential(nn.Conv2d(channels, width, 1), nn.BatchNorm2d(width)) for _ in A])
        self.conv = nn.ModuleList()
        for level in A:
            subsets = [nn.Sequential(nn.Conv2d(width, width, 1), nn.BatchNorm2d(width)) for _ in level]
            self.conv.append(nn.ModuleList([*subsets, EdgeConv(width, 5)]))
        self.aha = Attention(out_channels, groups) if attention else None
        self.bn = nn.BatchNorm2d(out_channels)
        self.down = down(channels, out_channels)

    def forward(self, x):
        levels = torch.stack([self.level(number, x) for number in range(len(self.PA))], 2)
        y = levels.sum(2) if self.aha is None else self.aha(levels)
        y = self.bn(y)
        y += self.down(x)
        return F.relu(y, inplace=True)

    def level(self, number, x):
        """(B, C, T, V) → (B, C', T, V): the three subsets of a level, and its edges repeated over time."""
        x = F.relu(self.conv_down[number](x), inplace=True)
        ways = []
        for A, conv in zip(self.PA[number], self.conv[number]):
            ways.append(conv(torch.einsum('nctu,vu->nctv', x, A)))
        edges = self.conv[number][3](x.mean(2))
        ways.append(edges[:, :, None].expand_as(x))
        return torch.cat(ways, 1)


class HDGCN(SkeletonNetwork):
    """The network on a hierarchy A (6, 3, V, V) of seven joint groups."""

    def __init__(self, num_class, A, groups, num_person=2, base_channel=64):
        super().__init__(
            lambda channels, out_channels, first: GraphConv(channels, out_channels, A, groups, not first),
            num_class,
            A.shape[-1],
            num_person,
            base_channel,
            TemporalConvWithBias,
        )
