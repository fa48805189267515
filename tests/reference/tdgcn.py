"""TD-GCN written step by step, one adjacency subset after the other; (B, C, T, V) throughout."""

import torch
import torch.nn.functional as F
from torch import nn

from tests.reference.network import SkeletonNetwork, down


class TDGC(nn.Module):
    """The three convolutions of one subset."""

    def __init__(self, channels, out_channels):
        super().__init__()
        relation = 8 if channels <= 9 else channels // 8  # public networks have 3, 9, or multiples of 64
        self.conv1 = nn.Conv2d(channels, relation, 1)
        self.conv3 = nn.Conv2d(channels, out_channels, 1)
        self.conv4 = nn.Conv2d(relation, out_channels, 1)

    def forward(self, x):
        """→ the refinement (B, C', V, V), the graphs of the frames (B, T, V, V), and the values (B, C', T, V)."""
        q, v = self.conv1(x).mean(2), self.conv3(x)
        mean = v.mean(1)  # (B, T, V)
        frames = torch.tanh(mean[:, :, :, None] - mean[:, :, None, :])
        return self.conv4(torch.tanh(q[:, :, :, None] - q[:, :, None, :])), frames, v


class GraphConv(nn.Module):
    """The sum over the subsets, by a graph for every channel and one for every frame; batch norm, the way around."""

    def __init__(self, channels, out_channels, A):
        super().__init__()
        self.PA = nn.Parameter(torch.as_tensor(A, dtype=torch.float32).clone())
        self.alpha = nn.Parameter(torch.zeros(1))
        self.beta = nn.Parameter(torch.tensor(0.5))
        self.gamma = nn.Parameter(torch.tensor(0.1))
        self.convs = nn.ModuleList([TDGC(channels, out_channels) for _ in A])
        self.bn = nn.BatchNorm2d(out_channels)
        self.down = down(channels, out_channels)

    def forward(self, x):
        y = None
        for conv, A in zip(self.convs, self.PA):
            refinement, frames, v = conv(x)
            z = torch.einsum('ncuw,nctw->nctu', refinement * self.alpha + A, v) * self.beta
            by_frame = torch.einsum('ntuw,ntcw->ntcu', frames, v.permute(0, 2, 1, 3)).permute(0, 2, 1, 3)
            z = z + by_frame * self.gamma
            y = z if y is None else z + y
        y = self.bn(y)
        y += self.down(x)
        return F.relu(y, inplace=True)


class TDGCN(SkeletonNetwork):
    """The network on a graph A (3, V, V)."""

    def __init__(self, num_class, A, num_person=2, base_channel=64):
        super().__init__(
            lambda channels, out_channels, first: GraphConv(channels, out_channels, A),
            num_class,
            A.shape[-1],
            num_person,
            base_channel,
        )
