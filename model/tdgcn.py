"""TD-GCN (Liu et al., "Temporal Decoupling Graph Convolutional Network", IEEE TMM 2024): the third student.

Axes as in model/base.py, with K = 3 subsets; joint u receives, joint w gives. CTR-GCN's graph convolution, with one
map as query and key, is the part that depends on the channel; a graph for each frame is the part that depends on time.
"""

from typing import Any

import torch
from torch import Tensor, nn

from graph.tools import SkeletonGraph
from model import ctrgcn, inference
from model.base import SkeletonNet
from model.ctrgcn import add_product, aggregate, parts_of


class Model(SkeletonNet):
    """The TD-GCN classifier; its parameters are those of SkeletonNet."""

    def make_gcn(
        self, graph: SkeletonGraph, adaptive: bool, in_channels: int, out_channels: int, first: bool
    ) -> nn.Module:
        """Make the graph convolution of a block."""
        return GraphConv(in_channels, out_channels, torch.tensor(graph.A, dtype=torch.float32), adaptive)


class TDGC(nn.Module):
    """The three 1×1 convolutions of one adjacency subset; GraphConv computes all subsets together."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        relation = 8 if in_channels <= 9 else in_channels // 8
        self.conv1 = nn.Conv2d(in_channels, relation, 1)
        self.conv3 = nn.Conv2d(in_channels, out_channels, 1)
        self.conv4 = nn.Conv2d(relation, out_channels, 1)


class GraphConv(ctrgcn.GraphConv):
    """Channel-dependent and temporal-dependent topologies over K subsets.

    The output is Σ_k Σ_w (beta · R_k[b, c, u, w] + gamma · S_k[b, t, u, w]) · value_k[b, c, w, t], where R is CTR-GCN's
    refined graph, and S the hyperbolic tangent of how much the values of two joints, averaged over the channels,
    differ in a frame, see `frame_graphs`. The arguments are those of model.ctrgcn.GraphConv.
    """

    subset = TDGC

    def __init__(self, in_channels: int, out_channels: int, A: Tensor, adaptive: bool) -> None:
        super().__init__(in_channels, out_channels, A, adaptive)
        self.beta = nn.Parameter(torch.tensor(0.5))
        self.gamma = nn.Parameter(torch.tensor(0.1))

    def received(self, x: Tensor) -> Tensor:
        """Return what each joint gets from all joints: (B, C_in, V, T) → (B, C_out, V, T)."""
        y, values = aggregate(x, self.difference(x), *self.weights())
        return y + aggregate_by_frame(values, self.gamma, len(self.convs))

    def query_and_key(self) -> list[nn.Conv2d]:
        """Return the maps of the joints, which are query and key."""
        return [conv.conv1 for conv in self.convs]

    def shared_graph(self) -> tuple[Tensor, Tensor]:
        """Return the graph that all clips share, (K, V, V), and the factor (1,) of what a clip adds to it."""
        return self.beta * self.PA, self.beta * self.alpha

    def topology(self, x: Tensor, graph: SkeletonGraph) -> tuple[Tensor, Tensor]:
        """Return what CTR-GCN's does, and add to what the clip relates the graphs of its frames, averaged over time."""
        learned, relation = super().topology(x, graph)
        _, values = aggregate(x, self.difference(x), *self.weights())
        graphs = frame_graphs(values[0].mean(0).T.unflatten(1, (len(self.convs), -1)))  # (T, V, K·V)
        over_time = (self.gamma * graphs).abs().mean(0).unflatten(1, (len(self.convs), -1)).sum(1)
        return learned, relation + over_time

    def inference_form(self) -> nn.Module:
        """Return a module that does the same in evaluation, see model/inference.py."""
        return GraphConvForm(self)


def frame_graphs(mean: Tensor) -> Tensor:
    """Compare each pair of joints in each subset: (…, K, V) → (…, V, K·V), the receiving joint first."""
    receiving, giving = mean.transpose(-1, -2).unsqueeze(-1), mean.unsqueeze(-3)
    return (receiving - giving).tanh_().flatten(-2)


def aggregate_by_frame(values: Tensor, gamma: Tensor, subsets: int) -> Tensor:
    """Sum the values over subsets and joints, by the graphs that they make in each frame.

    Parameters
    ----------
    values : (B, C, K·V, T).
    gamma : (). Factor of the graphs.
    subsets : int. Their number K.

    Returns
    -------
    (B, C, V, T).
    """
    if torch.compiler.is_compiling():
        return aggregate_by_frame_at_once(values, gamma, subsets)
    return FrameAggregation.apply(values, gamma, subsets)


def aggregate_by_frame_at_once(values: Tensor, gamma: Tensor, subsets: int) -> Tensor:
    """Do what `aggregate_by_frame` does in operations that a compiler can see through."""
    given = values.transpose(1, 3)  # (B, T, K·V, C)
    graph = frame_graphs(given.mean(3).unflatten(2, (subsets, -1)))
    return (graph @ given).transpose(1, 3) * gamma


class FrameAggregation(torch.autograd.Function):
    """`aggregate_by_frame`, forward and backward over parts of the bodies, so that what a part needs stays in cache."""

    @staticmethod
    def forward(ctx: Any, values: Tensor, gamma: Tensor, subsets: int) -> Tensor:
        """Compute `aggregate_by_frame`."""
        batch, width, pairs, frames = values.shape
        joints = pairs // subsets
        y = values.new_empty(batch, width, joints, frames)
        graphs = values.new_empty(batch, frames, joints, pairs)
        for part in parts_of(values):
            given = by_frame(values[part], joints)
            graph = frame_graphs(given.mean(2).unflatten(1, (subsets, joints)))
            graphs[part] = graph.view(-1, frames, joints, pairs)
            received = (graph @ given).view(-1, frames, joints, width)
            torch.mul(received.transpose(1, 3), gamma, out=y[part])
        ctx.save_for_backward(values, graphs, gamma)
        return y

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        """Return the gradients of the arguments."""
        values, graphs, gamma = ctx.saved_tensors
        _, width, pairs, frames = values.shape
        joints = gradient.shape[2]
        of_values, of_gamma = torch.empty_like(values), torch.zeros_like(gamma)
        for part in parts_of(values):
            given, received = by_frame(values[part], joints), by_frame(gradient[part], joints)
            graph = graphs[part].flatten(0, 1)  # (part·T, V, K·V)
            of_graph = received @ given.transpose(1, 2)
            product = of_graph * graph
            of_gamma += product.sum(dtype=gamma.dtype)
            of_pairs = torch.addcmul(of_graph, product, graph, value=-1).unflatten(2, (-1, joints))  # before the tanh
            of_mean = (of_pairs.sum(3).transpose(1, 2) - of_pairs.sum(1)) * (gamma / width)  # (part·T, K, V)
            of_given = (graph.transpose(1, 2) @ received).view(-1, frames, pairs, width)
            of_mean = of_mean.reshape(-1, frames, pairs, 1)  # the same for each channel
            for k, subset in enumerate(of_values[part].split(joints, 2)):
                here = slice(k * joints, (k + 1) * joints)
                torch.addcmul(
                    of_mean[:, :, here].transpose(1, 3), of_given[:, :, here].transpose(1, 3), gamma, out=subset
                )
        return of_values, of_gamma, None


def by_frame(x: Tensor, joints: int) -> Tensor:
    """Bring the channels of each frame side by side: (B, C, K·V, T) → (B·T, K·V, C), one subset after the other.

    What a subset reads stays in the cache of a CPU meanwhile.
    """
    y = x.new_empty(x.shape[0], *x.shape[:0:-1])
    for target, source in zip(y.split(joints, 2), x.split(joints, 2)):
        target.copy_(source.transpose(1, 3))
    return y.flatten(0, 1)


class GraphConvForm(ctrgcn.GraphConvForm):
    """The inference form of a GraphConv: CTR-GCN's, and one product with the graphs of the frames.

    Parameters
    ----------
    layer : GraphConv.
    """

    def __init__(self, layer: GraphConv) -> None:
        super().__init__(layer)
        scale, _ = inference.scale_and_shift(layer.bn)
        # without bias, which does not change how much joints differ
        self.mean = inference.Product(torch.stack([conv.conv3.weight.mean(0) for conv in layer.convs]))
        self.register_buffer('biases', torch.stack([conv.conv3.bias * scale for conv in layer.convs]))  # (K, C_out)
        self.register_buffer('gamma', layer.gamma.clone())

    def forward(self, x: Tensor) -> Tensor:
        """(B, C_in, V, T) → (B, C_out, V, T)."""
        y, differences = self.begin(x)
        batch, width, joints, frames = y.shape
        given = y.new_empty(batch, frames, len(self.values), joints, width)
        for k, (difference, to_relation, to_value) in enumerate(zip(differences, self.relations, self.values)):
            value = to_value(x)
            add_product(y, to_relation(difference), value)
            given[:, :, k].copy_(value.transpose(1, 3)).add_(self.biases[k])
        graph = frame_graphs(self.mean(x).permute(0, 3, 1, 2).contiguous())  # (B, T, V, K·V)
        received = graph.flatten(0, 1) @ given.view(-1, graph.shape[3], width)
        return y.addcmul_(received.view(batch, frames, joints, width).transpose(1, 3), self.gamma).relu_()
