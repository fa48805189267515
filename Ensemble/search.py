"""Fusion weights that are found on one half of the clips and scored on the other.

The weights minimise the cross entropy of the fused scores, not their errors: it is convex and has a gradient, so a
plain optimiser ends in the only minimum. A Gaussian prior keeps each weight near the common one unless the clips say
otherwise. Measured on NW-UCLA's four published streams, 232 clips a half, mean of 60 seeds: with the prior the other
half is 0.2 points above equal weights; without it, or when searching for the highest accuracy, it is no better.

Legend: S streams, N clips, G groups, R ways of weighing.
"""

import re
from collections.abc import Callable, Iterator, Sequence

import numpy as np
from scipy.special import logsumexp

from torchlight.errors import InputError
from torchlight.intervals import LEVEL, RESAMPLES, middle, percents, resampled_accuracy

SPREAD = 0.25  # the prior's standard deviation of a weight, as a share of the common one
BLOCK = 4096  # clips whose float64 copies are in memory at once


def groups_of(clips: Sequence[str]) -> np.ndarray:
    """Return the group (N,) int64 of each clip: NTU's cameras film a performance together, which makes one group."""
    performance = [re.sub(r'^(S\d{3})C\d{3}(P\d{3}R\d{3}A\d{3})$', r'\1\2', clip) for clip in clips]
    return np.unique(performance, return_inverse=True)[1]


def half_of(label: np.ndarray, group: np.ndarray, seed: int) -> np.ndarray:
    """Draw half of the groups of each class, up to one group.

    Parameters
    ----------
    label, group : (N,) int.
    seed : int. Seed of the draw.

    Returns
    -------
    (N,) bool. True for the clips that are drawn.

    Raises
    ------
    InputError
        If there is only one group.
    """
    _, first = np.unique(group, return_index=True)
    if len(first) < 2:
        raise InputError('--search needs clips of at least two performances, one to search on and one to score')
    draws = np.random.default_rng(seed).random(len(first))
    chosen = np.zeros(len(first), bool)
    chosen[np.lexsort((draws, label[first]))[::2]] = True
    return chosen[group]


def find_rates(scores: np.ndarray, label: np.ndarray) -> np.ndarray:
    """Find the weights of the streams.

    They are c · (1 + d): c, common to all streams, minimises the mean cross entropy; then d ≥ −1 minimises it together
    with Σ d² / (2 · SPREAD² · N).

    Parameters
    ----------
    scores : (S, N, num_class).
    label : (N,) int.

    Returns
    -------
    (S,) float64 ≥ 0. The largest is 1; rounded to 4 decimals.
    """
    streams, clips, _ = scores.shape
    unit = 1 / (scores.std() or 1)

    def common(c: np.ndarray) -> tuple[float, np.ndarray]:
        loss, slope = cross_entropy(np.repeat(c * unit, streams), scores, label)
        return loss, slope.sum(keepdims=True) * unit

    def apart(d: np.ndarray) -> tuple[float, np.ndarray]:
        loss, slope = cross_entropy(level * (1 + d), scores, label)
        return loss + (d @ d) / (2 * SPREAD**2 * clips), level * slope + d / (SPREAD**2 * clips)

    level = unit * _minimum(common, [1 / streams], 0)
    rate = 1 + _minimum(apart, np.zeros(streams), -1)
    return np.round(rate / rate.max(), 4) if rate.max() > 0 else np.ones(streams)


def cross_entropy(rate: np.ndarray, scores: np.ndarray, label: np.ndarray) -> tuple[float, np.ndarray]:
    """Mean cross entropy of Σ rate · scores.

    Parameters
    ----------
    rate : (S,).
    scores : (S, N, num_class).
    label : (N,) int.

    Returns
    -------
    float, (S,) float64. The value, and its derivative by each rate.
    """
    loss, slope = 0.0, np.zeros(len(rate))
    for first in range(0, len(label), BLOCK):
        part, true = scores[:, first : first + BLOCK].astype(np.float64), label[first : first + BLOCK]
        rows = np.arange(len(true))
        fused = np.tensordot(rate, part, 1)  # (BLOCK, num_class)
        log_sum = logsumexp(fused, axis=1, keepdims=True)
        loss += (log_sum[:, 0] - fused[rows, true]).sum()
        error = np.exp(fused - log_sum)
        error[rows, true] -= 1
        slope += part.reshape(len(rate), -1) @ error.ravel()
    return loss / len(label), slope / len(label)


def compare(judged: dict[str, np.ndarray], group: np.ndarray, seed: int) -> Iterator[str]:
    """Yield lines of text that say how sure the differences between ways of weighing are.

    Parameters
    ----------
    judged : {way of weighing: (N,) bool}. The clips that each classifies correctly; the first is compared with the
        others.
    group : (N,) int.
    seed : int. Seed of the resampling.
    """
    correct = np.stack(list(judged.values()))
    drawn = resampled_accuracy(correct, group, seed)
    first, *others = judged
    width = max(len(f'{first} − {other}') for other in others)
    yield f'{"":{width}}  top-1   {LEVEL} % interval ({RESAMPLES:,} bootstrap resamples of whole performances)'
    for name, row, values in zip(judged, correct, drawn):
        yield f'{name:{width}}  {100 * row.mean():6.2f}  {percents(middle(values))}'
    for name, row, values in zip(others, correct[1:], drawn[1:]):
        difference, gained = 100 * (correct[0].mean() - row.mean()), percents(middle(drawn[0] - values))
        yield f'{f"{first} − {name}":{width}}  {round(difference, 2) + 0.0:+6.2f}  {gained}'


def _minimum(function: Callable, start: Sequence[float] | np.ndarray, lowest: float) -> np.ndarray:
    """Find the arguments ≥ lowest at which `function`, which returns its value and gradient, is smallest."""
    from scipy.optimize import minimize  # takes a while to import, and only a search needs it

    bounds = [(lowest, None)] * len(start)
    return minimize(function, start, jac=True, method='L-BFGS-B', bounds=bounds, options={'gtol': 1e-7}).x
