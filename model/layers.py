"""The layers that the students share: temporal convolutions, the block, and the initialisation of weights.

Axes as in model/base.py. Parameter names and shapes are those of the public CTR-GCN and HD-GCN checkpoints.
"""

from collections.abc import Sequence
from typing import TypeVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from model import inference

Module = TypeVar('Module', bound=nn.Module)

BODIES_IN_CACHE = 8  # computed together on a CPU, so that what is written is still in its cache when it is read


def pointwise(convs: Sequence[nn.Conv2d], x: Tensor) -> Tensor:
    """Compute several 1×1 convolutions of one input as one product: (B, C, V, T) → (B, sum of their widths, V, T)."""
    weight, bias = (torch.cat([getattr(conv, name) for conv in convs]) for name in ('weight', 'bias'))
    y = torch.baddbmm(bias[:, None], weight.flatten(1).expand(len(x), -1, -1), x.flatten(2))
    return y.unflatten(2, x.shape[2:])


def batch_norm(norms: Sequence[nn.BatchNorm2d], x: Tensor) -> Tensor:
    """Compute several batch norms side by side as one: x (B, sum of their widths, …), same shape."""
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


class TimeConv2d(nn.Conv2d):
    """A convolution over time, whose weight is stored as (out, in, kernel, 1) and applied to (B, C, V, T).

    Parameters
    ----------
    in_channels, out_channels : int.
    kernel_size, stride, dilation : int. In frames; the padding keeps the length if the stride is 1.
    bias : bool. Default True.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int,
        stride: int = 1,
        dilation: int = 1,
        bias: bool = True,
    ) -> None:
        padding = dilation * (kernel_size - 1) // 2
        super().__init__(
            in_channels, out_channels, (kernel_size, 1), (1, stride), (0, padding), (1, dilation), bias=bias
        )

    def forward(self, x: Tensor) -> Tensor:
        """(B, in_channels, V, T) → (B, out_channels, V, T / stride)."""
        return F.conv2d(x, self.weight.transpose(2, 3), self.bias, self.stride, self.padding, self.dilation)


class TemporalConv(inference.Layer):
    """A convolution over time and its batch norm; its arguments are those of TimeConv2d."""

    def __init__(self, in_channels: int, out_channels: int, *sizes: int, bias: bool = True) -> None:
        super().__init__()
        self.conv = TimeConv2d(in_channels, out_channels, *sizes, bias=bias)
        self.bn = nn.BatchNorm2d(out_channels)

    def forward(self, x: Tensor) -> Tensor:
        """(B, in_channels, V, T) → (B, out_channels, V, T / stride)."""
        return self.bn(self.conv(x))

    def folded(self) -> tuple[Tensor, Tensor]:
        """Return the weight (out, in, kernel, 1) and the bias (out,) of one convolution that does the same."""
        return inference.fold(self.conv, self.bn)

    def inference_form(self) -> nn.Module:
        """Return a module that does the same in evaluation, see model/inference.py."""
        return inference.TemporalForm(*self.folded(), self.conv)


class MultiScaleTemporalConv(inference.Layer):
    """Four branches over time (kernel 5 with dilation 1 and 2, max-pool 3, a 1×1 convolution), concatenated.

    Source: CTR-GCN (Chen et al., ICCV 2021), figure 3b.

    Parameters
    ----------
    channels : int. Width of the input and of the output, a multiple of 4.
    stride : int. Temporal stride (default 1).
    temporal_conv : class. The two convolutions of kernel 5, built like TemporalConv (default).
    """

    def __init__(self, channels: int, stride: int = 1, temporal_conv: type[nn.Module] = TemporalConv) -> None:
        super().__init__()
        self.stride = stride
        width = channels // 4

        def reduction() -> list[nn.Module]:
            return [nn.Conv2d(channels, width, 1), nn.BatchNorm2d(width)]

        pool = nn.MaxPool2d((1, 3), (1, stride), (0, 1))
        self.branches = nn.ModuleList(
            [
                *(
                    nn.Sequential(*reduction(), nn.ReLU(), temporal_conv(width, width, 5, stride, dilation))
                    for dilation in (1, 2)
                ),
                nn.Sequential(*reduction(), nn.ReLU(), pool, nn.BatchNorm2d(width)),
                nn.Sequential(*reduction()),
            ]
        )
        initialise(self)
        for module in self.modules():
            if isinstance(module, nn.BatchNorm2d):
                nn.init.normal_(module.weight, 1, 0.02)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, V, T) → (B, C, V, T / stride)."""
        *parts, point = pointwise([branch[0] for branch in self.branches], x).chunk(4, 1)
        parts.append(point[..., :: self.stride])
        return torch.cat([branch[1:](part) for branch, part in zip(self.branches, parts)], 1)

    def inference_form(self) -> nn.Module:
        """Return a module that does the same in evaluation, see model/inference.py."""
        return inference.MultiScaleForm(self)


class Block(inference.Layer):
    """relu(tcn1(gcn1(x)) + residual(x)).

    Parameters
    ----------
    gcn : module. (B, in_channels, V, T) → (B, out_channels, V, T).
    tcn : module. (B, out_channels, V, T) → (B, out_channels, V, T / stride).
    in_channels, out_channels, stride : int. Sizes of the two, from which the residual follows.
    residual : bool. Add the input: as it is, or through a 1×1 convolution if its shape changes.
    """

    def __init__(
        self, gcn: nn.Module, tcn: nn.Module, in_channels: int, out_channels: int, stride: int, residual: bool
    ) -> None:
        super().__init__()
        self.gcn1, self.tcn1 = gcn, tcn
        if not residual:
            self.residual = None
        elif in_channels == out_channels and stride == 1:
            self.residual = nn.Identity()
        else:
            self.residual = initialise(TemporalConv(in_channels, out_channels, 1, stride))

    def forward(self, x: Tensor) -> Tensor:
        """(B, in_channels, V, T) → (B, out_channels, V, T / stride)."""
        y = self.tcn1(self.gcn1(x))
        if self.residual is not None:
            y = y + self.residual(x)
        return F.relu(y, inplace=True)

    def inference_form(self) -> nn.Module:
        """Return a module that does the same in evaluation, see model/inference.py."""
        return inference.BlockForm(self)


def shortcut(in_channels: int, out_channels: int) -> nn.Module:
    """Make the `down` of gcn1: the identity, or a 1×1 convolution and batch norm if the width changes."""
    if in_channels == out_channels:
        return nn.Identity()
    return nn.Sequential(nn.Conv2d(in_channels, out_channels, 1), nn.BatchNorm2d(out_channels))


def initialise(module: Module) -> Module:
    """Give convolutions Kaiming-normal weights (fan out) and zero bias, batch norms 1 and 0; return `module`."""
    for part in module.modules():
        if isinstance(part, (nn.Conv1d, nn.Conv2d)):
            nn.init.kaiming_normal_(part.weight, mode='fan_out')
            if part.bias is not None:
                nn.init.zeros_(part.bias)
        elif isinstance(part, nn.BatchNorm2d):
            nn.init.ones_(part.weight)
            nn.init.zeros_(part.bias)
    return module
