"""Weights and checkpoints on disk.

Weights are plain CPU state_dicts, readable with `weights_only=True`. Files of different origins may name the same
weights differently; `canonical` gives each one name, by the rules of `register_keys`.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import nn

from torchlight.checkpoint_parts import is_best, is_count, is_history, is_number, is_optimizer, is_plain, is_within
from torchlight.errors import InputError, first_few
from torchlight.tensor_files import read_tensors, write_tensors

WRAPPERS = ['module.', '_orig_mod.']  # prefixes that DataParallel and torch.compile add
RENAMED: dict[str, str] = {}
DROPPED: list[str] = []
OPTIONAL: list[str] = []
UNUSED: dict[str, str] = {}
CHECKPOINT_KEYS = {'model', 'optimizer', 'scaler', 'epoch', 'global_step', 'best', 'history', 'arg'}
SHOWN = 8  # weight names in an error message
NUMBERS = torch.float16, torch.bfloat16, torch.float32, torch.float64
NUMBERS += torch.bool, torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64


def register_keys(
    wrappers: Sequence[str] = (),
    renamed: Mapping[str, str] | None = None,
    dropped: Sequence[str] = (),
    optional: Sequence[str] = (),
    unused: Mapping[str, str] | None = None,
) -> None:
    """Teach the loader how the weights files of a project name the same weights; its model package calls this.

    Parameters
    ----------
    wrappers : prefixes that do not count.
    renamed : {prefix in public files: common prefix}.
    dropped : parts of dotted names of weights that no model here has.
    optional : common prefixes of parts that a model may be built without.
    unused : {part of dotted names of weights: part of dotted names that tells files in which nothing uses them}.
    """
    WRAPPERS.extend(wrappers)
    RENAMED.update(renamed or {})
    DROPPED.extend(dropped)
    OPTIONAL.extend(optional)
    UNUSED.update(unused or {})


def canonical(key: str) -> str | None:
    """Return the common name of a weight, or None for one that no model here has."""
    while key.startswith(tuple(WRAPPERS)):
        key = key.split('.', 1)[1]
    if any(part in f'.{key}' for part in DROPPED):
        return None
    for public, name in RENAMED.items():
        if key.startswith(public):
            return name + key[len(public) :]
    return key


def read_weights(path: str | Path) -> Mapping[str, torch.Tensor]:
    """Read the state_dict in a weights file or in a training checkpoint.

    Raises
    ------
    InputError
        If the file is damaged or of another kind, or if a weight is not a number.
    """
    return _weights_in(read_tensors(path), path)


def _weights_in(found: Any, path: str | Path) -> Mapping[str, torch.Tensor]:
    """Return the state_dict in what `path` contains."""
    if isinstance(found, Mapping) and isinstance(found.get('model'), Mapping):
        found = found['model']
    if not isinstance(found, Mapping) or not all(
        isinstance(key, str) and torch.is_tensor(value) for key, value in found.items()
    ):
        raise InputError(f'{path} contains a {type(found).__name__}; expected a state_dict of tensors')
    for name, value in found.items():
        if problem := _problem(name, value):
            raise InputError(f'{path}: {name[:100]} {problem}')
    return found


def _problem(name: str, value: torch.Tensor) -> str:
    """Return what is wrong with a weight, '' for nothing."""
    if value.layout != torch.strided or value.device.type != 'cpu' or value.dtype not in NUMBERS:
        return f'is a tensor of {value.dtype}, {value.layout}, {value.device.type}; expected dense numbers'
    if value.numel() * value.element_size() > value.untyped_storage().nbytes():
        return f'claims {value.numel()} numbers, more than the file has'
    if not value.isfinite().all():
        return 'contains NaN or Inf'
    if name.endswith('running_var') and (value < 0).any():
        return 'is a variance below zero'
    return ''


def read_checkpoint(path: str | Path, model: nn.Module) -> Mapping[str, Any]:
    """Read the dict in a checkpoint.pt and load its weights into `model`; raise InputError for any other file."""
    state = read_tensors(path)
    if not isinstance(state, Mapping) or not CHECKPOINT_KEYS <= state.keys():
        raise InputError(f'{path} is not a training checkpoint; to load only weights, use --weights')
    load_weights(model, _weights_in(state, path))
    shapes = [tuple(parameter.shape) for parameter in model.parameters()]
    for key, fits in {
        'epoch': is_count(state['epoch']),
        'global_step': is_count(state['global_step']),
        'best': state['best'] is None or is_best(state['best']),
        'history': is_history(state['history']),
        'within': is_within(state.get('within')),
        'arg': is_plain(state['arg']) and isinstance(state['arg'], dict),
        'scaler': isinstance(state['scaler'], dict) and all(map(is_number, state['scaler'].values())),
        'optimizer': is_optimizer(state['optimizer'], shapes),
    }.items():
        if not fits:
            raise InputError(f'{path} is not a checkpoint of this model: its {key!r} is not one that a run writes')
    return state


def load_weights(
    model: nn.Module, weights: str | Path | Mapping[str, torch.Tensor], ignore_weights: Sequence[str] = ()
) -> list[str]:
    """Load weights of any known format; every key must match.

    Parameters
    ----------
    model : module.
    weights : path, or a mapping of names to tensors.
    ignore_weights : names, or parts of dotted names (`fc`, `l10.gcn1`), to leave as they are (default: none).

    Returns
    -------
    list of str. Names that were left out although the file has them: optional parts that this model does not have, and
        weights that the file itself does not use.

    Raises
    ------
    InputError
        With the names that are missing, unexpected, or of another shape.
    """
    source = weights if isinstance(weights, Mapping) else read_weights(weights)
    given = {canonical(key): value for key, value in source.items()}
    given.pop(None, None)
    wanted = {canonical(key): key for key in model.state_dict()}
    for word in ignore_weights:
        ignored = _with_part(word, given.keys() | wanted.keys())
        if not ignored:
            raise InputError(f'ignore_weights has {word!r}, which is not part of any weight name')
        for name in ignored:
            given.pop(name, None)
            wanted.pop(name, None)
    absent = tuple(prefix for prefix in OPTIONAL if not any(name.startswith(prefix) for name in wanted))
    left_out = [name for name in given if name.startswith(absent)]
    for part, sign in UNUSED.items():
        left_out += [name for name in _with_part(part, given) if name not in wanted and _with_part(sign, given)]
    for name in left_out:
        del given[name]
    _require_fit(given, wanted, model.state_dict(), weights)
    model.load_state_dict({wanted[name]: value for name, value in given.items()}, strict=False)
    return left_out


def without(left_out: Sequence[str]) -> str:
    """Return what to say of the weights that `load_weights` left out, after the name of the file; '' for none."""
    return f', without its {len(left_out)} unused weights ({first_few(left_out, 2)})' if left_out else ''


def _with_part(part: str, names: Iterable[str]) -> list[str]:
    """Return those dotted names of which `part` is a whole part, or several."""
    return [name for name in names if f'.{part}.' in f'.{name}.']


def _require_fit(
    given: Mapping[str, torch.Tensor],
    wanted: Mapping[str, str],
    state: Mapping[str, torch.Tensor],
    weights: str | Path | Mapping,
) -> None:
    misshaped = [
        f'{name} {tuple(given[name].shape)} for {tuple(state[key].shape)}'
        for name, key in wanted.items()
        if name in given and given[name].shape != state[key].shape
    ]
    missing = [name for name in wanted if name not in given]
    unexpected = [name for name in given if name not in wanted]
    found = (('missing', missing), ('unexpected', unexpected), ('of another shape', misshaped))
    problems = [f'{len(names)} {kind} ({first_few(names, SHOWN)})' for kind, names in found if names]
    if problems:
        origin = 'these weights belong' if isinstance(weights, Mapping) else f'{weights} belongs'
        raise InputError(
            f'{origin} to another model: {"; ".join(problems)}; use the settings of the run that wrote them, or skip '
            'some with --ignore-weights'
        )


def plain_state(model: nn.Module) -> dict[str, torch.Tensor]:
    """Return a state_dict on the CPU without the prefixes of wrappers (`module.`, `_orig_mod.`)."""
    return {
        re.sub(r'^((module|_orig_mod)\.)+', '', key): value.detach().cpu().clone()
        for key, value in model.state_dict().items()
    }


def save(value: Any, path: str | Path, description: Mapping[str, Any] | None = None) -> None:
    """Write a state_dict or a checkpoint, and what it says of itself; `path` changes only when the file is complete."""
    write_tensors(path, value, description)
