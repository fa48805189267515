"""CTR-GCN (Chen et al., "Channel-wise Topology Refinement Graph Convolution", ICCV 2021): the first student.

Axes as in model/base.py, with K = 3 subsets; R relation channels; joint u receives, joint v gives.
"""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from graph.tools import SkeletonGraph
from model import inference
from model.base import SkeletonNet
from model.layers import BODIES_IN_CACHE, initialise, pointwise, shortcut


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


class GraphConv(inference.Layer):
    """Channel-wise topology refinement over K subsets.

    Equations 1 to 6 of the paper; the output is Σ_k Σ_v graph_k[b, c, u, v] · value_k[b, c, v, t], see `aggregate`.
    A subclass may have other convolutions, as its `subset`, and combine what they give in another way.

    Parameters
    ----------
    in_channels, out_channels : int.
    A : (K, V, V) float32. Initial value of the parameter PA.
    adaptive : bool. Train PA instead of keeping it.
    """

    subset: type[nn.Module] = CTRGC

    def __init__(self, in_channels: int, out_channels: int, A: Tensor, adaptive: bool) -> None:
        super().__init__()
        if adaptive:
            self.PA = nn.Parameter(A.clone())
        else:
            self.register_buffer('PA', A.clone(), persistent=False)
        self.alpha = nn.Parameter(torch.zeros(1))
        self.convs = nn.ModuleList([self.subset(in_channels, out_channels) for _ in A])
        self.down = shortcut(in_channels, out_channels)
        self.bn = nn.BatchNorm2d(out_channels)
        initialise(self)
        nn.init.constant_(self.bn.weight, 1e-6)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C_in, V, T) → (B, C_out, V, T)."""
        return F.relu(self.bn(self.received(x)) + self.down(x), inplace=True)

    def received(self, x: Tensor) -> Tensor:
        """Return what each joint gets from all joints: (B, C_in, V, T) → (B, C_out, V, T)."""
        return aggregate(x, self.difference(x), *self.weights())[0]

    def query_and_key(self) -> list[nn.Conv2d]:
        """Return the maps of the receiving joints, then those of the giving joints; K maps alone are both."""
        return [conv.conv1 for conv in self.convs] + [conv.conv2 for conv in self.convs]

    def shared_graph(self) -> tuple[Tensor, Tensor]:
        """Return the graph that all clips share, (K, V, V), and the factor (1,) of what a clip adds to it."""
        return self.PA, self.alpha

    def difference(self, x: Tensor) -> Tensor:
        """Compare each pair of joints in each subset: (B, C_in, V, T) → (B, K, R, V·V), the giving joint first."""
        mean = x.mean(3, keepdim=True)  # the maps are linear, so the mean over time may come first
        query, key = split(pointwise(self.query_and_key(), mean), len(self.convs), self.convs[0].conv4.in_channels)
        return torch.tanh(query.unsqueeze(3) - key.unsqueeze(4)).flatten(3)

    def weights(self) -> tuple[Tensor, ...]:
        """Return the other arguments of `aggregate`."""
        convs, (shared, strength) = self.convs, self.shared_graph()
        value = torch.stack([conv.conv3.weight.flatten(1) for conv in convs], 1)  # (C_out, K, C_in)
        value_bias = torch.stack([conv.conv3.bias for conv in convs], 1)
        relation = strength * torch.stack([conv.conv4.weight.flatten(1) for conv in convs])  # (K, C_out, R)
        bias = strength * torch.stack([conv.conv4.bias for conv in convs])
        adjacency = shared.transpose(1, 2).flatten(1).unsqueeze(1) + bias.unsqueeze(2)  # (K, C_out, V·V)
        return value.flatten(0, 1), value_bias.flatten(), relation, adjacency

    def relation(self, x: Tensor) -> Tensor:
        """Return what a clip adds to the shared graph: (B, C_in, V, T) → (B, K, C_out, V, V), [u, v] from v to u."""
        _, _, relation, adjacency = self.weights()
        shared = self.shared_graph()[0].transpose(1, 2).flatten(1).unsqueeze(1)
        added = relation @ self.difference(x) + (adjacency - shared)  # (B, K, C_out, V·V)
        return added.unflatten(3, self.PA.shape[1:]).transpose(3, 4)

    def topology(self, x: Tensor, graph: SkeletonGraph) -> tuple[Tensor, Tensor]:
        """Return how far PA is from the graph's A, and how far what the clip adds is from its mean over all pairs."""
        learned, added = (self.PA - torch.as_tensor(graph.A).to(self.PA)).abs().sum(0), self.relation(x)[0]
        return learned, (added - added.mean((2, 3), keepdim=True)).abs().mean(1).sum(0)

    def inference_form(self) -> nn.Module:
        """Return a module that does the same in evaluation, see model/inference.py."""
        return GraphConvForm(self)


def split(maps: Tensor, subsets: int, width: int) -> tuple[Tensor, Tensor]:
    """Split what the maps of query_and_key give, (B, …, V, 1), into query and key, both (B, K, width, V)."""
    sides = maps.squeeze(3).unflatten(1, (-1, subsets, width))
    return sides[:, 0], sides[:, -1]


def aggregate(
    x: Tensor, difference: Tensor, value: Tensor, value_bias: Tensor, relation: Tensor, adjacency: Tensor
) -> tuple[Tensor, Tensor]:
    """Map the joints in each subset, refine the subset's graph for each channel, and sum over both.

    Parameters
    ----------
    x : (B, C_in, V, T).
    difference : (B, K, R, V·V). Pairs of joints, the giving one first.
    value : (C_out·K, C_in). The map from a joint to what it gives.
    value_bias : (C_out·K,). Its bias.
    relation : (K, C_out, R). The graph of a channel is relation · difference + adjacency.
    adjacency : (K, C_out, V·V). The giving joint first, too.

    Returns
    -------
    y : (B, C_out, V, T).
    values : (B, C_out, K·V, T). What the joints give.
    """
    if torch.compiler.is_compiling():
        return aggregate_at_once(x, difference, value, value_bias, relation, adjacency)
    arguments = x, difference, value, value_bias, relation
    if torch.is_autocast_enabled(x.device.type):  # the adjacency keeps its precision
        arguments = [argument.to(torch.get_autocast_dtype(x.device.type)) for argument in arguments]
    return Aggregation.apply(*arguments, adjacency)


def aggregate_at_once(
    x: Tensor, difference: Tensor, value: Tensor, value_bias: Tensor, relation: Tensor, adjacency: Tensor
) -> tuple[Tensor, Tensor]:
    """Do what `aggregate` does in operations that a compiler can see through."""
    batch, _, joints, frames = x.shape
    subsets = len(relation)
    graphs = [relation[k] @ difference[:, k] + adjacency[k] for k in range(subsets)]  # K × (B, C_out, V·V)
    graph = torch.stack(graphs, 2).view(batch, -1, subsets * joints, joints)
    given = (value @ x.flatten(2) + value_bias[:, None]).view(batch, -1, subsets * joints, frames)
    return graph.transpose(2, 3) @ given, given


class Aggregation(torch.autograd.Function):
    """`aggregate` with a backward pass that goes over the bodies in parts, so that a part's gradients stay in cache."""

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, difference: Tensor, value: Tensor, value_bias: Tensor, relation: Tensor, adjacency: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Compute `aggregate`."""
        batch, _, joints, frames = x.shape
        subsets, width, _ = relation.shape
        x = x.flatten(2)
        graphs = x.new_empty(batch, width, subsets, joints * joints)
        values, y = x.new_empty(batch, width * subsets, joints * frames), x.new_empty(batch, width, joints, frames)
        for part in parts_of(x):
            for k in range(subsets):
                torch.add(relation[k] @ difference[part, k], adjacency[k], out=graphs[part, :, k])
            torch.baddbmm(value_bias[:, None], value.expand(part.stop - part.start, -1, -1), x[part], out=values[part])
            graph = graphs[part].view(-1, subsets * joints, joints)
            given = values[part].view(-1, subsets * joints, frames)
            torch.bmm(graph.transpose(1, 2), given, out=y[part].view(-1, joints, frames))
        ctx.save_for_backward(x, difference, value, relation, graphs, values)
        ctx.adjacency_dtype = adjacency.dtype
        ctx.set_materialize_grads(False)  # the values may be of no further use
        return y, values.view(batch, width, -1, frames)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor, of_given: Tensor | None) -> tuple[Tensor, ...]:
        """Return the gradients of the arguments, from those of y and, unless they are None, of the values."""
        x, difference, value, relation, graphs, values = ctx.saved_tensors
        batch, width, joints, frames = gradient.shape
        subsets, gradient = len(relation), gradient.contiguous()
        of_x, of_difference = torch.empty_like(x), torch.empty_like(difference)
        of_value, of_relation = torch.zeros_like(value), torch.zeros_like(relation)
        of_bias = value.new_zeros(len(value))
        of_adjacency = value.new_zeros(subsets, width, joints * joints, dtype=ctx.adjacency_dtype)
        for part in parts_of(x):
            received = gradient[part].view(-1, joints, frames)
            graph = graphs[part].view(-1, subsets * joints, joints)
            given = values[part].view(-1, subsets * joints, frames)
            of_values = (graph @ received).view(-1, width * subsets, joints * frames)
            if of_given is not None:
                of_values += of_given[part].view_as(of_values)
            torch.matmul(value.T, of_values, out=of_x[part])
            of_value += (of_values @ x[part].transpose(1, 2)).sum(0)
            of_bias += of_values.sum((0, 2))
            of_graph = (given @ received.transpose(1, 2)).view(-1, width, subsets, joints * joints)
            of_graph = of_graph.transpose(1, 2).contiguous()  # (part, K, C_out, V·V)
            torch.matmul(relation.transpose(1, 2), of_graph, out=of_difference[part])
            of_relation += (of_graph @ difference[part].transpose(2, 3)).sum(0)
            of_adjacency += of_graph.sum(0)
        return of_x.view(batch, -1, joints, frames), of_difference, of_value, of_bias, of_relation, of_adjacency


def parts_of(x: Tensor) -> list[slice]:
    """Cut the bodies of (B, …) into parts: of a few for the cache of a CPU, into one for another device."""
    size = BODIES_IN_CACHE if x.device.type == 'cpu' else max(len(x), 1)
    return [slice(first, min(first + size, len(x))) for first in range(0, len(x), size)]


class GraphConvForm(nn.Module):
    """The inference form of a GraphConv.

    The scale of the batch norm is folded into the values. A relation is a product with the differences and, below
    them, the adjacency and ones, so that neither the adjacency nor a bias is added in a pass of its own. What the
    biases of the values give to a joint does not depend on the frame: it is added once, as `offset`.

    Parameters
    ----------
    layer : GraphConv.
    """

    def __init__(self, layer: GraphConv) -> None:
        super().__init__()
        convs, (scale, shift) = layer.convs, inference.scale_and_shift(layer.bn)
        maps, (shared, strength) = layer.query_and_key(), layer.shared_graph()
        self.width = convs[0].conv4.in_channels
        self.query_key = inference.Product(
            *(torch.cat([getattr(m, name) for m in maps]) for name in ('weight', 'bias'))
        )
        self.register_buffer('constants', torch.stack([shared, torch.ones_like(shared)], 1))  # (K, 2, V, V)
        relations, offsets, values = [], [], []
        for conv in convs:
            bias = strength * conv.conv4.bias[:, None]
            relation = torch.cat([strength * conv.conv4.weight.flatten(1), torch.ones_like(bias), bias], 1)
            relations.append(inference.Product(relation))
            offsets.append(relation * (scale * conv.conv3.bias)[:, None])
            values.append(inference.Product(conv.conv3.weight * scale[:, None, None, None]))
        self.relations, self.values = nn.ModuleList(relations), nn.ModuleList(values)
        self.down = inference.shortcut_form(layer.down)
        if isinstance(self.down, inference.Product):
            shift, self.down.bias = shift + self.down.bias, None
        self.offset = inference.Product(torch.cat(offsets, 1), shift)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C_in, V, T) → (B, C_out, V, T)."""
        y, differences = self.begin(x)
        for difference, to_relation, to_value in zip(differences, self.relations, self.values):
            add_product(y, to_relation(difference), to_value(x))
        return y.relu_()

    def begin(self, x: Tensor) -> tuple[Tensor, tuple[Tensor, ...]]:
        """Return shortcut and offset, (B, C_out, V, T), and the differences of each subset, (B, R + 2, V, V)."""
        query, key = split(self.query_key(x.mean(3, keepdim=True)), len(self.values), self.width)
        differences = (query.unsqueeze(4) - key.unsqueeze(3)).tanh_()
        constants = self.constants.expand(x.shape[0], -1, -1, -1, -1)
        differences = torch.cat([differences, constants], 2)  # (B, K, R + 2, V, V)
        offset = self.offset(differences.sum(4, keepdim=True).flatten(1, 2))  # (B, C_out, V, 1)
        return (self.down(x) + offset).to(offset.dtype), differences.unbind(1)  # autocast may have made it narrower


def add_product(y: Tensor, graph: Tensor, given: Tensor) -> None:
    """Add graph · given to y (B, C_out, V, T) in place: graph (B, C_out, V, V), given as y."""
    y.view(-1, *y.shape[2:]).baddbmm_(graph.flatten(0, 1), given.flatten(0, 1))
