"""The hardest classes and the most confused pairs."""

import numpy as np

from torchlight.metrics import confused_pairs
from torchlight.report.classes import MOST_ROWS, pairs_table, worst_classes

MATRIX = np.array([[8, 2, 0, 0], [5, 5, 0, 0], [0, 0, 3, 0], [0, 0, 0, 0]])  # the fourth class has no clips


def test_the_worst_classes_come_first_and_perfect_ones_not_at_all():
    rows = worst_classes(MATRIX, ['drink', 'eat']).rows
    assert [row[0] for row in rows] == ['1 eat', '0 drink']
    assert rows[0] == ['1 eat', '50.00 %', '23.66 – 76.34 %', 10, '0 drink (5)']
    assert worst_classes(np.eye(3, dtype=int), []).rows == []


def test_pairs_are_ordered_by_their_clips():
    rows = pairs_table(MATRIX, ['drink', 'eat', '']).rows
    assert rows == [['1 eat', '0 drink', 5, '50.00 %', 2], ['0 drink', '1 eat', 2, '20.00 %', 5]]
    assert len(pairs_table(np.ones((9, 9), int), []).rows) == MOST_ROWS


def test_pairs_of_equally_many_clips_are_ordered_as_in_confused_pairs_csv():
    matrix = np.array([[18, 2, 0], [0, 8, 2], [2, 0, 2]])
    rows = pairs_table(matrix, []).rows
    assert [(int(row[0]), int(row[1]), row[2]) for row in rows] == confused_pairs(matrix)
    assert [row[0] for row in rows] == ['2', '1', '0']  # the highest share of the true class first
