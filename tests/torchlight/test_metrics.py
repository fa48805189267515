"""Accuracies, confusion, means and rankings, by hand and against scikit-learn."""

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, log_loss, top_k_accuracy_score

from torchlight.errors import InputError
from torchlight.metrics import (
    Evaluation,
    Means,
    class_accuracy,
    confused_pairs,
    confusion,
    improves,
    in_top_k,
    most_confused_with,
    top_k_accuracy,
)

RNG = np.random.default_rng(0)
SCORES, LABEL = RNG.normal(size=(40, 6)).astype(np.float32), RNG.integers(0, 6, 40)
HAND = np.array([[3.0, 2, 1, 0], [0, 3, 2, 1], [0, 1, 2, 3], [3, 2, 1, 0]])  # best classes 0, 1, 3, 0
LOGITS = np.log(np.array([[0.1, 0.2, 0.7], [0.5, 0.25, 0.25]]))


@pytest.mark.parametrize('k', [1, 2, 5])
def test_top_k_equals_scikit_learn(k):
    expected = top_k_accuracy_score(LABEL, SCORES, k=k, labels=range(6))
    assert top_k_accuracy(SCORES, LABEL, k) == pytest.approx(expected)


def test_top_k_by_hand():
    label = np.array([0, 2, 0, 2])
    assert [top_k_accuracy(HAND, label, k) for k in (1, 2, 3, 4)] == [0.25, 0.5, 0.75, 1]


def test_more_ranks_than_classes_is_all_of_them():
    assert top_k_accuracy(HAND, np.zeros(4, int), 9) == 1


def test_absent_classes_have_their_place():
    matrix = confusion(np.array([0, 3, 0]), np.array([0, 0, 3]), 5)
    expected = np.zeros((5, 5))
    expected[0, 0] = expected[0, 3] = expected[3, 0] = 1  # row: true, column: predicted
    assert np.array_equal(matrix, expected)
    assert class_accuracy(matrix).tolist() == [0.5, 0, 0, 0, 0]


def test_an_evaluation_equals_scikit_learn():
    result = Evaluation(range(40), LABEL, SCORES)
    probability = np.exp(SCORES) / np.exp(SCORES).sum(1, keepdims=True)
    assert result.loss == pytest.approx(log_loss(LABEL, probability, labels=range(6)), rel=1e-5)
    assert result.top(1) == pytest.approx(accuracy_score(LABEL, SCORES.argmax(1)))
    assert result.confusion().sum() == 40 and result.confusion().trace() / 40 == pytest.approx(result.top(1))


def test_large_scores_do_not_overflow():
    assert Evaluation(['a'], np.array([0]), np.array([[1e4, 0]], np.float32)).loss == 0


def test_the_lines_of_the_log():
    label = np.array([0, 1, 3, 1])
    assert list(Evaluation('abcd', label, HAND, refined=-HAND).lines('test', [1, 2], 'with the FRM')) == [
        f'Mean test loss of 4 clips: {Evaluation("abcd", label, HAND).loss:.4f}.',
        'Top1: 75.00%, 0.00% with the FRM',
        'Top2: 100.00%, 0.00% with the FRM',
    ]
    assert list(Evaluation('abcd', label, HAND).lines('test', [1]))[1] == 'Top1: 75.00%'


def test_means_count_clips_not_batches():
    means = Means()
    means.add(3, loss=1.0, accuracy=0.0)
    means.add(1, loss=5.0)
    assert means.result() == {'loss': 2.0, 'accuracy': 0.0}


def test_equal_scores_rank_by_class_as_argmax_ranks_them():
    scores = RNG.integers(0, 4, (500, 7)).astype(np.float32)
    label = RNG.integers(0, 7, 500)
    assert np.array_equal(in_top_k(scores, label, 1), scores.argmax(1) == label)
    for k in range(1, 8):
        best = np.argsort(-scores, axis=1, kind='stable')[:, :k]
        assert np.array_equal(in_top_k(scores, label, k), (best == label[:, None]).any(1))


def test_a_score_that_is_not_a_number_is_never_among_the_highest():
    assert not in_top_k(np.array([[np.nan, 1.0, 2.0]]), np.array([0]), 3).any()


def test_confusions_are_listed_the_most_frequent_first_then_by_their_share():
    matrix = np.array([[6, 2, 2], [2, 0, 0], [4, 1, 90]])
    assert confused_pairs(matrix) == [(2, 0, 4), (1, 0, 2), (0, 1, 2), (0, 2, 2), (2, 1, 1)]
    assert [most_confused_with(matrix, number) for number in range(3)] == [(1, 2), (0, 2), (0, 4)]
    assert confused_pairs(np.eye(3, dtype=int)) == [] and most_confused_with(np.eye(3, dtype=int), 1)[1] == 0


@pytest.mark.parametrize('bad', [np.nan, np.inf])
def test_scores_that_are_not_finite_are_refused_with_the_clips_they_belong_to(bad):
    scores = np.zeros((3, 2), np.float32)
    assert Evaluation.of('abc', np.zeros(3, int), scores).scores is scores
    refined = scores.copy()
    refined[1, 0] = bad
    with pytest.raises(InputError, match=r'^the scores of 1 of 3 clips are infinite or nan, .*: b; '):
        Evaluation.of('abc', np.zeros(3, int), scores, refined)


@pytest.mark.parametrize(
    'top1, loss, better', [(0.6, 3, True), (0.5, 0.8, True), (0.5, 0.9, False), (0.5, 1, False), (0.4, 0.1, False)]
)
def test_among_equal_accuracies_the_lower_loss_is_the_best(top1, loss, better):
    history = [{'epoch': 3, 'val': {'top1': 0.5, 'loss': 0.1}}, {'epoch': 4, 'val': {'top1': 0.5, 'loss': 0.9}}]
    history.append({'epoch': 5, 'train': {}})
    assert improves({'top1': top1, 'loss': loss}, {'accuracy': 0.5, 'epoch': 4}, history) == better
    assert improves({'top1': top1, 'loss': loss}, None, [])
