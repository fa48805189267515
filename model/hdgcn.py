"""HD-GCN (Lee et al., "Hierarchically Decomposed Graph Convolutional Networks", ICCV 2023): the second student.

Legend: B bodies, C channels, V joints, T frames, L = 6 levels, each of two neighbouring groups of joints. The
levels lie side by side, as one axis; tensors of width C_out come as four parts of C_out / 4 channels.
"""

import torch
import torch.nn.functional as F
from torch import nn

from model.layers import (
    Block,
    MultiScaleTemporalConv,
    SkeletonNet,
    TimeConv2d,
    build_graph,
    initialise,
    pointwise,
    shortcut,
)
from torchlight.errors import InputError

NEAREST_JOINTS, NEAREST_LEVELS = 5, 3  # neighbours in feature space, itself among them


class Model(SkeletonNet):
    """The HD-GCN classifier; `model(skeleton)` gives MMCLOutput(logits).

    Args:
        num_class, num_point, num_person: sizes. graph: dotted name of a class with `A` (L, 3, V, V) and the L + 1
        joint `groups`, as graph.ntu_rgb_d_hierarchy.Graph; graph_args: its arguments.
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
        hierarchy = build_graph(graph, graph_args, num_point)
        if not hasattr(hierarchy, 'groups'):
            raise InputError(f'{graph} has no levels of joints; HD-GCN needs graph.ntu_rgb_d_hierarchy.Graph')
        A = torch.tensor(hierarchy.A, dtype=torch.float32)

        def make_block(in_channels, out_channels, stride, residual):
            aha = HierarchyAttention(out_channels, hierarchy.groups, A.shape[-1]) if residual else LevelSum()
            gcn = GraphConv(in_channels, out_channels, A, adaptive, aha)
            tcn = MultiScaleTemporalConv(out_channels, stride, OffsetTemporalConv)
            return Block(gcn, tcn, in_channels, out_channels, stride, residual)

        super().__init__(num_class, num_point, num_person, in_channels, drop_out, base_channel, make_block)


class GraphConv(nn.Module):
    """Convolution over a hierarchy of graphs: (B, C_in, V, T) → (B, C_out, V, T).

    Each level narrows x to C_out / 4 channels and looks at it in four ways: through the three subsets of its
    adjacency, and through an EdgeConv between joints, constant over time. `aha` then joins the levels.

    Args:
        A: (L, 3, V, V) float32, the start of PA (adaptive) or PA itself.
        aha: the module that joins the levels, parts (B, L, C_out / 4, V, T) → parts (B, C_out / 4, V, T).
    """

    def __init__(self, in_channels, out_channels, A, adaptive, aha):
        super().__init__()
        width = out_channels // 4
        if adaptive:
            self.PA = nn.Parameter(A.clone())
        else:
            self.register_buffer('PA', A.clone(), persistent=False)
        self.conv_down = nn.ModuleList(
            [nn.Sequential(nn.Conv2d(in_channels, width, 1), nn.BatchNorm2d(width)) for _ in A]
        )
        self.conv = nn.ModuleList(
            [
                nn.ModuleList(
                    [
                        *(nn.Sequential(nn.Conv2d(width, width, 1), nn.BatchNorm2d(width)) for _ in level),
                        EdgeConv(width, NEAREST_JOINTS),
                    ]
                )
                for level in A
            ]
        )
        self.aha = aha
        self.down = shortcut(in_channels, out_channels)
        self.bn = nn.BatchNorm2d(out_channels)
        initialise(self)
        nn.init.constant_(self.bn.weight, 1e-6)

    def forward(self, x):
        *subsets, edges = self.aha(self.levels(x))
        y = torch.cat([*subsets, edges.expand_as(subsets[0])], 1)  # (B, C_out, V, T)
        return F.relu(self.bn(y) + self.down(x), inplace=True)

    def levels(self, x):
        """(B, C_in, V, T) → four parts (B, L, C_out / 4, V, T); the last, of the EdgeConv, has T = 1."""
        convs, norms = zip(*self.conv_down)
        narrow = F.relu(batch_norm(norms, pointwise(convs, x)), inplace=True)
        narrow = narrow.unflatten(1, (len(convs), -1))  # (B, L, C_out / 4, V, T)
        *subsets, edge_convs = zip(*self.conv)
        parts = [aggregate(A, *zip(*level), narrow) for A, level in zip(self.PA.unbind(1), subsets)]
        return [*parts, edge_convolution(edge_convs, narrow.mean(4)).unsqueeze(4)]


def aggregate(A, convs, norms, x):
    """Joints' sums by A (L, V, V), then 1×1 convolution and batch norm of each level: x (B, L, C, V, T) → the same."""
    weight = torch.stack([conv.weight.flatten(1) for conv in convs])  # (L, C, C)
    bias = torch.stack([conv.bias for conv in convs]).unsqueeze(2)
    y = weight @ (A.unsqueeze(1) @ x).flatten(3) + bias
    return batch_norm(norms, y.flatten(1, 2)).view_as(x)


def batch_norm(norms, x):
    """Several batch norms side by side as one: x (B, sum of widths, …)."""
    weight, bias, mean, var = (
        torch.cat([getattr(norm, name) for norm in norms]) for name in ('weight', 'bias', 'running_mean', 'running_var')
    )
    first = norms[0]
    y = F.batch_norm(x, mean, var, weight, bias, first.training, first.momentum, first.eps)
    if first.training:
        for norm, new_mean, new_var in zip(norms, mean.chunk(len(norms)), var.chunk(len(norms))):
            norm.running_mean.copy_(new_mean)
            norm.running_var.copy_(new_var)
            norm.num_batches_tracked.add_(1)
    return y


class EdgeConv(nn.Module):
    """Convolution over the edges to the k nearest points in feature space: (B, C, V) → (B, C, V).

    max over neighbours v of LeakyReLU(BN(W · [x_v − x_u, x_u])). Source: DGCNN (Wang et al., TOG 2019).
    """

    def __init__(self, channels, k):
        super().__init__()
        self.k = k
        self.conv = nn.Sequential(nn.Conv2d(2 * channels, channels, 1, bias=False), nn.BatchNorm2d(channels))

    def forward(self, x):
        return edge_convolution([self], x.unsqueeze(1)).squeeze(1)


def edge_convolution(convs, x):
    """EdgeConvs of L levels side by side: x (B, L, C, V) → the same.

    W · [x_v − x_u, x_u] is taken as W₁ x_v + (W₂ − W₁) x_u: two maps of joints, not one of all the edges.
    """
    points = x.detach().transpose(2, 3)
    nearest = torch.cdist(points, points).topk(convs[0].k, largest=False).indices  # (B, L, V, k)
    weight = torch.stack([edge.conv[0].weight.flatten(1) for edge in convs])  # (L, C, 2C)
    neighbour, itself = weight.chunk(2, 2)
    index = nearest.flatten(2).unsqueeze(2).expand(-1, -1, x.shape[2], -1)
    edges = (neighbour @ x).gather(3, index).unflatten(3, nearest.shape[2:])  # (B, L, C, V, k)
    edges = edges + ((itself - neighbour) @ x).unsqueeze(4)
    edges = batch_norm([edge.conv[1] for edge in convs], edges.flatten(1, 2)).view_as(edges)
    return F.leaky_relu(edges.max(4)[0], 0.2)


class LevelSum(nn.Module):
    """The plain sum over the levels, as in the first block: parts (B, L, C, V, T) → parts (B, C, V, T)."""

    def forward(self, parts):
        return [part.sum(1) for part in parts]


class HierarchyAttention(nn.Module):
    """A-HA, attention-guided aggregation: a sum over the levels, weighted for each clip and channel.

    Parts (B, L, C / 4, V, T) → parts (B, C / 4, V, T).

    Args:
        channels: C. groups: the L + 1 joint groups; level l is represented by the joints of groups l and l + 1.
    """

    def __init__(self, channels, groups, num_point):
        super().__init__()
        width = channels // 4
        member = torch.zeros(len(groups) - 1, num_point)
        for row, inner, outer in zip(member, groups, groups[1:]):
            row[inner + outer] = 1
        self.register_buffer('member', member, persistent=False)  # (L, V)
        self.conv_down = nn.Sequential(nn.Conv2d(channels, width, 1), nn.BatchNorm2d(width), nn.ReLU(inplace=True))
        self.edge_conv = EdgeConv(width, NEAREST_LEVELS)
        self.aggregate = nn.Conv1d(width, channels, 1)

    def forward(self, parts):
        # `max`, not `amax`: on ties, which a joint outside its level has in all frames, one frame gets the gradient
        strongest = torch.cat([part.max(4)[0] for part in parts], 2)  # (B, L, C, V)
        joints = self.conv_down(strongest.transpose(1, 2))  # (B, C / 4, L, V)
        summary = (joints * self.member).sum(3) / self.member.sum(1)
        weight = self.aggregate(self.edge_conv(summary)).sigmoid()  # (B, C, L)
        weights = weight.transpose(1, 2)[..., None, None].chunk(len(parts), 2)
        return [(part * w).sum(1) for part, w in zip(parts, weights)]


class OffsetTemporalConv(nn.Module):
    """A convolution over time and its batch norm, with the bias outside the convolution as HD-GCN's files have it."""

    def __init__(self, in_channels, out_channels, kernel_size, stride=1, dilation=1):
        super().__init__()
        self.conv = TimeConv2d(in_channels, out_channels, kernel_size, stride, dilation, bias=False)
        self.bias = nn.Parameter(torch.zeros(1, out_channels, 1, 1))
        self.bn = nn.BatchNorm2d(out_channels)

    def forward(self, x):
        return self.bn(self.conv(x) + self.bias)
