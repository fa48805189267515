"""The pictures in a work directory. Legend: K classes, E epochs."""

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from torchlight.files import atomic_path


def draw_confusion(path, matrix, title):
    """A (K, K) confusion matrix as shares of each true class."""
    share = matrix / matrix.sum(1, keepdims=True).clip(1)
    classes = len(matrix)
    size = min(4 + classes * 0.12, 16)
    figure = Figure((size + 1, size), layout='constrained')
    axes = figure.subplots()
    image = axes.imshow(share, cmap='Blues', vmin=0, vmax=1)
    axes.set(title=title, xlabel='predicted class', ylabel='true class')
    axes.xaxis.set_major_locator(MaxNLocator(20, integer=True))
    axes.yaxis.set_major_locator(MaxNLocator(20, integer=True))
    if classes <= 20:
        for (row, column), value in np.ndenumerate(share):
            if value >= 0.005:
                axes.text(
                    column,
                    row,
                    f'{100 * value:.0f}',
                    ha='center',
                    va='center',
                    fontsize=8,
                    color='white' if value > 0.5 else 'black',
                )
    figure.colorbar(image, label='share of the true class', shrink=0.8)
    _save(figure, path)


def draw_curves(path, history):
    """Loss terms, accuracies and learning rate over the epochs.

    Args:
        history: E dicts with 'epoch' and, where known, 'train' and 'val' dicts of named values.
    """
    figure = Figure((11, 3.6), layout='constrained')
    loss, accuracy, rate = figure.subplots(1, 3)
    for part, style in (('train', '-'), ('val', '--')):
        for name in dict.fromkeys(name for row in history for name in row.get(part, {})):
            rows = [row for row in history if name in row.get(part, {})]
            axes = rate if name == 'lr' else accuracy if name.startswith('top') else loss
            axes.plot(
                [row['epoch'] for row in rows],
                [row[part][name] for row in rows],
                style,
                marker='.',
                label=f'{part} {name}',
            )
    for axes, title in ((loss, 'loss'), (accuracy, 'accuracy'), (rate, 'learning rate')):
        axes.set(title=title, xlabel='epoch', xlim=(0.5, history[-1]['epoch'] + 0.5))
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.grid(alpha=0.3)
        if axes.lines:
            axes.legend(fontsize='small')
    accuracy.set_ylim(0, 1)
    rate.set_yscale('log')
    _save(figure, path)


def _save(figure, path):
    with atomic_path(path) as temporary:
        figure.savefig(temporary, format='png', dpi=110)
