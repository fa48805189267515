"""CTR-GCN (Chen et al., "Channel-wise Topology Refinement Graph Convolution", ICCV 2021): the first student.

Axes as in model/base.py, with K = 3 subsets; R relation channels; joint u receives, joint v gives.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from graph.tools import SkeletonGraph
from model import inference
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

    def inference_form(self) -> nn.Module:
        """Return a module that does the same in evaluation, see model/inference.py."""
        return GraphConvForm(self)

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


class GraphConvForm(nn.Module):
    """The inference form of a GraphConv, `layer`.

    The scale of the batch norm is folded into the values, α and the adjacency into the relations.
    """

    def __init__(self, layer: GraphConv) -> None:
        super().__init__()
        convs, (scale, shift) = layer.convs, inference.scale_and_shift(layer.bn)
        maps = [conv.conv1 for conv in convs] + [conv.conv2 for conv in convs]
        self.query_key = inference.Product(
            *(torch.cat([getattr(m, name) for m in maps]) for name in ('weight', 'bias'))
        )
        self.relations = nn.ModuleList([inference.Product(conv.conv4.weight * layer.alpha) for conv in convs])
        bias = layer.alpha * torch.stack([conv.conv4.bias for conv in convs])  # (K, C_out)
        self.register_buffer('adjacency', layer.PA.unsqueeze(1) + bias[:, :, None, None])  # (K, C_out, V, V)
        self.values = nn.ModuleList(
            [
                inference.Product(conv.conv3.weight * scale[:, None, None, None], conv.conv3.bias * scale)
                for conv in convs
            ]
        )
        self.register_buffer('shift', shift.view(-1, 1, 1))
        self.down = inference.shortcut_form(layer.down)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C_in, V, T) → (B, C_out, V, T)."""
        batch, _, joints, frames = x.shape
        query, key = self.query_key(x.mean(3, keepdim=True)).view(batch, 2, len(self.values), -1, joints).unbind(1)
        differences = (query.unsqueeze(4) - key.unsqueeze(3)).tanh()  # (B, K, R, V, V)
        y = self.down(x).reshape(-1, joints, frames)
        for difference, to_relation, A, to_value in zip(
            differences.unbind(1), self.relations, self.adjacency, self.values
        ):
            relation = to_relation(difference).add_(A)  # (B, C_out, V, V)
            y = torch.baddbmm(y, relation.view(-1, joints, joints), to_value(x).view(-1, joints, frames))
        return y.view(batch, -1, joints, frames).add_(self.shift).relu_()
