"""How certain a figure is: 95 % confidence intervals of accuracies and of their differences, and paired tests.

Legend: N samples, G groups, R classifiers.
"""

from collections.abc import Sequence

import numpy as np
from scipy.special import ndtri

LEVEL, RESAMPLES = 95, 10_000  # percent; draws of a bootstrap
Interval = tuple[float, float]


def wilson(right: int, total: int) -> Interval:
    """Return Wilson's interval of an accuracy, of which `right` of `total` samples are known.

    It is the range of true accuracies that the observed one does not contradict; unlike the usual mean ± deviation, it
    stays within 0 and 1 and holds for few samples and near 100 %.
    """
    z = float(ndtri(0.5 + LEVEL / 200))
    share, weight = right / total, z**2 / total
    centre = (share + weight / 2) / (1 + weight)
    half = z / (1 + weight) * float(np.sqrt(share * (1 - share) / total + weight / (4 * total)))
    return max(centre - half, 0.0), min(centre + half, 1.0)


def paired_difference(first: np.ndarray, second: np.ndarray, seed: int = 0) -> tuple[float, Interval]:
    """Return accuracy of `first` − accuracy of `second` on the same samples, and its interval, by bootstrap.

    A resample draws N samples with replacement. The difference depends only on how many of them only the first, and
    only the second, classifies correctly, so that these numbers are drawn instead.

    Parameters
    ----------
    first, second : (N,) bool. Which samples each classifies correctly.
    seed : int. Seed of the draws (default 0).
    """
    gained, lost = only_one(first, second)
    total = len(first)
    shares = np.array([gained, lost, total - gained - lost]) / total
    drawn = np.random.default_rng(seed).multinomial(total, shares, RESAMPLES)  # (RESAMPLES, 3)
    return (gained - lost) / total, middle((drawn[:, 0] - drawn[:, 1]) / total)


def resampled_accuracy(correct: np.ndarray, group: np.ndarray, seed: int) -> np.ndarray:
    """Bootstrap: compute accuracies over whole groups that are drawn with replacement.

    Samples of one group, such as the clips of a subject, resemble each other, so that their number alone makes an
    accuracy look more certain than it is.

    Parameters
    ----------
    correct : (R, N) bool. One row for each classifier.
    group : (N,) int.
    seed : int. Seed of the draws.

    Returns
    -------
    (R, RESAMPLES) float64.
    """
    group = np.unique(group, return_inverse=True)[1]
    size = np.bincount(group)  # (G,)
    right = np.stack([np.bincount(group, row) for row in correct])  # (R, G)
    rng, drawn = np.random.default_rng(seed), np.empty((len(correct), RESAMPLES))
    for column in range(RESAMPLES):
        times = np.bincount(rng.integers(len(size), size=len(size)), minlength=len(size))
        drawn[:, column] = right @ times / (size @ times)
    return drawn


def middle(drawn: np.ndarray) -> Interval:
    """Return the bounds of the middle LEVEL percent of resampled values."""
    low, high = np.percentile(drawn, [(100 - LEVEL) / 2, (100 + LEVEL) / 2])
    return float(low), float(high)


def percents(interval: Interval) -> str:
    """Write an interval of shares in percent, '88.10 – 91.90'."""
    return f'{100 * interval[0]:.2f} – {100 * interval[1]:.2f}'


def only_one(first: np.ndarray, second: np.ndarray) -> tuple[int, int]:
    """Count the samples that only the first, and only the second, classifies correctly."""
    return int((first & ~second).sum()), int((second & ~first).sum())


def mcnemar(only_first: int, only_second: int) -> float:
    """Return the p-value of McNemar's exact test.

    It is the probability that samples which only one of two equally good classifiers gets right would be divided as
    unevenly as these, or more.
    """
    from scipy.stats import binomtest  # takes half a second to import

    discordant = only_first + only_second
    return float(binomtest(only_first, discordant, 0.5).pvalue) if discordant else 1.0


def paired_t(first: np.ndarray, second: np.ndarray) -> tuple[float, Interval, float]:
    """Return the mean of `first` − `second`, its interval, and the p-value of the paired t-test.

    Parameters
    ----------
    first, second : (N,) float, N ≥ 2. Accuracies of trainings that have the same seed.
    """
    from scipy.stats import ttest_1samp  # takes half a second to import

    difference = np.asarray(first) - np.asarray(second)
    mean = float(difference.mean())
    if np.ptp(difference) < 1e-9:  # equal trainings; or a difference that says nothing about how much it varies
        half = np.inf if abs(mean) > 1e-9 else 0.0
        return mean, (mean - half, mean + half), 1.0
    test = ttest_1samp(difference, 0)
    low, high = test.confidence_interval(LEVEL / 100)
    return mean, (float(low), float(high)), float(test.pvalue)


def holm(p: Sequence[float]) -> list[float]:
    """Correct the p-values of several tests by Holm's method.

    The k-th smallest of n is multiplied by n + 1 − k and becomes no smaller than those before it. Where no difference
    is real, one in twenty such families of tests has a corrected value below 0.05.
    """
    corrected, largest = [0.0] * len(p), 0.0
    for rank, k in enumerate(sorted(range(len(p)), key=lambda k: p[k])):
        largest = max(largest, min(1.0, (len(p) - rank) * p[k]))
        corrected[k] = largest
    return corrected
