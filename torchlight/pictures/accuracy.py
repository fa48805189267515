"""The accuracy of each class as bars, the worst first."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from torchlight.metrics import class_accuracy, most_confused_with
from torchlight.pictures.figure import GREY, class_label, class_labels, new_figure, save

IN_A_COLUMN, MOST = 40, 240  # classes
BARS = 1.9  # inches of 100 %
SMALL = 7  # points of the text beside the bars


def draw_class_accuracy(path: str | Path, matrix: np.ndarray, title: str, classes: Sequence[str] = ()) -> None:
    """Write a PNG of the accuracy of each class (the MOST worst), lowest first, with what it is most often taken for.

    Parameters
    ----------
    path : path. The PNG file.
    matrix : (num_class, num_class) int. Confusions; rows are true classes. Classes without samples are left out.
    title : str.
    classes : str, one per class. Their names; shorter, or '' where a name is not known (default).
    """
    accuracy, clips = class_accuracy(matrix), matrix.sum(1)
    occurring = [number for number in np.argsort(accuracy, kind='stable') if clips[number]]
    order = occurring[:MOST]
    count = -(-len(order) // IN_A_COLUMN)  # of columns
    columns, rows = np.array_split(order, count), -(-len(order) // count)
    labels = [class_labels(column, classes) for column in columns]
    margin = 0.25 + 0.068 * max(len(label) for column in labels for label in column)
    taken_for = {number: _taken_for(matrix, number, classes) for number in order}
    beside = max(2.9, 0.65 + max(map(len, taken_for.values())) * SMALL * 0.0083)  # the value, and those texts
    each, height = margin + BARS + beside, 1.0 + 0.2 * max(rows, 5)
    width = each * count
    figure = new_figure(width, height)
    figure.text(0.15 / width, 1 - 0.28 / height, title, fontsize=11, fontweight='bold', va='center')
    mean = 100 * accuracy[occurring].mean()
    sentences = [f'The dashed line is the mean of {len(occurring)} classes, {mean:.2f} %.']
    sentences += [f'Only the {MOST} worst are shown.'] if len(order) < len(occurring) else []
    text = ' '.join([*sentences, 'Grey text is the most frequent error.'])
    figure.text(0.15 / width, 1 - 0.52 / height, text, fontsize=8, color=GREY, va='center')
    for place, (column, names) in enumerate(zip(columns, labels)):
        corner = (place * each + margin) / width, 0.3 / height
        axes = figure.add_axes((*corner, BARS / width, 1 - 1.0 / height))
        _draw_bars(axes, 100 * accuracy[column], names, rows)
        axes.axvline(mean, color=GREY, linewidth=0.9, linestyle='--')
        for y, number in enumerate(column):
            axes.text(103, y, f'{100 * accuracy[number]:5.1f}', fontsize=7.5, va='center')
            axes.text(122, y, taken_for[number], fontsize=SMALL, va='center', color=GREY)
    save(figure, path)


def _taken_for(matrix: np.ndarray, number: int, classes: Sequence[str]) -> str:
    """Return what a class is most often taken for, and how often; '' if it is always recognised."""
    other, times = most_confused_with(matrix, number)
    return f'{class_label(other, classes, 20)}, {times} of {matrix[number].sum()}' if times else ''


def _draw_bars(axes: Any, values: np.ndarray, labels: Sequence[str], rows: int) -> None:
    """Draw a column of bars in %, in the height of `rows` of them; the lower the value, the darker."""
    from matplotlib import colormaps

    axes.barh(range(len(values)), values, height=0.72, color=colormaps['cividis'](values / 100 * 0.85))
    axes.set_yticks(range(len(values)), labels, fontsize=7.5)
    axes.set(xlim=(0, 100), ylim=(rows - 0.5, -0.5), xticks=[0, 50, 100])
    axes.tick_params(axis='x', labelsize=7)
    axes.tick_params(axis='y', length=0)
    axes.spines[['top', 'right']].set_visible(False)
    axes.grid(axis='x', alpha=0.3)
    axes.set_axisbelow(True)
