"""Metrics of scores: accuracies and confusion matrices.

Legend: N samples.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from scipy.special import logsumexp

from torchlight.errors import InputError, first_few


def in_top_k(scores: np.ndarray, label: np.ndarray, k: int) -> np.ndarray:
    """Return for each sample whether its label is among its k highest scores.

    Equal scores rank by class number, lowest first, as argmax ranks them, so k = 1 is `scores.argmax(1) == label`
    (for scores without NaN).

    Parameters
    ----------
    scores : (N, num_class). A NaN in the label's place is never among the highest.
    label : (N,) int. True classes.
    k : int. How many classes count.

    Returns
    -------
    (N,) bool.
    """
    own = np.take_along_axis(scores, label[:, None], 1)  # (N, 1)
    ahead = np.count_nonzero(scores > own, axis=1)
    tied = np.flatnonzero(np.count_nonzero(scores >= own, axis=1) > ahead + 1)
    lower = np.arange(scores.shape[1]) < label[tied, None]
    ahead[tied] += np.count_nonzero((scores[tied] == own[tied]) & lower, axis=1)
    return (ahead < k) & ~np.isnan(own[:, 0])


def top_k_accuracy(scores: np.ndarray, label: np.ndarray, k: int) -> float:
    """Share of the samples whose label is among the k highest of their scores, see `in_top_k`."""
    return float(in_top_k(scores, label, k).mean())


def confusion(predicted: np.ndarray, label: np.ndarray, num_class: int) -> np.ndarray:
    """Count the samples of each (true class, predicted class).

    Parameters
    ----------
    predicted, label : (N,) int.
    num_class : int. Every class has a row and a column, whether it occurs or not.

    Returns
    -------
    (num_class, num_class) int. Rows are true classes, columns predicted ones.
    """
    return np.bincount(label * num_class + predicted, minlength=num_class**2).reshape(num_class, num_class)


def class_accuracy(matrix: np.ndarray) -> np.ndarray:
    """Accuracy of each class from a confusion matrix; 0 for a class without samples."""
    return matrix.diagonal() / matrix.sum(1).clip(1)


def confused_pairs(matrix: np.ndarray) -> list[tuple[int, int, int]]:
    """Return (true class, predicted class, count) of all confusions, the most frequent first.

    Equal counts are ordered by their share of the true class, then by the numbers of the classes.

    Parameters
    ----------
    matrix : (num_class, num_class) int. Rows are true classes, columns predicted ones.
    """
    wrong = matrix - np.diag(matrix.diagonal())
    true, predicted = np.nonzero(wrong)
    count = wrong[true, predicted]
    order = np.lexsort((predicted, true, -count / matrix.sum(1)[true], -count))
    return [(int(true[i]), int(predicted[i]), int(count[i])) for i in order]


def most_confused_with(matrix: np.ndarray, true: int) -> tuple[int, int]:
    """Return the class that samples of class `true` are most often taken for, and how often; (…, 0) if for none.

    Parameters
    ----------
    matrix : (num_class, num_class) int. Rows are true classes, columns predicted ones.
    true : int. A class; of equally frequent ones the lowest counts.
    """
    wrong = np.where(np.arange(len(matrix)) == true, 0, matrix[true])
    return int(wrong.argmax()), int(wrong.max())


class Means:
    """Means of named values, weighted by their counts."""

    def __init__(self) -> None:
        self.sums: dict[str, float] = {}
        self.counts: dict[str, int] = {}

    def state(self) -> dict[str, dict[str, Any]]:
        """Return what a checkpoint needs to go on adding."""
        return {'sums': dict(self.sums), 'counts': dict(self.counts)}

    def restore(self, state: Mapping[str, Mapping[str, Any]]) -> None:
        """Go on from what `state` returned."""
        self.sums, self.counts = dict(state['sums']), dict(state['counts'])

    def add(self, count: int, **values: float) -> None:
        """Add values that are means over `count` samples."""
        for name, value in values.items():
            self.sums[name] = self.sums.get(name, 0.0) + float(value) * count
            self.counts[name] = self.counts.get(name, 0) + count

    def result(self, gather: Callable[[Any], list] = lambda own: [own]) -> dict[str, float]:
        """Return {name: mean} over all the processes whose sums `gather` collects."""
        shares = gather((self.sums, self.counts))
        return {
            name: sum(sums[name] for sums, _ in shares) / sum(counts[name] for _, counts in shares)
            for name in self.sums
        }


class Evaluation(NamedTuple):
    """The scores of a data set.

    Attributes
    ----------
    name : N str. The samples' names, in data set order.
    label : (N,) int64. True classes.
    scores : (N, num_class) float32. Logits.
    refined : (N, num_class) float32 or None. Logits refined by a helper branch.
    classes : str, one per class. Their names; shorter, or '' where a name is not known.
    feature : (N, D) float32 or None. What the samples were classified by.
    """

    name: Sequence[str]
    label: np.ndarray
    scores: np.ndarray
    refined: np.ndarray | None = None
    classes: Sequence[str] = ()
    feature: np.ndarray | None = None

    @classmethod
    def of(
        cls,
        name: Sequence[str],
        label: np.ndarray,
        scores: np.ndarray,
        refined: np.ndarray | None = None,
        classes: Sequence[str] = (),
        feature: np.ndarray | None = None,
    ) -> 'Evaluation':
        """Make one of these attributes.

        Raises
        ------
        InputError
            If scores are infinite or nan; it says of how many samples, with the first names.
        """
        kinds = [scores] if refined is None else [scores, refined]
        wrong = [name[i] for i in np.flatnonzero(~np.logical_and.reduce([np.isfinite(s).all(1) for s in kinds]))]
        if wrong:
            raise InputError(
                f'the scores of {len(wrong)} of {len(name)} clips are infinite or nan, so they classify nothing: '
                f'{first_few(wrong)}; look for values that no skeleton has, or for weights that have diverged'
            )
        return cls(name, label, scores, refined, classes, feature)

    @property
    def loss(self) -> float:
        """Mean cross entropy of the scores."""
        return float((logsumexp(self.scores, 1) - self.scores[np.arange(len(self.label)), self.label]).mean())

    def top(self, k: int) -> float:
        """Share of the samples whose label is among the k highest scores."""
        return top_k_accuracy(self.scores, self.label, k)

    def confusion(self) -> np.ndarray:
        """(num_class, num_class) counts; rows are true classes, columns predicted ones."""
        return confusion(self.scores.argmax(1), self.label, self.scores.shape[1])

    def lines(self, part: str, show_topk: Sequence[int], refined_by: str = 'refined') -> Iterator[str]:
        """Yield the lines of the log: loss and accuracies, and those of refined scores if there are any."""
        yield f'Mean {part} loss of {len(self.label)} clips: {self.loss:.4f}.'
        for k in show_topk:
            refined = ''
            if self.refined is not None:
                refined = f', {100 * top_k_accuracy(self.refined, self.label, k):.2f}% {refined_by}'
            yield f'Top{k}: {100 * self.top(k):.2f}%{refined}'


def improves(result: Mapping[str, float], best: Mapping[str, Any] | None, history: Sequence[Mapping[str, Any]]) -> bool:
    """Return whether an evaluation is the best so far; among equal accuracies the lower loss decides.

    Parameters
    ----------
    result : {'top1', 'loss', …}. The evaluation.
    best : {'accuracy', 'epoch', …} or None. The best epoch before it.
    history : dicts, one per epoch before it. Those that were evaluated have 'epoch' and 'val', a dict like `result`.
    """
    losses = {row['epoch']: row['val']['loss'] for row in history if 'loss' in row.get('val', {})}
    return best is None or (result['top1'], -result['loss']) > (best['accuracy'], -losses.get(best['epoch'], np.inf))
