"""The weights of a student in half precision: a file of half the size, for passing a student on.

Matrices and convolutions are rounded to float16. Vectors, among them all batch statistics, stay float32: they are few,
and some are too small for float16 (batch norms begin at 1e-6) or may be too large.
"""

import copy
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from torchlight import checkpoint
from torchlight.errors import InputError, counted, first_few

ENDING = '.pt'


def half(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Round the floating-point tensors of more than one axis to float16."""
    wide = {name: value.is_floating_point() and value.dim() > 1 for name, value in state.items()}
    return {name: value.half() if wide[name] else value for name, value in state.items()}


def write(student: nn.Module, path: Path, skeleton: Tensor, origin: str, description: Mapping[str, Any]) -> str:
    """Write the weights of a student in half precision, and say what the rounding does to its scores.

    Parameters
    ----------
    student : model.base.SkeletonModel.
    path : path. The file.
    skeleton : (N, C, T, V, M) float32. Clips to score before and after.
    origin : str. Which clips they are.
    description : dict. What the file says of itself, see feeders/description.py.

    Returns
    -------
    str. The line for the log.

    Raises
    ------
    InputError
        If a weight is beyond float16, which ends at 65,504, or a score is not finite; nothing is written then.
    """
    student = copy.deepcopy(student).cpu().eval()
    state = half(checkpoint.plain_state(student))
    beyond = [name for name, value in state.items() if not value.isfinite().all()]
    if beyond:
        raise InputError(f'{path} is not written: {first_few(beyond)} has values beyond those of float16')
    with torch.no_grad():
        before = student(skeleton).logits
        checkpoint.load_weights(student, state)
        after = student(skeleton).logits
    if not after.isfinite().all():
        raise InputError(f'{path} is not written: in half precision, scores of {origin} are not finite')
    changed = int((before.argmax(1) != after.argmax(1)).sum())
    checkpoint.save(state, path, description)
    return (
        f'Exported to {path}: {sum(value.numel() for value in state.values()):,} numbers in half precision, '
        f'{path.stat().st_size / 1e6:.2f} MB; on {origin} scores differ by at most {(before - after).abs().max():.2g}, '
        f'and {counted(changed, "clip")} got another class'
    )
