"""The picture of a confusion matrix: an order that keeps the counts, names where their rows are, the worst pairs."""

import numpy as np
import pytest

from tests.helpers import picture
from torchlight.pictures import confusion
from torchlight.pictures.confusion import chosen, clustered, draw_confusion

NAMES = ['drink', 'wave', '', 'jump', 'sit', 'kick']
MATRIX = np.array(  # 0 and 4 are confused, and 1 and 5; 2 has no clips; 3 is always right
    [
        [6, 0, 0, 0, 4, 0],
        [0, 7, 1, 0, 0, 2],
        [0, 0, 0, 0, 0, 0],
        [0, 0, 0, 9, 0, 0],
        [3, 0, 0, 0, 7, 0],
        [0, 3, 0, 0, 0, 7],
    ]
)


@pytest.mark.parametrize('seed', range(5))
def test_the_order_is_a_permutation_that_keeps_the_counts(seed):
    rng = np.random.default_rng(seed)
    matrix = rng.integers(0, 9, (9, 9)) * rng.integers(0, 2, (9, 1))  # some classes have no clips
    order, _ = clustered(matrix / 9)
    assert sorted(order) == list(range(9))
    assert sorted(matrix[np.ix_(order, order)].diagonal()) == sorted(matrix.diagonal())
    assert matrix[np.ix_(order, order)].sum() == matrix.sum()


def test_confused_classes_stand_together_and_are_framed():
    order, blocks = clustered(MATRIX / 10)
    assert {frozenset(order[block].tolist()) for block in blocks} >= {frozenset({0, 4})}
    place = np.argsort(order)
    assert abs(place[0] - place[4]) == abs(place[1] - place[5]) == 1


def test_classes_that_are_never_confused_come_later_by_number():
    share = np.eye(5)
    share[3, 4] = 0.1
    assert sorted(clustered(share)[0][:2]) == [3, 4] and clustered(share)[0][2:].tolist() == [0, 1, 2]
    assert clustered(np.eye(4))[0].tolist() == [0, 1, 2, 3]


def test_classes_that_play_no_part_are_left_out_and_of_many_the_most_confused_stay(monkeypatch):
    assert chosen(MATRIX).tolist() == [0, 1, 2, 3, 4, 5] and chosen(np.diag([5, 0, 5])).tolist() == [0, 2]
    monkeypatch.setattr(confusion, 'MOST', 3)
    assert chosen(MATRIX).tolist() == [0, 1, 4]


def test_names_are_where_their_rows_are(tmp_path, figures):
    draw_confusion(tmp_path / 'x.png', MATRIX, 'top-1 50.00 %', NAMES)
    axes = figures[0].axes[0]
    rows, columns = ([x.get_text() for x in labels] for labels in (axes.get_yticklabels(), axes.get_xticklabels()))
    assert rows == columns and sorted(rows) == ['0 drink', '1 wave', '2', '3 jump', '4 sit', '5 kick']
    order = [int(label.split()[0]) for label in rows]
    shown = axes.images[0].get_array()
    for place, number in enumerate(order):
        if number == 2:
            assert shown[place].mask.all()  # no clips, so no shares
        else:
            assert shown[place].tolist() == pytest.approx(MATRIX[number][order] / MATRIX[number].sum())


def test_the_worst_pairs_are_named_beside_it(tmp_path, figures):
    draw_confusion(tmp_path / 'x.png', MATRIX, 'top-1 50.00 %', NAMES)
    texts = [text.get_text() for text in figures[0].texts]
    assert 'top-1 50.00 %' in texts
    pairs = next(text for text in texts if text.startswith('0 drink')).splitlines()
    assert pairs == ['0 drink → 4 sit', '4 sit → 0 drink', '5 kick → 1 wave', '1 wave → 5 kick', '1 wave → 2']
    assert '4 of 10\n3 of 10\n3 of 10\n2 of 10\n1 of 10' in texts


def test_a_hundred_and_twenty_classes_are_legible_without_those_that_play_no_part(tmp_path, figures):
    matrix = np.diag(np.full(120, 50))
    matrix[np.arange(0, 118, 2), np.arange(1, 118, 2)] = 9
    matrix[118:] = 0
    draw_confusion(tmp_path / 'x.png', matrix, 'top-1', ['a rather long name of a class, longer than most'] * 120)
    width, height = figures[0].get_size_inches() * figures[0].dpi
    labels = figures[0].axes[0].get_yticklabels()
    assert len(labels) == 118 and 1400 < height < width < 2600
    pixels = figures[0].axes[0].get_window_extent().height / 118
    assert labels[0].get_fontsize() >= 6 and labels[0].get_fontsize() / 72 * figures[0].dpi < pixels  # no overlaps
    assert any(text.get_text().startswith('2 classes without clips') for text in figures[0].texts)


@pytest.mark.parametrize('matrix', [np.eye(12, dtype=int), np.array([[0, 2], [0, 0]])])
def test_any_matrix_can_be_drawn(tmp_path, matrix):
    draw_confusion(tmp_path / 'x.png', matrix, 'x')
    picture(tmp_path / 'x.png')
