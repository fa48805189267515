"""The parts of a checkpoint besides the weights: whether they are what a run writes."""

import math
from collections.abc import Sequence
from typing import Any

import torch


def is_number(value: Any) -> bool:
    """Return whether a value is a finite number."""
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def is_count(value: Any) -> bool:
    """Return whether a value is an int from 0 on."""
    return type(value) is int and 0 <= value < 1 << 60


def is_plain(value: Any, depth: int = 20) -> bool:
    """Return whether a value is a setting: text, a number, or a few lists and dicts of them inside one another."""
    if isinstance(value, (list, tuple)):
        return depth > 0 and all(is_plain(item, depth - 1) for item in value)
    if isinstance(value, dict):
        return depth > 0 and all(is_plain(item, depth - 1) for pair in value.items() for item in pair)
    return value is None or isinstance(value, (str, int, float))


def is_best(value: Any) -> bool:
    """Return whether a value describes the best epoch, {'accuracy', 'epoch', 'step'}."""
    return (
        isinstance(value, dict)
        and is_number(value.get('accuracy'))
        and is_count(value.get('epoch'))
        and is_count(value.get('step'))
    )


def is_history(value: Any) -> bool:
    """Return whether a value is a list of epochs, {'epoch': int, 'train': {name: number}, 'val': {name: number}}."""
    return isinstance(value, list) and all(
        isinstance(row, dict)
        and is_count(row.get('epoch'))
        and all(
            isinstance(means, dict) and all(isinstance(x, (int, float)) for x in means.values())
            for means in (row.get('train', {}), row.get('val', {}))
        )
        for row in value
    )


def is_within(value: Any) -> bool:
    """Return whether a value is None or the state of an epoch that is not over, see torchlight/within_epoch.py."""
    if value is None:
        return True
    if not isinstance(value, dict) or not is_count(value.get('step')) or not is_count(value.get('steps')):
        return False
    order, shares = value.get('order'), value.get('shares')
    if not isinstance(order, dict) or not all(map(is_count, order.values())) or not isinstance(shares, list):
        return False
    return 0 < value['step'] <= value['steps'] and len(shares) == order.get('processes') and all(map(_is_share, shares))


def _is_share(value: Any) -> bool:
    if not isinstance(value, dict) or not isinstance(value.get('means'), dict) or not value.get('random'):
        return False
    sums, counts = value['means'].get('sums'), value['means'].get('counts')
    if not isinstance(sums, dict) or not isinstance(counts, dict) or sums.keys() != counts.keys():
        return False
    numbers = all(map(is_number, sums.values())) and all(is_count(n) and n for n in counts.values())
    return numbers and all(torch.is_tensor(state) and state.dtype == torch.uint8 for state in value['random'])


def is_optimizer(value: Any, shapes: Sequence[tuple[int, ...]]) -> bool:
    """Return whether a value is the state of an optimiser of parameters of these shapes."""
    if not isinstance(value, dict) or not isinstance(value.get('state'), dict):
        return False
    groups, state = value.get('param_groups'), value['state']
    if not isinstance(groups, list) or len(groups) != 1 or not isinstance(groups[0], dict) or not is_plain(groups[0]):
        return False
    if groups[0].get('params') != [*range(len(shapes))]:
        return False
    return all(
        index in range(len(shapes)) and isinstance(parts, dict) and all(_fits(x, shapes[index]) for x in parts.values())
        for index, parts in state.items()
    )


def _fits(value: Any, shape: tuple[int, ...]) -> bool:
    """Return whether a value is a finite momentum of a parameter, or the number of its steps."""
    if not torch.is_tensor(value):
        return value is None or is_number(value)
    dense = value.layout == torch.strided and value.device.type == 'cpu' and value.is_floating_point()
    return dense and tuple(value.shape) in ((), shape) and bool(value.isfinite().all())
