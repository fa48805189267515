"""Weights and checkpoints on disk.

Weights are plain CPU state_dicts, readable with `weights_only=True`. Public CTR-GCN, HD-GCN and MMCL files and
this program's own differ in their keys alone; `canonical` gives all of them one name.
"""

import re
import warnings
from collections.abc import Mapping

import torch

from torchlight.errors import InputError
from torchlight.files import atomic_path

RENAMED = {'FAM_Aligh.': 'fam.', 'mlp.': 'frm.gate.', 'PosMatrix': 'frm.positive', 'NegMatrix': 'frm.negative'}
WRAPPERS = ('module.', '_orig_mod.', 'student.')
HELPERS = ('fam.', 'frm.')
CHECKPOINT_KEYS = {'model', 'optimizer', 'scaler', 'epoch', 'global_step', 'best', 'history', 'arg'}
SHOWN = 8


def canonical(key):
    """The common name of a weight, or None for one that no model here has.

    `module.l1.gcn1.PA`, `student.l1.gcn1.PA` → `l1.gcn1.PA`; `inception_v3.…` (the public MMCL's encoder)
    and `….conv_d.…` (HD-GCN's second name of its last level) → None.
    """
    while key.startswith(WRAPPERS):
        key = key.split('.', 1)[1]
    if key.startswith('inception_v3.') or '.gcn1.conv_d.' in key:
        return None
    for public, name in RENAMED.items():
        if key.startswith(public):
            return name + key[len(public) :]
    return key


def read_weights(path):
    """The state_dict in a weights file or in a checkpoint of this program; raises InputError for anything else."""
    found = _read(path)
    if isinstance(found, Mapping) and isinstance(found.get('model'), Mapping):
        found = found['model']
    if not isinstance(found, Mapping) or not all(
        isinstance(key, str) and torch.is_tensor(value) for key, value in found.items()
    ):
        raise InputError(f'{path} holds {type(found).__name__}, not a state_dict of tensors')
    return found


def read_checkpoint(path, model):
    """The dict in a checkpoint.pt, after its weights are loaded into `model`."""
    state = _read(path)
    if not isinstance(state, Mapping) or not CHECKPOINT_KEYS <= state.keys():
        raise InputError(f'{path} is no checkpoint to resume; for weights alone use --weights')
    load_weights(model, state['model'])
    return state


def _read(path):
    try:
        with warnings.catch_warnings():
            warnings.simplefilter('ignore')  # on the pickle protocol of files that are no weights
            return torch.load(path, map_location='cpu', weights_only=True)
    except FileNotFoundError as error:
        raise InputError(f'the weights file {path} does not exist') from error
    except OSError as error:
        raise InputError(f'{path} cannot be read: {error.strerror or error}') from error
    except Exception as error:  # of foreign bytes the unpickler makes almost any error
        raise InputError(
            f'{path} cannot be read as PyTorch weights: it is damaged, of another kind, or holds '
            'more than tensors and plain containers'
        ) from error


def load_weights(model, weights, ignore_weights=()):
    """Load weights of any known origin, strictly.

    Args:
        model: a student or an MMCL model. weights: a path, or a mapping of names to tensors.
        ignore_weights: names or parts of dotted names (`fc`, `l10.gcn1`) to leave as they are.
    Returns: the names that were left out although the file has them: helper branches this model was built without.
    Raises InputError with the missing, unexpected and mis-shaped names.
    """
    source = weights if isinstance(weights, Mapping) else read_weights(weights)
    given = {canonical(key): value for key, value in source.items()}
    given.pop(None, None)
    wanted = {canonical(key): key for key in model.state_dict()}
    for word in ignore_weights:
        ignored = [name for name in given.keys() | wanted.keys() if f'.{word}.' in f'.{name}.']
        if not ignored:
            raise InputError(f'ignore_weights has {word!r}, which is part of no weight name')
        for name in ignored:
            given.pop(name, None)
            wanted.pop(name, None)
    absent = tuple(prefix for prefix in HELPERS if not any(name.startswith(prefix) for name in wanted))
    helpers = [name for name in given if name.startswith(absent)]
    for name in helpers:
        del given[name]
    _require_fit(given, wanted, model.state_dict(), weights)
    model.load_state_dict({wanted[name]: value for name, value in given.items()}, strict=False)
    return helpers


def _require_fit(given, wanted, state, weights):
    misshaped = [
        f'{name} {tuple(given[name].shape)} for {tuple(state[key].shape)}'
        for name, key in wanted.items()
        if name in given and given[name].shape != state[key].shape
    ]
    problems = [
        f'{len(names)} {kind} ({", ".join(names[:SHOWN])}{", …" if len(names) > SHOWN else ""})'
        for kind, names in (
            ('missing', [name for name in wanted if name not in given]),
            ('unexpected', [name for name in given if name not in wanted]),
            ('of another shape', misshaped),
        )
        if names
    ]
    if problems:
        origin = 'these weights are' if isinstance(weights, Mapping) else f'{weights} is'
        raise InputError(
            f'{origin} of another model: {"; ".join(problems)}; leave some out on purpose with --ignore-weights'
        )


def plain_state(model):
    """A state_dict on the CPU without the wrappers' prefixes (`module.`, `_orig_mod.`)."""
    return {
        re.sub(r'^((module|_orig_mod)\.)+', '', key): value.detach().cpu().clone()
        for key, value in model.state_dict().items()
    }


def save(value, path):
    """Write a state_dict or a checkpoint; `path` changes only once the file is whole."""
    with atomic_path(path) as temporary:
        torch.save(value, temporary)
