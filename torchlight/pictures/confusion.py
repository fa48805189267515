"""Confusion matrices."""

import io
from pathlib import Path

import numpy as np

from torchlight.files import write_bytes


def draw_confusion(path: str | Path, matrix: np.ndarray, title: str) -> None:
    """Write a PNG of a confusion matrix, (num_class, num_class) counts, as shares of each true class."""
    from matplotlib.figure import Figure  # takes half a second to import, and most commands draw nothing
    from matplotlib.ticker import MaxNLocator

    share = matrix / matrix.sum(1, keepdims=True).clip(1)
    size = min(4 + len(matrix) * 0.12, 16)
    figure = Figure((size + 1, size), layout='constrained')
    axes = figure.subplots()
    image = axes.imshow(share, cmap='Blues', vmin=0, vmax=1)
    axes.set(title=title, xlabel='predicted class', ylabel='true class')
    axes.xaxis.set_major_locator(MaxNLocator(20, integer=True))
    axes.yaxis.set_major_locator(MaxNLocator(20, integer=True))
    if len(matrix) <= 20:
        for (row, column), value in np.ndenumerate(share):
            if value >= 0.005:
                text = {'ha': 'center', 'va': 'center', 'fontsize': 8, 'color': 'white' if value > 0.5 else 'black'}
                axes.text(column, row, f'{100 * value:.0f}', **text)
    figure.colorbar(image, label='share of the true class', shrink=0.8)
    png = io.BytesIO()
    figure.savefig(png, format='png', dpi=110)
    write_bytes(path, png.getvalue())
