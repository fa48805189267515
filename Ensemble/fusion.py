"""Sums of scores, and how well they do.

Legend: S streams, N clips, K classes.
"""

from pathlib import Path
from typing import NamedTuple

import numpy as np
import yaml
from scipy.special import softmax

from torchlight.errors import InputError

NORMALISE = 'none', 'softmax', 'l2'


class Rates(NamedTuple):
    """The streams' weights and where they come from: {stream: weight}, a sentence."""

    rate: dict
    source: str


def normalise(scores, how):
    """Scores (S, N, K) brought to one scale, in place.

    Args:
        how: 'none'; 'softmax', probabilities; 'l2', each clip's vector divided by its length (HD-GCN's way).
    """
    for stream in scores:
        if how == 'softmax':
            stream[:] = softmax(stream, axis=1)
        elif how == 'l2':
            stream /= np.linalg.norm(stream, axis=1, keepdims=True).clip(np.finfo(np.float32).tiny)


def fuse(scores, rate):
    """Σ rate · scores over the streams: (S, N, K), S weights → (N, K) float32."""
    fused = np.zeros(scores.shape[1:], np.float32)
    with np.errstate(over='ignore', invalid='ignore'):
        for stream, weight in zip(scores, rate):
            fused += np.float32(weight) * stream
    if not np.isfinite(fused).all():
        raise InputError('the weighted scores are too large for 32-bit numbers; give smaller --rates')
    return fused


def given_rates(words, streams, source):
    """Weights as the user gives them: one for each of the streams, in their order, or NAME=WEIGHT for each.

    Raises InputError where they do not fit the streams, are no finite numbers, or are all zero.
    """
    words = [part for word in words for part in word.split(',') if part]
    if any('=' in word for word in words):
        pairs = [tuple(word.split('=', 1)) if '=' in word else ('', word) for word in words]
    else:
        pairs = list(zip(streams, words))
    if len(words) != len(streams) or {name for name, _ in pairs} != set(streams):
        raise InputError(f'{source} gives {" ".join(words)}; expected a weight for each of {", ".join(streams)}')
    try:
        rate = {name: float(word) for name, word in pairs}
    except ValueError as error:
        raise InputError(f'{source} gives {" ".join(words)}; expected numbers') from error
    with np.errstate(over='ignore', under='ignore'):
        used = np.float32(list(rate.values()))  # as fuse takes them
    if not np.isfinite(used).all() or not used.any():
        raise InputError(f'{source} gives {" ".join(words)}; expected finite numbers, not all zero')
    return Rates(rate, f'from {source}')


def published_rates(benchmark, streams, how):
    """The published weights for this benchmark, exactly these streams and scores so normalised, or None."""
    for entry in yaml.safe_load(Path(__file__).with_name('weights.yaml').read_text()):
        if benchmark in entry['benchmarks'] and set(streams) == set(entry['rates']) and how == 'none':
            return Rates({name: entry['rates'][name] for name in streams}, entry['source'])
    return None


def equal_rates(streams, source='equal'):
    """1 for every stream."""
    return Rates(dict.fromkeys(streams, 1.0), source)


class Verdict(NamedTuple):
    """How scores judge clips: predicted (N,) class; correct, in_top5 (N,) bool."""

    predicted: np.ndarray
    correct: np.ndarray
    in_top5: np.ndarray

    def on(self, mask):
        """The same for some of the clips."""
        return Verdict(*(values[mask] for values in self))


def judge(scores, label):
    """(N, K) scores, (N,) labels → Verdict; a class that ties with the true one ranks before it."""
    predicted = scores.argmax(1)
    correct = predicted == label
    own = scores[np.arange(len(label)), label]
    return Verdict(predicted, correct, correct | ((scores >= own[:, None]).sum(1) <= 5))
