"""The search for weights."""

import re

import numpy as np
import pytest

from Ensemble import search
from tests.Ensemble.scores import NTU, acc, label_of, output, row, ucla_flags
from torchlight.intervals import resampled_accuracy


def test_halves_share_classes_and_no_performance():
    label, group = np.array([label_of(name) for name in NTU]), search.groups_of(NTU)
    half = search.half_of(label, group, 0)
    assert not set(group[half]) & set(group[~half]) and len(set(group)) == 120  # three cameras see each
    assert (np.bincount(label[half]) == np.bincount(label[~half])).all()
    order = np.random.default_rng(0).permutation(len(NTU))
    assert (search.half_of(label[order], search.groups_of([NTU[i] for i in order]), 0) == half[order]).all()
    assert (search.half_of(label, group, 1) != half).any()


def test_cross_entropy_slopes_as_its_differences_say():
    rng = np.random.default_rng(0)
    scores, label, rate = rng.normal(size=(3, 5000, 4)), rng.integers(0, 4, 5000), np.array([0.5, 1, 2])
    loss, slope = search.cross_entropy(rate, scores, label)
    steps = [search.cross_entropy(rate + 1e-5 * unit, scores, label)[0] - loss for unit in np.eye(3)]
    np.testing.assert_allclose(np.array(steps) / 1e-5, slope, atol=1e-4)


@pytest.mark.parametrize('scale', [1, 1e-4, 1e4])
def test_search_trusts_the_stream_that_knows(scale):
    label = np.random.default_rng(0).integers(0, 5, 3000)
    scores = np.random.default_rng(1).normal(size=(3, 3000, 5))
    scores[1, np.arange(3000), label] += 2
    rate = search.find_rates(scores * scale, label)
    assert rate[1] == 1 and rate[[0, 2]].max() < 0.1
    few, true = scores[:, :40], label[:40]
    np.testing.assert_allclose(search.find_rates(few * scale, true), search.find_rates(few, true), atol=1e-3)
    assert search.find_rates(few, true).min() > 0.2  # so few clips do not turn a stream off
    assert np.array_equal(search.find_rates(np.zeros((2, 9, 5)), label[:9]), [1, 1])


def test_resampled_accuracies_spread_as_draws_of_groups_do():
    correct = np.random.default_rng(0).random((1, 300)) < 0.8
    alone = resampled_accuracy(correct, np.arange(300), 0)
    p = correct.mean()
    assert abs(alone.mean() - p) < 0.003 and alone.std() == pytest.approx(np.sqrt(p * (1 - p) / 300), rel=0.1)
    thrice = resampled_accuracy(np.repeat(correct, 3, 1), np.repeat(np.arange(300), 3), 0)
    assert np.array_equal(thrice, alone)  # copies add clips, not certainty


def test_search_scores_the_other_half_and_its_weights_come_back(shared, capsys):
    text = output(capsys, *ucla_flags(shared), '--search', '--seed', 3)
    assert 'total_num: 232\n' in text and 'searched − equal' in text and 'equal weights' in text
    rates = re.search('^--rates (.*)$', text, re.M)[1].split()
    again = output(capsys, *ucla_flags(shared), '--search', '--seed', 3)
    assert again == text and row(text, 'J')[0] == float(rates[0].removeprefix('J='))
    whole = output(capsys, *ucla_flags(shared), '--rates', *rates)
    assert 'total_num: 464\n' in whole and acc(whole) > 0.955
    on_test = output(capsys, *ucla_flags(shared), '--search-on-test')
    assert 'too high' in on_test and 'total_num: 464\n' in on_test and acc(on_test) >= 0.9612
