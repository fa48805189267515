"""EdgeConv, a convolution over the edges to the nearest points in feature space.

B bodies, L of them side by side, C channels, V points, k neighbours.
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from model.layers import batch_norm


class EdgeConv(nn.Module):
    """Convolution over the edges to the nearest points in feature space.

    max over neighbours v of LeakyReLU(BN(W · [x_v − x_u, x_u])). Source: DGCNN (Wang et al., TOG 2019).

    Parameters
    ----------
    channels : int. Width C of the input and of the output.
    k : int. Number of neighbours, including the point itself.
    """

    def __init__(self, channels: int, k: int) -> None:
        super().__init__()
        self.k = k
        self.conv = nn.Sequential(nn.Conv2d(2 * channels, channels, 1, bias=False), nn.BatchNorm2d(channels))

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, V) → (B, C, V)."""
        return edge_convolution([self], x.unsqueeze(1)).squeeze(1)


def edge_convolution(convs: Sequence[EdgeConv], x: Tensor) -> Tensor:
    """Compute the EdgeConvs of L levels side by side: x (B, L, C, V), same shape.

    W · [x_v − x_u, x_u] is computed as W₁ x_v + (W₂ − W₁) x_u: two maps of the joints instead of one of all edges.
    """
    points = x.detach().transpose(2, 3)
    nearest = distances(points).topk(convs[0].k, largest=False).indices  # (B, L, V, k)
    weight = torch.stack([edge.conv[0].weight.flatten(1) for edge in convs])  # (L, C, 2C)
    neighbour, itself = weight.chunk(2, 2)
    index = nearest.flatten(2).unsqueeze(2).expand(-1, -1, x.shape[2], -1)
    edges = (neighbour @ x).gather(3, index).unflatten(3, nearest.shape[2:])  # (B, L, C, V, k)
    edges = edges + ((itself - neighbour) @ x).unsqueeze(4)
    edges = batch_norm([edge.conv[1] for edge in convs], edges.flatten(1, 2)).view_as(edges)
    return F.leaky_relu(edges.max(4)[0], 0.2)


def distances(points: Tensor) -> Tensor:
    """Return the distances between all V points: (B, L, V, C) → (B, L, V, V); squared in an exported program.

    ONNX has no torch.cdist, and squares have the same order.
    """
    if torch.compiler.is_compiling():
        return (points.unsqueeze(3) - points.unsqueeze(2)).square().sum(4)
    return torch.cdist(points, points)
