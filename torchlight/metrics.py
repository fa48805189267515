"""What is reported of scores. Legend: N clips, K classes."""

from typing import NamedTuple

import numpy as np
from scipy.special import logsumexp
from sklearn.metrics import confusion_matrix


def top_k_accuracy(scores, label, k):
    """Share of the clips (N,) whose label is among the k highest of their scores (N, K)."""
    k = min(k, scores.shape[1])
    best = np.argpartition(scores, -k, axis=1)[:, -k:]
    return float((best == label[:, None]).any(1).mean())


def confusion(predicted, label, num_class):
    """(K, K) counts, row: true class, column: predicted; every class has its place."""
    return confusion_matrix(label, predicted, labels=np.arange(num_class))


def class_accuracy(matrix):
    """(K,) share of each row that is on the diagonal; 0 for a class without clips."""
    return matrix.diagonal() / matrix.sum(1).clip(1)


class Means:
    """Means of named values, weighted by their counts."""

    def __init__(self):
        self.sums, self.counts = {}, {}

    def add(self, count, **values):
        for name, value in values.items():
            self.sums[name] = self.sums.get(name, 0.0) + float(value) * count
            self.counts[name] = self.counts.get(name, 0) + count

    def result(self, gather=lambda own: [own]):
        """{name: mean}, of all the processes that `gather` brings together."""
        shares = gather((self.sums, self.counts))
        return {
            name: sum(sums[name] for sums, _ in shares) / sum(counts[name] for _, counts in shares)
            for name in self.sums
        }


class Evaluation(NamedTuple):
    """label: (N,) int64. scores: (N, K) float32 logits in data set order. refined: likewise by the FRM, or None."""

    label: np.ndarray
    scores: np.ndarray
    refined: np.ndarray | None = None

    @property
    def loss(self):
        """Mean cross entropy of the scores."""
        return float((logsumexp(self.scores, 1) - self.scores[np.arange(len(self.label)), self.label]).mean())

    def top(self, k):
        """Share of the clips whose label is among the k highest scores."""
        return top_k_accuracy(self.scores, self.label, k)

    def confusion(self):
        """(K, K) counts, row: true class, column: predicted."""
        return confusion(self.scores.argmax(1), self.label, self.scores.shape[1])

    def lines(self, part, show_topk):
        """The lines of the log: loss and accuracies, of the refined scores too where there are any."""
        yield f'Mean {part} loss of {len(self.label)} clips: {self.loss:.4f}.'
        for k in show_topk:
            refined = (
                ''
                if self.refined is None
                else f', {100 * top_k_accuracy(self.refined, self.label, k):.2f}% with the FRM'
            )
            yield f'Top{k}: {100 * self.top(k):.2f}%{refined}'
