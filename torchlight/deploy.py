"""From a trained student to its users: rankings of classes, an exported program, its size.

Legend: N clips, K classes.
"""

import csv
import sys
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from torchlight.errors import InputError
from torchlight.files import atomic_path

EXPORTS = ('.pt2', '.onnx')


class Logits(nn.Module):
    """A student as a plain function of skeletons: (N, C, T, V, M) → (N, K)."""

    def __init__(self, student):
        super().__init__()
        self.student = student

    def forward(self, skeleton):
        return self.student(skeleton).logits


def noise_clips(model_args, window_size, device):
    """Two clips of noise in the shape a model was configured for: (2, C, window_size, V, M)."""
    shape = (2, model_args.get('in_channels', 3), window_size, model_args['num_point'], model_args['num_person'])
    return torch.randn(shape, device=device)


def export(student, example, path):
    """Write the student as a program for any batch size: .pt2 (torch.export) or .onnx.

    Args:
        example: skeletons (2 or more, C, T, V, M). path: its ending chooses the format.
    Raises InputError for another ending, or where ONNX's own packages are missing.
    """
    path = Path(path or '')
    module, example = Logits(student).cpu().eval(), example.cpu()
    batch = {'skeleton': {0: torch.export.Dim('batch', min=1)}}
    if path.suffix == '.pt2':
        program = torch.export.export(module, (example,), dynamic_shapes=batch)
        with atomic_path(path) as temporary:
            torch.export.save(program, str(temporary))
    elif path.suffix == '.onnx':
        try:
            program = torch.onnx.export(module, (example,), dynamic_shapes=batch, dynamo=True, verbose=False)
        except ImportError as error:
            raise InputError(f'an .onnx export needs more packages: {error}; pip install onnx onnxscript') from error
        with atomic_path(path) as temporary:
            program.save(str(temporary))
    else:
        raise InputError(f'--phase export needs --output with a name that ends in {" or ".join(EXPORTS)}')


def model_size(model, example):
    """(parameters, multiply-accumulates of one clip): counted over a real forward pass."""
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        model.eval()(example)
    return sum(p.numel() for p in model.parameters()), counter.get_total_flops() // 2 // len(example)


def write_ranking(name, scores, k, path=None):
    """A table `name,class_1,probability_1,…` of each clip's k best classes, to a .csv file or the screen."""
    k = min(k, scores.shape[1])
    shifted = np.exp(scores - scores.max(1, keepdims=True))
    probability = shifted / shifted.sum(1, keepdims=True)
    best = np.argsort(-scores, axis=1, kind='stable')[:, :k]
    header = ['name', *(f'{word}_{rank}' for rank in range(1, k + 1) for word in ('class', 'probability'))]
    rows = (
        [clip, *(cell for c in row for cell in (c, f'{p[c]:.4f}'))]
        for clip, row, p in zip(name, best.tolist(), probability)
    )
    if path is None:
        csv.writer(sys.stdout, lineterminator='\n').writerows([header, *rows])
        return
    with atomic_path(path) as temporary, open(temporary, 'w', newline='') as file:
        csv.writer(file).writerows([header, *rows])
