"""What leaves the training: where predictions and exports go, and the size of a student."""

import argparse
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from model import export
from torchlight import predictions
from torchlight.errors import InputError
from torchlight.files import require_ending, require_writable
from torchlight.imports import dotted_name

ONLY_IN = {  # flags that say something in these phases only
    'input': ('predict', 'export'),
    'output': ('predict', 'export'),
    'window': ('predict',),
    'stride': ('predict',),
    'figure': ('predict',),
    'with_preprocessing': ('export',),
}


def describe(model: nn.Module, devices: Sequence[torch.device]) -> str:
    """Return the line of the log that names the model, its size and its devices."""
    parameters = sum(p.numel() for p in model.parameters())
    return f'Model: {dotted_name(type(model))}, {parameters:,} parameters, on {" ".join(map(str, devices))}'


def noise_clips(arg: argparse.Namespace, device: torch.device | str) -> Tensor:
    """Return two clips in the shape that the settings say, (2, C, window_size, V, M) float32.

    They are of noise, because an empty person slot would be skipped.
    """
    sizes, frames = arg.model_args, arg.test_feeder_args.get('window_size', 64)
    shape = (2, sizes.get('in_channels', 3), frames, sizes['num_point'], sizes['num_person'])
    return torch.randn(shape, device=device)


def check(arg: argparse.Namespace) -> None:
    """Raise InputError if what is exported or predicted could not be written to --output."""
    if arg.phase == 'export':
        path = export.check_path(arg.output)
        if path.suffix not in export.PROGRAMS and path.exists():
            raise InputError(f'{path} already exists, and weights are not replaced; give another --output')
        if arg.with_preprocessing and path.suffix not in export.PROGRAMS:
            raise InputError(f'--with-preprocessing is for {" and ".join(export.PROGRAMS)}; {path} takes only weights')
    if arg.phase in ('predict', 'export') and arg.output:
        require_writable(arg.output)
    if arg.phase == 'predict' and arg.output:
        require_ending(arg.output, *predictions.ENDINGS, flag='--output')
    if arg.phase == 'predict' and arg.figure:
        require_writable(arg.figure)
        require_ending(arg.figure, '.gif', '.png', flag='--figure')
    for key, phases in ONLY_IN.items():
        if getattr(arg, key) and arg.phase not in phases:
            raise InputError(f'--{key.replace("_", "-")} is for --phase {" and ".join(phases)}, not for {arg.phase}')
    if arg.stride and not arg.window:
        raise InputError('--stride is the distance of windows, so it needs --window')


def model_size(model: nn.Module, example: Tensor) -> tuple[int, int]:
    """Return the parameters of a model and its multiply-accumulates per clip, counted over a real forward pass."""
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        model.eval()(example)
    return sum(p.numel() for p in model.parameters()), counter.get_total_flops() // 2 // len(example)
