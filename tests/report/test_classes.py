"""The hardest classes and the most confused pairs."""

import numpy as np

from torchlight.report.classes import MOST_ROWS, confused_pairs, worst_classes

MATRIX = np.array([[8, 2, 0, 0], [5, 5, 0, 0], [0, 0, 3, 0], [0, 0, 0, 0]])  # the fourth class has no clips


def test_the_worst_classes_come_first_and_perfect_ones_not_at_all():
    rows = worst_classes(MATRIX, ['drink', 'eat']).rows
    assert [row[0] for row in rows] == ['1 eat', '0 drink']
    assert rows[0] == ['1 eat', '50.00 %', '23.66 – 76.34 %', 10, '0 drink (5)']
    assert worst_classes(np.eye(3, dtype=int), []).rows == []


def test_pairs_are_ordered_by_their_clips():
    rows = confused_pairs(MATRIX, ['drink', 'eat', '']).rows
    assert rows == [['1 eat', '0 drink', 5, '50.00 %', 2], ['0 drink', '1 eat', 2, '20.00 %', 5]]
    assert len(confused_pairs(np.ones((9, 9), int), []).rows) == MOST_ROWS
