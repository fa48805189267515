"""Fusion weights found on one half of the clips and scored on the other.

The weights minimise the cross entropy of the fused scores, not their errors: that is convex and has a slope, so a
plain optimiser ends in the one minimum. A Gaussian prior keeps each weight near the common one unless the clips say
otherwise. Measured on NW-UCLA's four published streams, 232 clips a half, mean of 60 seeds: with the prior 0.2 points
above equal weights on the other half, without it no better than they, nor by searching for the highest accuracy.

Legend: S streams, N clips, K classes, G groups.
"""

import re

import numpy as np
from scipy.optimize import minimize
from scipy.special import logsumexp

from torchlight.errors import InputError

SPREAD = 0.25  # the prior's standard deviation of a weight, as a share of the common one
BLOCK = 4096  # clips whose float64 copies are in memory at once
RESAMPLES = 2000
LEVEL = 95  # percent, of the intervals


def groups_of(clips):
    """(N,) int64: clips of one group are views of one performance, which NTU's cameras film together."""
    performance = [re.sub(r'^(S\d{3})C\d{3}(P\d{3}R\d{3}A\d{3})$', r'\1\2', clip) for clip in clips]
    return np.unique(performance, return_inverse=True)[1]


def half_of(label, group, seed):
    """(N,) bool: half of the groups of each class, drawn by seed; the rest differs by at most one group a class."""
    _, first = np.unique(group, return_index=True)
    if len(first) < 2:
        raise InputError('--search needs clips of two performances at least, one to search on and one to score')
    draws = np.random.default_rng(seed).random(len(first))
    chosen = np.zeros(len(first), bool)
    chosen[np.lexsort((draws, label[first]))[::2]] = True
    return chosen[group]


def find_rates(scores, label):
    """(S,) weights ≥ 0, the largest 1, rounded to 4 decimals, for scores (S, N, K) of clips with labels (N,).

    They are c · (1 + d): c, common to all streams, minimises the mean cross entropy alone; then d ≥ −1 minimises it
    together with Σ d² / (2 · SPREAD² · N).
    """
    streams, clips, _ = scores.shape
    unit = 1 / (scores.std() or 1)

    def common(c):
        loss, slope = cross_entropy(np.repeat(c * unit, streams), scores, label)
        return loss, slope.sum(keepdims=True) * unit

    def apart(d):
        loss, slope = cross_entropy(level * (1 + d), scores, label)
        return loss + (d @ d) / (2 * SPREAD**2 * clips), level * slope + d / (SPREAD**2 * clips)

    level = unit * _minimum(common, [1 / streams], 0)
    rate = 1 + _minimum(apart, np.zeros(streams), -1)
    return np.round(rate / rate.max(), 4) if rate.max() > 0 else np.ones(streams)


def cross_entropy(rate, scores, label):
    """The mean cross entropy of Σ rate · scores, and its slope in each rate: float, (S,)."""
    loss, slope = 0.0, np.zeros(len(rate))
    for first in range(0, len(label), BLOCK):
        part, true = scores[:, first : first + BLOCK].astype(np.float64), label[first : first + BLOCK]
        rows = np.arange(len(true))
        fused = np.tensordot(rate, part, 1)  # (BLOCK, K)
        log_sum = logsumexp(fused, axis=1, keepdims=True)
        loss += (log_sum[:, 0] - fused[rows, true]).sum()
        error = np.exp(fused - log_sum)
        error[rows, true] -= 1
        slope += part.reshape(len(rate), -1) @ error.ravel()
    return loss / len(label), slope / len(label)


def resampled_accuracy(correct, group, seed):
    """Bootstrap: accuracies (R, RESAMPLES) over clips drawn anew, whole groups at a time.

    Args:
        correct: (R, N) bool, one row for each way of judging. group: (N,) int.
    """
    group = np.unique(group, return_inverse=True)[1]
    size = np.bincount(group)  # (G,)
    right = np.stack([np.bincount(group, row) for row in correct])  # (R, G)
    rng, drawn = np.random.default_rng(seed), np.empty((len(correct), RESAMPLES))
    for column in range(RESAMPLES):
        times = np.bincount(rng.integers(len(size), size=len(size)), minlength=len(size))
        drawn[:, column] = right @ times / (size @ times)
    return drawn


def interval(drawn):
    """The middle LEVEL percent of resampled values, as percent: 'low – high'."""
    low, high = np.percentile(100 * drawn, [(100 - LEVEL) / 2, (100 + LEVEL) / 2])
    return f'{low:.2f} – {high:.2f}'


def compare(judged, group, seed):
    """How sure the differences are: lines of text.

    Args:
        judged: {way of weighing: (N,) bool, clips it gets right}; the first is held against the others.
        group: (N,) int.
    """
    correct = np.stack(list(judged.values()))
    drawn = resampled_accuracy(correct, group, seed)
    first, *others = judged
    width = max(len(f'{first} − {other}') for other in others)
    yield f'{"":{width}}  top-1   {LEVEL} % interval ({RESAMPLES} bootstrap resamples of whole performances)'
    for name, row, values in zip(judged, correct, drawn):
        yield f'{name:{width}}  {100 * row.mean():6.2f}  {interval(values)}'
    for name, row, values in zip(others, correct[1:], drawn[1:]):
        difference = 100 * (correct[0].mean() - row.mean())
        yield f'{f"{first} − {name}":{width}}  {round(difference, 2) + 0.0:+6.2f}  {interval(drawn[0] - values)}'


def _minimum(function, start, lowest):
    """Where `function`, which gives its value and slope, is smallest, all ≥ lowest."""
    bounds = [(lowest, None)] * len(start)
    return minimize(function, start, jac=True, method='L-BFGS-B', bounds=bounds, options={'gtol': 1e-7}).x
