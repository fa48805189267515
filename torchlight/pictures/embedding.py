"""A map of samples: those whose features are similar are near each other."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from torchlight.pictures.figure import COLOURS, GREY, class_labels, new_figure, save

MOST = 500  # samples
FEW = 10  # samples below which neighbourhoods mean nothing, so that a projection is drawn
SIGNED = 24  # classes up to which each one has a sign of its own; of more, the number stands in the map
SIGNS = 'o^sDvP'
IN_A_COLUMN = 45  # classes in the key


def evenly(label: np.ndarray, most: int) -> np.ndarray:
    """Choose up to `most` samples, as many of each class as possible, at random but always the same.

    Parameters
    ----------
    label : (N,) int.
    most : int.

    Returns
    -------
    (n,) int. Positions in `label`, ascending.
    """
    shuffled = np.random.default_rng(0).permutation(len(label))
    shuffled = shuffled[np.argsort(label[shuffled], kind='stable')]
    _, first, count = np.unique(label[shuffled], return_index=True, return_counts=True)
    turn = np.arange(len(label)) - np.repeat(first, count)  # 0 for the first sample of each class, 1 for the second …
    return np.sort(shuffled[np.argsort(turn, kind='stable')[:most]])


def flat(features: np.ndarray) -> tuple[np.ndarray, str]:
    """Lay features out in a plane.

    Parameters
    ----------
    features : (n, D).

    Returns
    -------
    (n, 2) float, and the name of the method: t-SNE, or PCA for fewer than FEW samples or if all are equal.
    """
    centred = np.asarray(features, np.float64) - np.mean(features, 0, np.float64)
    if len(features) < FEW or np.abs(centred).max() < 1e-12:
        scores, strength, _ = np.linalg.svd(np.pad(centred, ((0, 2), (0, 2))), full_matrices=False)
        return (scores * strength)[: len(features), :2], 'PCA'
    from sklearn.manifold import TSNE  # takes a second or two to import

    perplexity = min(30, (len(features) - 1) / 3)
    steps = 500  # half of the usual number, for nearly the same map
    points = TSNE(perplexity=perplexity, init='pca', max_iter=steps, random_state=0, n_jobs=1).fit_transform(centred)
    return points, 't-SNE'


def draw_embedding(path: str | Path, features: np.ndarray, label: np.ndarray, classes: Sequence[str] = ()) -> None:
    """Write a PNG of up to MOST samples as dots, laid out by their features, coloured and named by class.

    Parameters
    ----------
    path : path. The PNG file.
    features : (N, D).
    label : (N,) int. True classes.
    classes : str, one per class. Their names; shorter, or '' where a name is not known (default).
    """
    chosen = evenly(label, MOST)
    label, (points, method) = label[chosen], flat(features[chosen])
    present = np.unique(label)
    names, signed = class_labels(present, classes), len(present) <= SIGNED
    columns, size = -(-len(present) // (SIGNED if signed else IN_A_COLUMN)), 8.5 if signed else 6.5
    key = 0.5 + columns * (0.3 + max(map(len, names)) * size * 0.0083)
    side = 5.6 if signed else 8.0
    width, height = side + 0.3 + key, side + 0.7
    figure = new_figure(width, height)
    axes = figure.add_axes((0.15 / width, 0.15 / height, side / width, side / height))
    for place, (number, name) in enumerate(zip(present, names)):
        cycle, colour = divmod(place, len(COLOURS))
        own = points[label == number]
        style = {'marker': SIGNS[cycle % len(SIGNS)], 'color': COLOURS[colour], 'linewidths': 0}
        axes.scatter(*own.T, s=26 if signed else 14, alpha=0.8 if signed else 0.5, label=name, **style)
        if not signed:
            middle = own[np.abs(own - np.median(own, 0)).sum(1).argmin()]
            outline = {'boxstyle': 'round,pad=0.05', 'facecolor': 'white', 'edgecolor': 'none', 'alpha': 0.6}
            axes.text(*middle, str(number), fontsize=7.5, ha='center', va='center', bbox=outline)
    axes.set(xticks=[], yticks=[])
    figure.text(0.15 / width, 1 - 0.25 / height, f'features of {len(label)} test clips', fontsize=11, fontweight='bold')
    note = f'Laid out by {method}: nearby clips have similar features; directions and large distances have no meaning.'
    figure.text(0.15 / width, 1 - 0.45 / height, note, fontsize=8, color=GREY)
    place = {'loc': 'upper left', 'bbox_to_anchor': ((side + 0.25) / width, 1 - 0.45 / height)}
    figure.legend(**place, ncols=columns, fontsize=size, frameon=False, handletextpad=0.2, columnspacing=0.8)
    save(figure, path)
