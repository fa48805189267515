"""The classes of an evaluation: which are hardest, and which are taken for each other."""

from collections.abc import Sequence

import numpy as np

from torchlight.class_names import class_title
from torchlight.intervals import wilson
from torchlight.metrics import class_accuracy, confused_pairs, most_confused_with
from torchlight.report.page import Table, percent, percents

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
        other, times = most_confused_with(matrix, label)
        right, total = int(matrix[label, label]), int(count[label])
        shares = percent(accuracy[label]), percents(wilson(right, total))
        rows.append([class_title(label, classes), *shares, total, f'{class_title(other, classes)} ({times})'])
    heads = ['class', 'accuracy', '95 % interval', 'clips', 'most often taken for']
    return Table('Classes with the lowest accuracy', heads, rows)


def pairs_table(matrix: np.ndarray, classes: Sequence[str]) -> Table:
    """Return the most confused pairs of classes, in the order of `confused_pairs`.

    Parameters
    ----------
    matrix, classes : see `worst_classes`.
    """
    rows = []
    for true, predicted, count in confused_pairs(matrix)[:MOST_ROWS]:
        share, back = percent(count / matrix[true].sum()), int(matrix[predicted, true])
        rows.append([class_title(true, classes), class_title(predicted, classes), count, share, back])
    heads = ['true class', 'predicted class', 'clips', 'share of the true class', 'confused the other way round']
    return Table('Most confused pairs', heads, rows)
