"""CTR-GCN (Chen et al., "Channel-wise Topology Refinement Graph Convolution", ICCV 2021): the student.

Legend: B bodies, C channels, R relation channels, V joints (u receives, v gives), T frames, K = 3 subsets.
"""

import torch
import torch.nn.functional as F
from torch import nn

from model.layers import Block, MultiScaleTemporalConv, SkeletonNet, build_graph, initialise, pointwise, shortcut


class Model(SkeletonNet):
    """The CTR-GCN classifier; `model(skeleton)` gives MMCLOutput(logits).

    Args:
        num_class, num_point, num_person: sizes. graph: dotted name of a graph class, graph_args: its arguments.
        in_channels: coordinates. drop_out: rate before the classifier. adaptive: learn the adjacency.
        base_channel: width of the first blocks (64 in the paper).
    """

    def __init__(
        self,
        num_class,
        num_point,
        num_person,
        graph,
        graph_args=None,
        in_channels=3,
        drop_out=0,
        adaptive=True,
        base_channel=64,
    ):
        A = torch.tensor(build_graph(graph, graph_args, num_point).A, dtype=torch.float32)

        def make_block(in_channels, out_channels, stride, residual):
            gcn = GraphConv(in_channels, out_channels, A, adaptive)
            tcn = MultiScaleTemporalConv(out_channels, stride)
            return Block(gcn, tcn, in_channels, out_channels, stride, residual)

        super().__init__(num_class, num_point, num_person, in_channels, drop_out, base_channel, make_block)


class CTRGC(nn.Module):
    """The four 1×1 convolutions of one adjacency subset; GraphConv computes all subsets together."""

    def __init__(self, in_channels, out_channels):
        super().__init__()
        relation = 8 if in_channels <= 9 else in_channels // 8
        self.conv1 = nn.Conv2d(in_channels, relation, 1)
        self.conv2 = nn.Conv2d(in_channels, relation, 1)
        self.conv3 = nn.Conv2d(in_channels, out_channels, 1)
        self.conv4 = nn.Conv2d(relation, out_channels, 1)


class GraphConv(nn.Module):
    """Channel-wise topology refinement over K subsets: (B, C_in, V, T) → (B, C_out, V, T).

    Equations 1 to 6 of the paper; the output is Σ_k Σ_v relation_k[b, c, u, v] · value_k[b, c, v, t].

    Args:
        A: (K, V, V) float32, the start of PA (adaptive) or PA itself.
    """

    def __init__(self, in_channels, out_channels, A, adaptive):
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

    def forward(self, x):
        y = self.relation(x) @ self.value(x)  # (B, C_out, V, T)
        return F.relu(self.bn(y) + self.down(x), inplace=True)

    def relation(self, x):
        """(B, C_in, V, T) → (B, C_out, V, K·V): the graph of each subset, refined for each channel."""
        mean = x.mean(3, keepdim=True)  # the maps are linear, so the mean over time may come first
        query, key = (
            pointwise([getattr(conv, name) for conv in self.convs], mean).squeeze(3).chunk(len(self.convs), 1)
            for name in ('conv1', 'conv2')
        )  # K × (B, R, V)
        subsets = []
        for conv, q, k, A in zip(self.convs, query, key, self.PA):
            difference = torch.tanh(q.unsqueeze(3) - k.unsqueeze(2))  # (B, R, V, V)
            refinement = F.conv2d(difference, conv.conv4.weight * self.alpha, conv.conv4.bias * self.alpha)
            subsets.append(refinement + A)
        return torch.cat(subsets, 3)

    def value(self, x):
        """(B, C_in, V, T) → (B, C_out, K·V, T)."""
        weight = torch.stack([conv.conv3.weight for conv in self.convs], 1).flatten(0, 1)  # channel-major, subset-minor
        bias = torch.stack([conv.conv3.bias for conv in self.convs], 1).flatten()
        return F.conv2d(x, weight, bias).view(x.shape[0], -1, len(self.convs) * x.shape[2], x.shape[3])
