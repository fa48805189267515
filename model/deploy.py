"""Deployment of a trained student: export as a program, and its size."""

import argparse
import contextlib
import io
import logging
import warnings
from collections.abc import Iterator, Sequence
from os import PathLike
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from torchlight import predictions
from torchlight.errors import InputError
from torchlight.files import atomic_path, require_ending, require_writable, write_bytes

EXPORTS = ('.pt2', '.onnx')
REMARKS = 'torch.onnx._internal.exporter._registration', 'onnxscript.optimizer._constant_folding'  # loggers
WARNINGS = r'`isinstance\(treespec, LeafSpec\)` is deprecated', 'No complete tensor found in the group'


class Logits(nn.Module):
    """A student as a plain function of skeletons."""

    def __init__(self, student: nn.Module) -> None:
        super().__init__()
        self.student = student

    def forward(self, skeleton: Tensor) -> Tensor:
        """(N, C, T, V, M) → (N, num_class)."""
        return self.student(skeleton).logits


def describe(model: nn.Module, devices: Sequence[torch.device]) -> str:
    """Return the line of the log that names the model, its size and its devices."""
    parameters = sum(p.numel() for p in model.parameters())
    name = f'{type(model).__module__}.{type(model).__qualname__}'
    return f'Model: {name}, {parameters:,} parameters, on {" ".join(map(str, devices))}'


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
        check_export_path(arg.output)
    if arg.phase in ('predict', 'export') and arg.output:
        require_writable(arg.output)
    if arg.phase == 'predict' and arg.output:
        require_ending(arg.output, *predictions.ENDINGS, flag='--output')
    if arg.phase == 'predict' and arg.figure:
        require_writable(arg.figure)
        require_ending(arg.figure, '.gif', '.png', flag='--figure')
    if arg.phase == 'predict' and arg.stride and not arg.window:
        raise InputError('--stride is the distance of windows, so it needs --window')


def check_export_path(path: str | PathLike | None) -> Path:
    """Return `path` as a Path; raise InputError unless it ends in one of EXPORTS."""
    path = Path(path or '')
    if path.suffix not in EXPORTS:
        raise InputError(f'--phase export needs --output with a name that ends in {" or ".join(EXPORTS)}')
    return path


def export(student: nn.Module, example: Tensor, path: str | PathLike | None) -> None:
    """Write the inference form of a student as a program for any batch size.

    Parameters
    ----------
    student : model.base.SkeletonModel. Only `student.inference_form()(skeleton).logits` is exported.
    example : (2 or more, C, T, V, M) float32. Skeletons to trace the student with.
    path : path. Its ending chooses the format: .pt2 (torch.export) or .onnx.

    Raises
    ------
    InputError
        For another ending, or if the packages that ONNX needs are missing.
    """
    path = check_export_path(path)
    module, example = Logits(student.inference_form()).cpu().eval(), example.cpu()
    batch = {'skeleton': {0: torch.export.Dim('batch', min=1)}}
    if path.suffix == '.pt2':
        file = io.BytesIO()  # on a full disk, torch itself would raise errors of its own
        with quiet_exporter():
            torch.export.save(torch.export.export(module, (example,), dynamic_shapes=batch), file)
        write_bytes(path, file.getvalue())
        return
    try:
        with quiet_exporter():
            options = {'dynamic_shapes': batch, 'output_names': ['logits'], 'dynamo': True, 'verbose': False}
            program = torch.onnx.export(module, (example,), **options)
    except ImportError as error:
        raise InputError(f'an .onnx export needs more packages: {error}; pip install onnx onnxscript') from error
    with atomic_path(path) as temporary:
        program.save(str(temporary))


@contextlib.contextmanager
def quiet_exporter() -> Iterator[None]:
    """Silence remarks of PyTorch's exporters that no user can act on, such as what they skip and outdated calls."""
    loggers = [logging.getLogger(name) for name in REMARKS]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            for remark in WARNINGS:
                warnings.filterwarnings('ignore', remark)
            yield
    finally:
        for logger, level in zip(loggers, levels):
            logger.setLevel(level)


def model_size(model: nn.Module, example: Tensor) -> tuple[int, int]:
    """Return the parameters of a model and its multiply-accumulates per clip, counted over a real forward pass."""
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        model.eval()(example)
    return sum(p.numel() for p in model.parameters()), counter.get_total_flops() // 2 // len(example)
