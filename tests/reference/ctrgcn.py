"""CTR-GCN written step by step, one adjacency subset after the other; (B, C, T, V) throughout."""

import torch
import torch.nn.functional as F
from torch import nn

from tests.reference.network import SkeletonNetwork, down


class CTRGC(nn.Module):
    """The four convolutions of one subset."""

    def __init__(self, channels, out_channels):
        super().__init__()
        relation = 8 if channels <= 9 else channels // 8  # public networks have 3, 9, or multiples of 64
        self.conv1 = nn.Conv2d(channels, relation, 1)
        self.conv2 = nn.Conv2d(channels, relation, 1)
        self.conv3 = nn.Conv2d(channels, out_channels, 1)
        self.conv4 = nn.Conv2d(relation, out_channels, 1)

    def forward(self, x):
        """→ the refinement of the graph (B, C', V, V), and the values (B, C', T, V)."""
        q, p, v = self.conv1(x).mean(2), self.conv2(x).mean(2), self.conv3(x)
        return self.conv4(torch.tanh(q[:, :, :, None] - p[:, :, None, :])), v


class GraphConv(nn.Module):
    """The sum over the subsets, each of the shared graph refined for every channel; batch norm, the way around."""

    def __init__(self, channels, out_channels, A):
        super().__init__()
        self.PA = nn.Parameter(torch.as_tensor(A, dtype=torch.float32).clone())
        self.alpha = nn.Parameter(torch.zeros(1))
        self.convs = nn.ModuleList([CTRGC(channels, out_channels) for _ in A])
        self.bn = nn.BatchNorm2d(out_channels)
        self.down = down(channels, out_channels)

    def forward(self, x):
        y = None
        for conv, A in zip(self.convs, self.PA):
            refinement, v = conv(x)
            z = torch.einsum('ncuv,nctv->nctu', refinement * self.alpha + A, v)
            y = z if y is None else z + y
        y = self.bn(y)
        y += self.down(x)
        return F.relu(y, inplace=True)


class CTRGCN(SkeletonNetwork):
    """The network on a graph A (3, V, V)."""

    def __init__(self, num_class, A, num_person=2, base_channel=64):
        super().__init__(
            lambda channels, out_channels, first: GraphConv(channels, out_channels, A),
            num_class,
            A.shape[-1],
            num_person,
            base_channel,
        )
