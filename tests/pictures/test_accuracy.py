"""The bars of the classes' accuracies: sorted, named, and with what each class is taken for."""

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg

from tests.helpers import picture
from torchlight.pictures.accuracy import draw_class_accuracy

MATRIX = np.array([[9, 1, 0], [0, 0, 0], [3, 2, 5]])


def bars(figure):
    """[(label, value)] of all columns."""
    return [
        (label.get_text(), round(bar.get_width(), 2))
        for axes in figure.axes
        for label, bar in zip(axes.get_yticklabels(), axes.patches)
    ]


def test_bars_are_sorted_and_named_and_classes_without_clips_are_left_out(tmp_path, figures):
    draw_class_accuracy(tmp_path / 'x.png', MATRIX, 'accuracy', ['sit', 'jump'])
    assert bars(figures[0]) == [('2', 50), ('0 sit', 90)]
    texts = [text.get_text() for text in figures[0].axes[0].texts]
    assert texts == [' 50.0', '0 sit, 3 of 10', ' 90.0', '1 jump, 1 of 10']


def test_many_classes_stand_in_columns_of_equal_height(tmp_path, drawn):
    matrix = np.diag(np.arange(1, 51)) + 1
    draw_class_accuracy(tmp_path / 'x.png', matrix, 'accuracy', ['x'] * 50)
    height, width, _ = picture(tmp_path / 'x.png').shape
    assert [len(axes.patches) for axes in drawn[0].axes] == [25, 25] and width > height
    values = [value for _, value in bars(drawn[0])]
    assert values == sorted(values) and len({name for name, _ in bars(drawn[0])}) == 50


def test_of_very_many_classes_the_worst_are_shown(tmp_path, figures, monkeypatch):
    monkeypatch.setattr('torchlight.pictures.accuracy.MOST', 2)
    draw_class_accuracy(tmp_path / 'x.png', np.diag([8, 1, 5]) + 1, 'accuracy')
    assert bars(figures[0]) == [('1', 50), ('2', 75)]
    assert 'the mean of 3 classes, 68.94 %. Only the 2 worst are shown. Grey' in figures[0].texts[1].get_text()


def test_the_longest_texts_end_before_the_next_column_and_the_edge(tmp_path, figures):
    matrix = np.diag([5000] * 42) + 1111 * np.eye(42, k=1, dtype=int)
    draw_class_accuracy(tmp_path / 'x.png', matrix, 'accuracy', ['take object out of the other bag'] * 42)
    figure = figures[0]
    renderer = FigureCanvasAgg(figure).get_renderer()
    ends = [max(text.get_window_extent(renderer).x1 for text in axes.texts) for axes in figure.axes]
    starts = [min(label.get_window_extent(renderer).x0 for label in axes.get_yticklabels()) for axes in figure.axes]
    assert all(end < start for end, start in zip(ends, [*starts[1:], figure.bbox.width - 5]))
