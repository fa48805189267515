"""Confusion matrices, in an order in which classes that are confused stand together."""

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from torchlight.metrics import confused_pairs
from torchlight.pictures.figure import GREY, class_label, class_labels, new_figure, save

NUMBERED, MOST = 24, 200  # classes up to which cells have numbers, and of which there are pictures
SMALL = {'fontsize': 7, 'color': GREY}
FEW, MANY = (0.4, 8.0), (0.12, 6.0)  # height of a row in inches and size of its text in points: of a few, of many
CONFUSED = 0.05  # share of clips from which classes are framed as a block


def chosen(matrix: np.ndarray) -> np.ndarray:
    """Return the classes that a picture shows: those that occur or are predicted, of many the MOST confused ones.

    Parameters
    ----------
    matrix : (num_class, num_class) int. Rows are true classes, columns predicted ones.

    Returns
    -------
    (n,) int. Classes, ascending.
    """
    wrong = matrix - np.diag(matrix.diagonal())
    most_confused_first = np.argsort(-(wrong.sum(0) + wrong.sum(1)), kind='stable')
    seen = matrix.sum(0) + matrix.sum(1) > 0
    return np.sort(most_confused_first[seen[most_confused_first]][:MOST])


def clustered(share: np.ndarray) -> tuple[np.ndarray, list[slice]]:
    """Order classes so that those that are confused stand together.

    The distance of two classes is 1 minus the mean of their two shares of confused samples; they are clustered by
    average distance, and the leaves of the tree are ordered by scipy.

    Parameters
    ----------
    share : (n, n). Of the samples of each true class (rows) those that are predicted as each class.

    Returns
    -------
    order : (n,) int. Positions in `share`: classes that are confused, then the others.
    blocks : slices of `order`. Two or more classes of which on average a share of CONFUSED is confused.
    """
    from scipy.cluster.hierarchy import fcluster, leaves_list, linkage
    from scipy.spatial.distance import squareform

    wrong = share - np.diag(share.diagonal())
    involved = wrong.sum(0) + wrong.sum(1) > 0
    confused, others = np.flatnonzero(involved), np.flatnonzero(~involved)
    if not len(confused):
        return others, []
    distance = 1 - ((wrong + wrong.T) / 2)[np.ix_(confused, confused)]
    np.fill_diagonal(distance, 0)
    tree = linkage(squareform(distance, checks=False), 'average', optimal_ordering=True)
    leaves = leaves_list(tree)
    group = fcluster(tree, 1 - CONFUSED, 'distance')[leaves]
    edges = [0, *(np.flatnonzero(np.diff(group)) + 1), len(group)]
    blocks = [slice(int(start), int(stop)) for start, stop in pairwise(edges) if stop - start > 1]
    return np.concatenate([confused[leaves], others]), blocks


def draw_confusion(path: str | Path, matrix: np.ndarray, title: str, classes: Sequence[str] = ()) -> None:
    """Write a PNG of a confusion matrix as shares of each true class, with the worst pairs beside it.

    Parameters
    ----------
    path : path. The PNG file.
    matrix : (num_class, num_class) int. Rows are true classes, columns predicted ones.
    title : str.
    classes : str, one per class. Their names; shorter, or '' where a name is not known (default).
    """
    shown, clips = chosen(matrix), matrix.sum(1, keepdims=True)
    share = np.ma.masked_array(matrix / clips.clip(1), np.broadcast_to(clips == 0, matrix.shape))
    order, blocks = clustered(share.data[np.ix_(shown, shown)])
    shown = shown[order]
    labels, (row, size) = class_labels(shown, classes), FEW if len(shown) <= NUMBERED else MANY
    small = max(size, 7)  # points of the text beside the matrix
    side, margin = max(len(shown) * row, 2.5), 0.35 + max(map(len, labels), default=0) * size * 0.0085
    pairs = _named_pairs(matrix, classes, max(int((side - 1) / (0.0245 * small)), 3))
    beside = max(2.9, 0.6 + max((len(line) for _, line in pairs), default=0) * small * 0.0083)
    width, height = margin + side + 0.25 + beside, 0.55 + side + margin
    figure = new_figure(width, height)
    axes = figure.add_axes((margin / width, margin / height, side / width, side / height))
    _draw_matrix(axes, share[np.ix_(shown, shown)], labels, size)
    for block in blocks:
        _frame(axes, block)
    figure.text(0.15 / width, 1 - 0.3 / height, title, fontsize=11, fontweight='bold', va='center')
    left, top = (margin + side + 0.25) / width, 1 - 0.55 / height
    heading = 'most often confused: true → predicted' if pairs else 'nothing is confused'
    figure.text(left, top, heading, fontsize=small + 1, fontweight='bold', va='top')
    for place, align, column in zip((left + 0.6 / width, left + 0.7 / width), ('right', 'left'), zip(*pairs)):
        text = {'fontsize': small, 'va': 'top', 'linespacing': 1.45, 'ha': align}
        figure.text(place, top - small / 40 / height, '\n'.join(column), **text)
    bar = figure.add_axes((left, (margin + 0.32) / height, 2.5 / width, 0.12 / height))
    figure.colorbar(axes.images[0], cax=bar, orientation='horizontal', ticks=[0, 0.05, 0.2, 0.5, 1])
    bar.set_xticklabels(['0', '5', '20', '50', '100 %'], fontsize=7)
    bar.set_title('share of the true class', fontsize=7.5, loc='left', pad=3)
    if absent := len(matrix) - len(shown):
        which = 'without clips, which are\nnever predicted,' if len(shown) < MOST else 'less confused\nor absent'
        figure.text(left, (margin - 0.1) / height, f'{absent} classes {which} are not shown', **SMALL, va='top')
    save(figure, path)


def _draw_matrix(axes: Any, share: np.ma.MaskedArray, labels: Sequence[str], size: float) -> None:
    """Draw shares; small ones keep a colour of their own, and rows without clips, which are masked, are grey."""
    from matplotlib.colors import PowerNorm

    axes.set_facecolor('0.9')
    axes.imshow(share, cmap='Blues', norm=PowerNorm(0.5, 0, 1), aspect='auto')
    axes.set_xticks(range(len(share)), labels, rotation=90, fontsize=size)
    axes.set_yticks(range(len(share)), labels, fontsize=size)
    axes.set_xlabel('predicted class', fontsize=max(size, 8))
    axes.set_ylabel('true class (grey: without clips)' if share.mask.any() else 'true class', fontsize=max(size, 8))
    axes.tick_params(length=1.5, pad=1.5)
    if len(share) <= NUMBERED:
        for (row, column), value in np.ndenumerate(share.filled(0)):
            if value >= 0.005:
                colour = 'white' if value > 0.35 else 'black'
                axes.text(column, row, f'{100 * value:.0f}', ha='center', va='center', fontsize=size, color=colour)


def _frame(axes: Any, block: slice) -> None:
    """Frame a block of classes on the diagonal."""
    from matplotlib.patches import Rectangle

    side = block.stop - block.start
    corner = block.start - 0.5, block.start - 0.5
    axes.add_patch(Rectangle(corner, side, side, fill=False, edgecolor='#D55E00', linewidth=1.2))


def _named_pairs(matrix: np.ndarray, classes: Sequence[str], most: int) -> list[tuple[str, str]]:
    """Return (how often, true → predicted) of the most frequent confusions, as text."""
    clips, pairs = matrix.sum(1), confused_pairs(matrix)
    lines = [
        (f'{count} of {clips[true]}', f'{class_label(true, classes, 24)} → {class_label(predicted, classes, 24)}')
        for true, predicted, count in pairs[:most]
    ]
    more = len(pairs) - len(lines)
    return [*lines, ('', f'{more} more pairs are in confused_pairs.csv')] if more else lines
