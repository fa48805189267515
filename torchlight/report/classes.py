"""The classes of an evaluation: which are hardest, and which are taken for each other."""

from collections.abc import Sequence

import numpy as np

from torchlight.intervals import wilson
from torchlight.metrics import class_accuracy
from torchlight.report.page import Table, class_title, percent, percents

MOST_ROWS = 10


def worst_classes(matrix: np.ndarray, classes: Sequence[str]) -> Table:
    """Return the classes of the lowest accuracy, of those that have wrong samples.

    Parameters
    ----------
    matrix : (num_class, num_class) int. Samples of each (true class, predicted class).
    classes : str, one per class. Names; '' or nothing where one is not known.
    """
    accuracy, count = class_accuracy(matrix), matrix.sum(1)
    rows = []
    for label in [k for k in np.argsort(accuracy, kind='stable').tolist() if accuracy[k] < 1 and count[k]][:MOST_ROWS]:
        others = matrix[label].copy()
        others[label] = 0
        most = int(others.argmax())
        taken = f'{class_title(most, classes)} ({others[most]})' if others[most] else '–'
        right, total = int(matrix[label, label]), int(count[label])
        rows.append(
            [class_title(label, classes), percent(accuracy[label]), percents(wilson(right, total)), total, taken]
        )
    heads = ['class', 'accuracy', '95 % interval', 'clips', 'most often taken for']
    return Table('Classes with the lowest accuracy', heads, rows)


def confused_pairs(matrix: np.ndarray, classes: Sequence[str]) -> Table:
    """Return the pairs (true class, predicted class) of the most wrong samples."""
    wrong = matrix * ~np.eye(len(matrix), dtype=bool)
    rows = []
    for place in np.argsort(-wrong, axis=None, kind='stable')[:MOST_ROWS].tolist():
        true, predicted = divmod(place, len(matrix))
        count, back = int(wrong[true, predicted]), int(wrong[predicted, true])
        if count:
            share = percent(count / matrix[true].sum())
            rows.append([class_title(true, classes), class_title(predicted, classes), count, share, back])
    heads = ['true class', 'predicted class', 'clips', 'of the true class', 'the other way round']
    return Table('Most confused pairs', heads, rows)
