"""HD-GCN (Lee et al., "Hierarchically Decomposed Graph Convolutional Networks", ICCV 2023): the second student.

Axes as in model/base.py, with L = 6 levels, each of two neighbouring groups of joints. The levels are side by side on
one axis; tensors of width C_out come as four parts of C_out / 4 channels.
"""

import copy
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from graph.tools import SkeletonGraph
from model import inference
from model.base import SkeletonNet
from model.edge_conv import EdgeConv, edge_convolution
from model.layers import TemporalConv, batch_norm, initialise, pointwise, shortcut
from torchlight.errors import InputError

NEAREST_JOINTS, NEAREST_LEVELS = 5, 3  # neighbours in feature space, including the point itself


class OffsetTemporalConv(TemporalConv):
    """A temporal convolution with the bias outside the convolution, as in the checkpoints of HD-GCN."""

    def __init__(self, in_channels: int, out_channels: int, *sizes: int) -> None:
        super().__init__(in_channels, out_channels, *sizes, bias=False)
        self.bias = nn.Parameter(torch.zeros(1, out_channels, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        """(B, in_channels, V, T) → (B, out_channels, V, T / stride)."""
        return self.bn(self.conv(x) + self.bias)

    def folded(self) -> tuple[Tensor, Tensor]:
        """Return the weight (out, in, kernel, 1) and the bias (out,) of one convolution that does the same."""
        return inference.fold(self.conv, self.bn, self.bias.flatten())

    inference_form = TemporalConv.inference_form


class Model(SkeletonNet):
    """The HD-GCN classifier; its parameters are those of SkeletonNet.

    Its graph has levels: A (L, 3, V, V) and L + 1 `groups` of joints, like graph.ntu_rgb_d_hierarchy.Graph.

    Raises
    ------
    InputError
        If the graph has no levels.
    """

    temporal_conv = OffsetTemporalConv

    def make_gcn(
        self, graph: SkeletonGraph, adaptive: bool, in_channels: int, out_channels: int, first: bool
    ) -> nn.Module:
        """Make the graph convolution of a block; only the first one sums the levels without attention."""
        if graph.groups is None:
            raise InputError(f'{graph} has no levels of joints; HD-GCN needs graph.ntu_rgb_d_hierarchy.Graph')
        A = torch.tensor(graph.A, dtype=torch.float32)
        aha = LevelSum() if first else HierarchyAttention(out_channels, graph.groups, A.shape[-1])
        return GraphConv(in_channels, out_channels, A, adaptive, aha)


class GraphConv(inference.Layer):
    """Convolution over a hierarchy of graphs.

    Each level narrows x to C_out / 4 channels and looks at it in four ways: through the three subsets of its
    adjacency, and through an EdgeConv between joints, constant over time. `aha` then joins the levels.

    Parameters
    ----------
    in_channels, out_channels : int.
    A : (L, 3, V, V) float32. Initial value of the parameter PA.
    adaptive : bool. Train PA instead of keeping it.
    aha : module. Joins the levels: parts (B, L, C_out / 4, V, T) → parts (B, C_out / 4, V, T).
    """

    def __init__(self, in_channels: int, out_channels: int, A: Tensor, adaptive: bool, aha: nn.Module) -> None:
        super().__init__()
        width = out_channels // 4

        def narrowing(channels: int) -> nn.Module:
            return nn.Sequential(nn.Conv2d(channels, width, 1), nn.BatchNorm2d(width))

        if adaptive:
            self.PA = nn.Parameter(A.clone())
        else:
            self.register_buffer('PA', A.clone(), persistent=False)
        self.conv_down = nn.ModuleList([narrowing(in_channels) for _ in A])
        self.conv = nn.ModuleList(
            [nn.ModuleList([*(narrowing(width) for _ in level), EdgeConv(width, NEAREST_JOINTS)]) for level in A]
        )
        self.aha = aha
        self.down = shortcut(in_channels, out_channels)
        self.bn = nn.BatchNorm2d(out_channels)
        initialise(self)
        nn.init.constant_(self.bn.weight, 1e-6)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C_in, V, T) → (B, C_out, V, T)."""
        *subsets, edges = self.aha(self.levels(x))
        y = torch.cat([*subsets, edges.expand_as(subsets[0])], 1)
        return F.relu(self.bn(y) + self.down(x), inplace=True)

    def topology(self, x: Tensor, graph: SkeletonGraph) -> tuple[Tensor, Tensor]:
        """Return how far PA is from the graph's A, and PA with its levels weighted as in the clip (no EdgeConvs)."""
        learned = (self.PA - torch.as_tensor(graph.A).to(self.PA)).abs().sum((0, 1))
        weight = self.aha.weights(self.levels(x))[0].unflatten(0, (4, -1)).mean(1)[:3]  # (3, L)
        return learned, torch.einsum('kl,lkuv->uv', weight, self.PA.abs())

    def inference_form(self) -> nn.Module:
        """Return a module that does the same in evaluation, see model/inference.py."""
        return GraphConvForm(self) if type(self.aha) in (LevelSum, HierarchyAttention) else super().inference_form()

    def levels(self, x: Tensor) -> list[Tensor]:
        """Look at x on each level: (B, C_in, V, T) → four parts (B, L, C_out / 4, V, T), the EdgeConv's with T = 1."""
        convs, norms = zip(*self.conv_down)
        narrow = F.relu(batch_norm(norms, pointwise(convs, x)), inplace=True)
        narrow = narrow.unflatten(1, (len(convs), -1))  # (B, L, C_out / 4, V, T)
        *subsets, edge_convs = zip(*self.conv)
        parts = [aggregate(A, *zip(*level), narrow) for A, level in zip(self.PA.unbind(1), subsets)]
        return [*parts, edge_convolution(edge_convs, narrow.mean(4)).unsqueeze(4)]


def aggregate(A: Tensor, convs: Sequence[nn.Conv2d], norms: Sequence[nn.BatchNorm2d], x: Tensor) -> Tensor:
    """Sum the joints by A (L, V, V), then convolve (1×1) and normalise each level: x (B, L, C, V, T), same shape."""
    weight = torch.stack([conv.weight.flatten(1) for conv in convs])  # (L, C, C)
    bias = torch.stack([conv.bias for conv in convs]).unsqueeze(2)
    y = weight @ (A.unsqueeze(1) @ x).flatten(3) + bias
    return batch_norm(norms, y.flatten(1, 2)).view_as(x)


class LevelSum(nn.Module):
    """The plain sum over the levels, as in the first block."""

    def forward(self, parts: Sequence[Tensor]) -> list[Tensor]:
        """Parts (B, L, C, V, T) → parts (B, C, V, T)."""
        return [part.sum(1) for part in parts]

    def weights(self, parts: Sequence[Tensor]) -> Tensor:
        """Return the weight of each level in each channel, which is 1: parts (B, L, C / 4, V, T) → (B, C, L)."""
        return parts[0].new_ones(len(parts[0]), len(parts) * parts[0].shape[2], parts[0].shape[1])


class HierarchyAttention(nn.Module):
    """A-HA, attention-guided aggregation: a sum over the levels, weighted for each clip and channel.

    Parameters
    ----------
    channels : int. Width C of all parts together.
    groups : L + 1 lists of joints. Level l is represented by the joints of groups l and l + 1.
    num_point : int. Number of joints V.
    """

    def __init__(self, channels: int, groups: Sequence[list[int]], num_point: int) -> None:
        super().__init__()
        width = channels // 4
        member = torch.zeros(len(groups) - 1, num_point)
        for row, inner, outer in zip(member, groups, groups[1:]):
            row[inner + outer] = 1
        self.register_buffer('member', member, persistent=False)  # (L, V)
        self.conv_down = nn.Sequential(nn.Conv2d(channels, width, 1), nn.BatchNorm2d(width), nn.ReLU(inplace=True))
        self.edge_conv = EdgeConv(width, NEAREST_LEVELS)
        self.aggregate = nn.Conv1d(width, channels, 1)

    def forward(self, parts: Sequence[Tensor]) -> list[Tensor]:
        """Parts (B, L, C / 4, V, T) → parts (B, C / 4, V, T)."""
        weights = self.weights(parts).transpose(1, 2)[..., None, None].chunk(len(parts), 2)
        return [(part * w).sum(1) for part, w in zip(parts, weights)]

    def weights(self, parts: Sequence[Tensor]) -> Tensor:
        """Weigh each level in each channel: parts (B, L, C / 4, V, T) → (B, C, L)."""
        # `max` instead of `amax`: a joint outside its level ties in all frames, and only one frame gets the gradient
        return self.weight(torch.cat([part.max(4)[0] for part in parts], 2))

    def weight(self, strongest: Tensor) -> Tensor:
        """Weigh the levels by the parts' maxima over time: (B, L, C, V) → (B, C, L)."""
        joints = self.conv_down(strongest.transpose(1, 2))  # (B, C / 4, L, V)
        summary = (joints * self.member).sum(3) / self.member.sum(1)
        return self.aggregate(self.edge_conv(summary)).sigmoid()


class GraphConvForm(nn.Module):
    """The inference form of a GraphConv: one level after the other, with folded batch norms.

    The scale of the last batch norm is folded into the weights of the levels. What does not depend on the frame (the
    biases of the subsets, the EdgeConvs, the shift of the last batch norm) is added once, as `offset`.

    Parameters
    ----------
    layer : GraphConv. Its `aha` is a LevelSum or a HierarchyAttention.
    """

    def __init__(self, layer: GraphConv) -> None:
        super().__init__()
        narrowings = zip(*(inference.fold(*narrowing) for narrowing in layer.conv_down))
        self.narrow = inference.Product(*map(torch.cat, narrowings))
        self.register_buffer('adjacency', layer.PA.flatten(1, 2).clone())  # (L, 3·V, V)
        folded = [[inference.fold(*subset) for subset in level[:-1]] for level in layer.conv]
        weights = [torch.stack([weight.flatten(1) for weight, _ in level]) for level in folded]
        self.register_buffer('weights', torch.stack(weights))  # (L, 3, C_out / 4, C_out / 4)
        biases = torch.stack([torch.cat([bias for _, bias in level]) for level in folded])
        self.register_buffer('biases', biases.unsqueeze(2))  # (L, 3·C_out / 4, 1)
        self.edges = nn.ModuleList([copy.deepcopy(level[-1]) for level in layer.conv])
        self.attention = inference.with_parts(layer.aha) if isinstance(layer.aha, HierarchyAttention) else None
        scale, shift = inference.scale_and_shift(layer.bn)
        self.register_buffer('scale', scale.view(-1, 1))
        self.register_buffer('shift', shift.view(-1, 1))
        self.down = inference.shortcut_form(layer.down)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C_in, V, T) → (B, C_out, V, T)."""
        narrow = self.narrow(x).relu_().unflatten(1, (len(self.weights), -1))  # (B, L, C_out / 4, V, T)
        edges = edge_convolution(self.edges, narrow.mean(4))  # (B, L, C_out / 4, V)
        if torch.compiler.is_compiling():
            return self.join_at_once(self.down(x), narrow, edges)
        levels = []
        for y, adjacency, weights in zip(narrow.unbind(1), self.adjacency, self.weights):
            summed = (adjacency @ y).chunk(len(weights), 2)  # 3 × (B, C_out / 4, V, T)
            levels.append([inference.product(weight, part) for weight, part in zip(weights, summed)])
        strongest = None
        if self.attention is not None:
            strongest = torch.stack([torch.cat([part.amax(3) for part in level], 1) for level in levels], 1)
        weight, offset = self.weigh(strongest, edges)
        parts = (self.down(x) + offset).chunk(4, 1)
        for part, subset, w in zip(parts, zip(*levels), weight[:, :, None, None].chunk(4, 1)):
            add_weighted(part, subset, w)
        return torch.cat(parts, 1).relu_()

    def join_at_once(self, y: Tensor, narrow: Tensor, edges: Tensor) -> Tensor:
        """Do the rest of `forward` in a few operations on all levels: exporters take minutes for thousands of them.

        Parameters
        ----------
        y : (B, C_out, V, T). The shortcut.
        narrow : (B, L, C_out / 4, V, T).
        edges : (B, L, C_out / 4, V).
        """
        *_, joints, frames = narrow.shape
        subsets, width = self.weights.shape[1:3]
        values = self.weights.flatten(1, 2) @ narrow.flatten(3)  # (B, L, 3·C_out / 4, V·T)
        values = values.unflatten(3, (joints, frames)).unflatten(2, (subsets, width))
        levels = (self.adjacency.view(-1, subsets, 1, joints, joints) @ values).flatten(2, 3)
        weight, offset = self.weigh(levels.amax(4), edges)
        weighted = levels * weight.transpose(1, 2)[:, :, : levels.shape[2], None, None]
        plain = y + offset
        return torch.cat([plain[:, : levels.shape[2]] + weighted.sum(1), plain[:, levels.shape[2] :]], 1).relu()

    def weigh(self, strongest: Tensor | None, edges: Tensor) -> tuple[Tensor, Tensor]:
        """Weigh each level in each channel, and add what does not depend on the frame.

        Parameters
        ----------
        strongest : (B, L, 3·C_out / 4, V). Maxima of the subsets over time, without their biases; only for attention.
        edges : (B, L, C_out / 4, V).

        Returns
        -------
        weight : (B or 1, C_out, L). The scale of the batch norm included.
        offset : (B, C_out, V, 1).
        """
        constant = torch.cat([self.biases.expand(edges.shape[0], -1, -1, edges.shape[3]), edges], 2)  # (B, L, C_out, V)
        weight = self.scale.expand(1, -1, edges.shape[1])
        if self.attention is not None:
            weight = self.attention.weight(torch.cat([strongest + self.biases, edges], 2)) * self.scale
        offset = (constant.transpose(1, 2) * weight.unsqueeze(3)).sum(2) + self.shift
        return weight, offset.unsqueeze(3)


def add_weighted(y: Tensor, levels: Sequence[Tensor], weight: Tensor) -> None:
    """Add L tensors (B, C, V, T), weighted by (B, C, 1, 1, L), to y in place."""
    for level, w in zip(levels, weight.unbind(4)):
        y.addcmul_(level, w)
