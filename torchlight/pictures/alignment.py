"""How alike the features of two networks are for the same clips: a matrix whose bright diagonal shows alignment."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from torchlight.pictures.figure import GREY, class_labels, new_figure, save

SIDE = 6.5  # inches of a matrix of few classes
LEAST = 0.12  # inches of a class


def draw_alignment(path: str | Path, similarity: np.ndarray, label: np.ndarray, classes: Sequence[str] = ()) -> None:
    """Write a PNG of cosine similarities, with the clips ordered by class.

    Parameters
    ----------
    path : path. The PNG file.
    similarity : (n, n). Of the skeleton feature of each clip (rows) and the video feature of each clip (columns).
    label : (n,) int. The clips' classes.
    classes : str, one per class. Their names; shorter, or '' where a name is not known (default).
    """
    order = np.argsort(label, kind='stable')
    present, first, count = np.unique(label[order], return_index=True, return_counts=True)
    names, size = class_labels(present, classes), 8 if len(present) <= 40 else 6
    side, margin = max(SIDE, LEAST * len(present)), 0.35 + max(map(len, names)) * size * 0.0085
    width, height = margin + side + 0.2, margin + side + 1.15
    figure = new_figure(width, height)
    axes = figure.add_axes((margin / width, margin / height, side / width, side / height))
    image = axes.imshow(similarity[np.ix_(order, order)], cmap='cividis', interpolation='nearest', aspect='auto')
    middles = first + (count - 1) / 2
    axes.set_xticks(middles, names, rotation=90, fontsize=size)
    axes.set_yticks(middles, names, fontsize=size)
    axes.tick_params(length=1.5, pad=1.5)
    axes.set_xlabel('video features, through the FAM', fontsize=9)
    axes.set_ylabel('features of the student', fontsize=9)
    if len(present) <= 40:
        for edge in first[1:] - 0.5:
            axes.axhline(edge, color='white', linewidth=0.5)
            axes.axvline(edge, color='white', linewidth=0.5)
    title = f'cosine similarity of skeletons and videos, {len(label)} training clips'
    figure.text(0.15 / width, 1 - 0.25 / height, title, fontsize=11, fontweight='bold', va='center')
    figure.text(0.15 / width, 1 - 0.5 / height, _means(similarity, label), fontsize=8.5, color=GREY, va='center')
    _add_bar(figure, image, (margin / width, 1 - 0.85 / height, min(2.5, side) / width, 0.12 / height))
    save(figure, path)


def _means(similarity: np.ndarray, label: np.ndarray) -> str:
    """Return the mean similarities of the same clip, of other clips of its class, and of other classes, as text."""
    same, itself = label[:, None] == label, np.eye(len(label), dtype=bool)
    parts = {'same clip': itself, 'same class': same & ~itself, 'other classes': ~same}
    means = {name: similarity[at].mean().round(2) + 0 for name, at in parts.items() if at.any()}  # no -0.00
    return 'mean similarity: ' + ', '.join(f'{name} {mean:.2f}' for name, mean in means.items())


def _add_bar(figure: Any, image: Any, place: tuple[float, float, float, float]) -> None:
    bar = figure.add_axes(place)
    figure.colorbar(image, cax=bar, orientation='horizontal')
    bar.tick_params(labelsize=7, length=2, pad=1)
