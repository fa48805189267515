"""Intervals and tests of accuracies."""

import numpy as np
import pytest
from scipy.stats import binomtest, ttest_rel

from torchlight.intervals import holm, mcnemar, only_one, paired_difference, paired_t, wilson


@pytest.mark.parametrize('right, total', [(0, 5), (5, 5), (446, 464), (1, 3)])
def test_wilson_is_that_of_the_library(right, total):
    expected = binomtest(right, total).proportion_ci(method='wilson')
    np.testing.assert_allclose(wilson(right, total), (expected.low, expected.high), atol=1e-12)


def test_the_bootstrap_is_about_as_wide_as_theory_says():
    first, second = np.zeros((2, 400), bool)
    first[:60], second[40:80] = True, True  # 40 only first, 20 only second
    difference, (low, high) = paired_difference(first, second)
    half = 1.96 * np.sqrt((60 / 400 - (20 / 400) ** 2) / 400)
    assert difference == 0.05 and low == pytest.approx(0.05 - half, abs=0.004)
    assert high == pytest.approx(0.05 + half, abs=0.004)
    assert paired_difference(first, second) == (difference, (low, high))
    assert paired_difference(first, first) == (0, (0, 0))


def test_mcnemar_looks_only_at_the_samples_that_differ():
    first, second = np.array([1, 1, 1, 1, 0, 0], bool), np.array([0, 0, 0, 1, 1, 0], bool)
    assert only_one(first, second) == (3, 1) and only_one(second, first) == (1, 3)
    assert mcnemar(3, 1) == mcnemar(1, 3) == pytest.approx(2 * (1 + 4) / 16)
    assert mcnemar(0, 0) == 1 and mcnemar(10, 0) == pytest.approx(2 / 1024)


def test_the_paired_test_is_that_of_the_library():
    first, second = np.random.default_rng(0).normal(size=(2, 8))
    mean, (low, high), p = paired_t(first, second)
    expected = ttest_rel(first, second)
    assert mean == pytest.approx((first - second).mean()) and p == pytest.approx(expected.pvalue)
    assert (low, high) == pytest.approx(tuple(expected.confidence_interval(0.95)))
    assert paired_t(first, first) == (0, (0, 0), 1)
    assert paired_t(first + 1, first)[1:] == ((-np.inf, np.inf), 1)


def test_holm_corrects_the_smallest_most_and_keeps_the_order():
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.5, 0.9]) == [1, 1] and holm([]) == []
