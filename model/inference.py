"""The inference form of a student: batch norms folded into weights, branches merged, 1×1 convolutions as products.

A `Layer` gives such a form of itself: a module that computes the same, but only in evaluation, from the weights at the
time of the call. Axes as in model/base.py.
"""

import copy
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class Layer(nn.Module):
    """A layer that may have a form for inference.

    Its form is a copy of it, until a subclass overrides `inference_form`. A class that overrides other methods of such
    a subclass, but not `inference_form`, goes back to the copy, so that no form computes what another class would.
    """

    def __init_subclass__(cls, **arguments: Any) -> None:
        super().__init_subclass__(**arguments)
        layers = [base for base in cls.__mro__[1:] if issubclass(base, Layer) and base is not Layer]
        own = {name for name, value in vars(cls).items() if callable(value) and name != '__init__'}
        if 'inference_form' not in own and any(own & vars(base).keys() for base in layers):
            cls.inference_form = Layer.inference_form

    def inference_form(self) -> nn.Module:
        """Return a module that computes the same in evaluation."""
        return with_parts(self)


def form_of(module: nn.Module) -> nn.Module:
    """Return the form of a module for inference: a copy, if it is no Layer."""
    return module.inference_form() if isinstance(module, Layer) else with_parts(module)


def with_parts(module: nn.Module, **parts: nn.Module | None) -> nn.Module:
    """Copy a module and its weights, in evaluation mode, with the submodules named in `parts` replaced by these."""
    form, memo = copy.copy(module), {}  # the memo keeps shared what is shared
    form._parameters = copy.deepcopy(module._parameters, memo)
    form._buffers = copy.deepcopy(module._buffers, memo)
    form._modules = {
        name: parts[name] if name in parts else copy.deepcopy(part, memo) for name, part in module._modules.items()
    }
    return form.eval()


def scale_and_shift(norm: nn.BatchNorm2d) -> tuple[Tensor, Tensor]:
    """Return what a batch norm does in evaluation: x · scale + shift, both (C,)."""
    scale = norm.weight / (norm.running_var + norm.eps).sqrt()
    return scale, norm.bias - norm.running_mean * scale


def fold(conv: nn.Module, norm: nn.BatchNorm2d, bias: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """Merge a convolution and the batch norm that follows it.

    Parameters
    ----------
    conv : convolution with `weight` (out, in, …) and `bias` (out,) or None.
    norm : nn.BatchNorm2d.
    bias : (out,). Bias of a convolution that has none itself (default: `conv.bias`).

    Returns
    -------
    weight, bias : (out, in, …), (out,). Of one convolution that does the same.
    """
    scale, shift = scale_and_shift(norm)
    bias = conv.bias if bias is None else bias
    return conv.weight * scale.view(-1, *[1] * (conv.weight.dim() - 1)), shift if bias is None else bias * scale + shift


class Product(nn.Module):
    """A 1×1 convolution as a matrix product.

    An exported program keeps it as a convolution, for which the engines that run programs have fused forms.

    Parameters
    ----------
    weight : (out, in) or (out, in, 1, 1).
    bias : (out,), or None (default).
    """

    def __init__(self, weight: Tensor, bias: Tensor | None = None) -> None:
        super().__init__()
        self.register_buffer('weight', weight.flatten(1).contiguous())
        self.register_buffer('bias', bias if bias is None else bias.clone())

    def forward(self, x: Tensor) -> Tensor:
        """(B, in, V, T) → (B, out, V, T)."""
        if torch.compiler.is_compiling():
            return F.conv2d(x, self.weight[:, :, None, None], self.bias)
        return product(self.weight, x, self.bias)


def product(weight: Tensor, x: Tensor, bias: Tensor | None = None) -> Tensor:
    """Map the channels of x (B, in, V, T) by weight (out, in) and bias (out,): (B, out, V, T)."""
    weight, flat = weight.expand(len(x), -1, -1), x.flatten(2)
    y = torch.bmm(weight, flat) if bias is None else torch.baddbmm(bias[:, None], weight, flat)
    return y.view(len(x), -1, *x.shape[2:])


def shortcut_form(down: nn.Module) -> nn.Module:
    """Return the inference form of what model.layers.shortcut made."""
    return nn.Identity() if isinstance(down, nn.Identity) else Product(*fold(*down))


class ReducedConv(nn.Module):
    """A branch over time: a 1×1 convolution, relu, and a convolution over time.

    Between the two the channels are the last axis in memory, in which a convolution over time is fastest.

    Parameters
    ----------
    reduction : nn.Conv2d. The 1×1 convolution.
    norm : nn.BatchNorm2d. Its batch norm.
    temporal : the convolution over time, such as a model.layers.TemporalConv.
    """

    def __init__(self, reduction: nn.Conv2d, norm: nn.BatchNorm2d, temporal: nn.Module) -> None:
        super().__init__()
        self.reduction, self.temporal = Product(*fold(reduction, norm)), form_of(temporal)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, V, T) → (B, out, V, T / stride)."""
        if torch.compiler.is_compiling():
            y = self.reduction(x).relu()
        else:
            y = (x.flatten(2).transpose(1, 2) @ self.reduction.weight.T).add_(self.reduction.bias).relu_()
            y = y.view(x.shape[0], *x.shape[2:], -1).permute(0, 3, 1, 2)  # (B, V, T, width) in memory
        return self.temporal(y)


class TemporalForm(nn.Module):
    """A convolution over time with its batch norm folded in.

    Parameters
    ----------
    weight : (out, in, kernel, 1).
    bias : (out,).
    conv : model.layers.TimeConv2d. Its stride, padding and dilation count.
    """

    def __init__(self, weight: Tensor, bias: Tensor, conv: nn.Module) -> None:
        super().__init__()
        self.register_buffer('weight', weight.transpose(2, 3).contiguous(memory_format=torch.channels_last))
        self.register_buffer('bias', bias)
        self.window = conv.stride, conv.padding, conv.dilation

    def forward(self, x: Tensor) -> Tensor:
        """(B, in, V, T) → (B, out, V, T / stride)."""
        return F.conv2d(x, self.weight, self.bias, *self.window)


class MultiScaleForm(nn.Module):
    """The inference form of a multi-scale temporal convolution.

    Parameters
    ----------
    layer : model.layers.MultiScaleTemporalConv.
    """

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        *convs, pooled, plain = layer.branches
        self.stride = layer.stride
        self.convs = nn.ModuleList([ReducedConv(conv, norm, temporal) for conv, norm, _, temporal in convs])
        weight, bias = fold(pooled[0], pooled[1])
        self.pooled, self.plain = Product(weight), Product(*fold(*plain))
        scale, shift = scale_and_shift(pooled[4])
        for name, value in ('bias', bias), ('scale', scale), ('shift', shift):
            self.register_buffer(name, value.view(-1, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, V, T) → (B, C, V, T / stride)."""
        pooled = largest_of_three(self.pooled(x), self.stride).add_(self.bias).relu_()  # both keep the order
        pooled = torch.addcmul(self.shift, pooled, self.scale)
        return torch.cat([*(conv(x) for conv in self.convs), pooled, self.plain(x[..., :: self.stride])], 1)


def largest_of_three(x: Tensor, stride: int) -> Tensor:
    """Max-pool of width 3 over the last axis: (B, C, V, T) → (B, C, V, T / stride).

    Over one axis, PyTorch's does not also compute which frame was the largest.
    """
    if torch.compiler.is_compiling():
        return F.max_pool2d(x, (1, 3), (1, stride), (0, 1))
    return F.max_pool1d(x.flatten(1, 2), 3, stride, 1).unflatten(1, x.shape[1:3])


class BlockForm(Layer):
    """The inference form of a block.

    Parameters
    ----------
    block : model.layers.Block.
    """

    def __init__(self, block: nn.Module) -> None:
        super().__init__()
        self.gcn, self.tcn = form_of(block.gcn1), form_of(block.tcn1)
        self.residual, self.stride = None, 1
        if isinstance(block.residual, nn.Identity):
            self.residual = nn.Identity()
        elif block.residual is not None:
            self.residual, self.stride = Product(*block.residual.folded()), block.residual.conv.stride[1]

    def forward(self, x: Tensor) -> Tensor:
        """(B, in_channels, V, T) → (B, out_channels, V, T / stride)."""
        y = self.tcn(self.gcn(x))
        if self.residual is not None:
            y = y.add_(self.residual(x[..., :: self.stride]))
        return y.relu_()

    def inference_form(self) -> nn.Module:
        """Return this module, which is its own form for inference."""
        return self
