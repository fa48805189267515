"""CTR-GCN (Chen et al., "Channel-wise Topology Refinement Graph Convolution", ICCV 2021): the first student.

Axes as in model/base.py, with K = 3 subsets; R relation channels; joint u receives, joint v gives.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from graph.tools import SkeletonGraph
from model.base import SkeletonNet
from model.layers import initialise, pointwise, shortcut


class Model(SkeletonNet):
    """The CTR-GCN classifier; its parameters are those of SkeletonNet."""

    def make_gcn(
        self, graph: SkeletonGraph, adaptive: bool, in_channels: int, out_channels: int, first: bool
    ) -> nn.Module:
        """Make the graph convolution of a block."""
        return GraphConv(in_channels, out_channels, torch.tensor(graph.A, dtype=torch.float32), adaptive)


class CTRGC(nn.Module):
    """The four 1×1 convolutions of one adjacency subset; GraphConv computes all subsets together."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        relation = 8 if in_channels <= 9 else in_channels // 8
        self.conv1 = nn.Conv2d(in_channels, relation, 1)
        self.conv2 = nn.Conv2d(in_channels, relation, 1)
        self.conv3 = nn.Conv2d(in_channels, out_channels, 1)
        self.conv4 = nn.Conv2d(relation, out_channels, 1)


class GraphConv(nn.Module):
    """Channel-wise topology refinement over K subsets.

    Equations 1 to 6 of the paper; the output is Σ_k Σ_v relation_k[b, c, u, v] · value_k[b, c, v, t].

    Parameters
    ----------
    in_channels, out_channels : int.
    A : (K, V, V) float32. Initial value of the parameter PA.
    adaptive : bool. Train PA instead of keeping it.
    """

    def __init__(self, in_channels: int, out_channels: int, A: Tensor, adaptive: bool) -> None:
        super().__init__()
        if adaptive:
            self.PA = nn.Parameter(A.clone())
        else:
            self.register_buffer('PA', A.clone(), persistent=False)
        self.alpha = nn.Parameter(torch.zeros(1))
        self.convs = nn.ModuleList([CTRGC(in_channels, out_channels) for _ in A])
        self.down = shortcut(in_channels, out_channels)
        self.bn = nn.BatchNorm2d(out_channels)
        initialise(self)
        nn.init.constant_(self.bn.weight, 1e-6)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C_in, V, T) → (B, C_out, V, T)."""
        y = self.relation(x) @ self.value(x)
        return F.relu(self.bn(y) + self.down(x), inplace=True)

    def relation(self, x: Tensor) -> Tensor:
        """Refine the graph of each subset for each channel: (B, C_in, V, T) → (B, C_out, V, K·V)."""
        mean = x.mean(3, keepdim=True)  # the maps are linear, so the mean over time may come first
        query, key = (
            pointwise(maps, mean).squeeze(3).chunk(len(maps), 1)
            for maps in ([conv.conv1 for conv in self.convs], [conv.conv2 for conv in self.convs])
        )  # K × (B, R, V)
        subsets = []
        for conv, q, k, A in zip(self.convs, query, key, self.PA):
            difference = torch.tanh(q.unsqueeze(3) - k.unsqueeze(2))  # (B, R, V, V)
            refinement = F.conv2d(difference, conv.conv4.weight * self.alpha, conv.conv4.bias * self.alpha)
            subsets.append(refinement + A)
        return torch.cat(subsets, 3)

    def value(self, x: Tensor) -> Tensor:
        """Map the joints for each subset: (B, C_in, V, T) → (B, C_out, K·V, T)."""
        weight = torch.stack([conv.conv3.weight for conv in self.convs], 1).flatten(0, 1)  # channel-major, subset-minor
        bias = torch.stack([conv.conv3.bias for conv in self.convs], 1).flatten()
        return F.conv2d(x, weight, bias).view(x.shape[0], -1, len(self.convs) * x.shape[2], x.shape[3])
