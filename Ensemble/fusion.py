"""Weighted sums of scores, and how well they classify.

Legend: S streams, N clips.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
from scipy.special import softmax

from Ensemble.known import WEIGHTS
from torchlight.errors import InputError
from torchlight.metrics import in_top_k

NORMALISE = 'none', 'softmax', 'l2'
EQUAL, FUSED = 'equal weights', 'fused'  # the sums that are listed after the streams


class Rates(NamedTuple):
    """Weights of the streams.

    Attributes
    ----------
    rate : {stream: weight}.
    source : str. Where they come from, as a phrase.
    """

    rate: dict[str, float]
    source: str

    def of(self, streams: Iterable[str]) -> list[float]:
        """Return the weights of these streams, in their order."""
        return [self.rate[name] for name in streams]


def normalise(scores: np.ndarray, how: str) -> None:
    """Bring the streams to one scale, in place.

    Parameters
    ----------
    scores : (S, N, num_class) float32.
    how : str. 'none'; 'softmax', to probabilities; 'l2', each clip's vector divided by its length (as HD-GCN does).
    """
    for stream in scores:
        if how == 'softmax':
            stream[:] = softmax(stream, axis=1)
        elif how == 'l2':
            stream /= np.linalg.norm(stream, axis=1, keepdims=True).clip(np.finfo(np.float32).tiny)


def fuse(scores: np.ndarray, rate: Iterable[float]) -> np.ndarray:
    """Sum rate · scores over the streams: (S, N, num_class) and S weights → (N, num_class) float32.

    Raises
    ------
    InputError
        If a sum is too large for float32.
    """
    fused = np.zeros(scores.shape[1:], np.float32)
    with np.errstate(over='ignore', invalid='ignore'):
        for stream, weight in zip(scores, rate):
            fused += np.float32(weight) * stream
    if not np.isfinite(fused).all():
        raise InputError('the weighted scores are too large for 32-bit numbers; give smaller --rates')
    return fused


def given_rates(words: Sequence[str], streams: Sequence[str], source: str) -> Rates:
    """Read the weights that the user gives.

    Parameters
    ----------
    words : S str. A weight for each stream, in their order, or NAME=WEIGHT in any order; commas separate too.
    streams : S str. The streams' names.
    source : str. The flag.

    Raises
    ------
    InputError
        If the weights do not fit the streams, are not finite numbers, or are all zero.
    """
    words = [part for word in words for part in word.split(',') if part]
    given = f'{source} gives {" ".join(words)}; expected'
    if any('=' in word for word in words):
        pairs = [tuple(word.split('=', 1)) if '=' in word else ('', word) for word in words]
    else:
        pairs = list(zip(streams, words))
    if len(words) != len(streams) or {name for name, _ in pairs} != set(streams):
        raise InputError(f'{given} a weight for each of {", ".join(streams)}')
    try:
        rate = {name: float(word) for name, word in pairs}
    except ValueError as error:
        raise InputError(f'{given} numbers') from error
    with np.errstate(over='ignore', under='ignore'):
        used = np.float32(list(rate.values()))  # as in `fuse`
    if not np.isfinite(used).all() or not used.any():
        raise InputError(f'{given} finite numbers, not all zero')
    return Rates(rate, f'from {source}')


def published_rates(benchmark: str, streams: Sequence[str], how: str) -> Rates | None:
    """Return the published weights for this benchmark and exactly these streams, normalised by `how`, or None."""
    for entry in WEIGHTS:
        if benchmark in entry['benchmarks'] and set(streams) == set(entry['rates']) and how == 'none':
            return Rates({name: entry['rates'][name] for name in streams}, entry['source'])
    return None


def equal_rates(streams: Sequence[str], source: str = 'equal') -> Rates:
    """Return the weight 1 for every stream."""
    return Rates(dict.fromkeys(streams, 1.0), source)


class Verdict(NamedTuple):
    """How scores classify the clips.

    Attributes
    ----------
    predicted : (N,) int. The classes with the highest scores.
    correct, in_top5 : (N,) bool. Is the label the first, or among the first five? See torchlight.metrics.in_top_k.
    """

    predicted: np.ndarray
    correct: np.ndarray
    in_top5: np.ndarray


def judge(scores: np.ndarray, label: np.ndarray) -> Verdict:
    """Compare scores (N, num_class) with labels (N,); classes of equal scores rank by their number, lowest first."""
    return Verdict(scores.argmax(1), in_top_k(scores, label, 1), in_top_k(scores, label, 5))
