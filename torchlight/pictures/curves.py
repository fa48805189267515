"""Curves of a training run."""

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from torchlight.files import write_bytes


def draw_curves(path: str | Path, history: Sequence[dict[str, Any]]) -> None:
    """Write a PNG of loss terms, accuracies and learning rate over the epochs.

    Parameters
    ----------
    path : path. The PNG file.
    history : dicts, one per epoch. Each has 'epoch' and, if known, 'train' and 'val' dicts of named values.
    """
    from matplotlib.figure import Figure  # takes half a second to import
    from matplotlib.ticker import MaxNLocator

    figure = Figure((11, 3.6), layout='constrained')
    loss, accuracy, rate = figure.subplots(1, 3)
    for part, style in (('train', '-'), ('val', '--')):
        for name in dict.fromkeys(name for row in history for name in row.get(part, {})):
            rows = [row for row in history if name in row.get(part, {})]
            axes = rate if name == 'lr' else accuracy if name.startswith('top') else loss
            epochs, values = [row['epoch'] for row in rows], [row[part][name] for row in rows]
            axes.plot(epochs, values, style, marker='.', label=f'{part} {name}')
    for axes, title in ((loss, 'loss'), (accuracy, 'accuracy'), (rate, 'learning rate')):
        axes.set(title=title, xlabel='epoch', xlim=(0.5, history[-1]['epoch'] + 0.5))
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.grid(alpha=0.3)
        if axes.lines:
            axes.legend(fontsize='small')
    accuracy.set_ylim(0, 1)
    rate.set_yscale('log')
    png = io.BytesIO()
    figure.savefig(png, format='png', dpi=110)
    write_bytes(path, png.getvalue())
