"""Curves of a training run: the loss by its terms, the accuracy, and the learning rate."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from torchlight.pictures.figure import COLOURS, GREY, new_figure, save

MARKED = 40  # epochs up to which each one is a dot


def draw_curves(
    path: str | Path,
    history: Sequence[Mapping[str, Any]],
    best: Mapping[str, Any] | None = None,
    weights: Mapping[str, float] | None = None,
) -> None:
    """Write a PNG of the loss, its terms, the accuracies and the learning rate over the epochs.

    It is drawn after every epoch, so its parts have fixed places: to compute them would take longer than to draw.

    Parameters
    ----------
    path : path. The PNG file.
    history : dicts, one per epoch. Each has 'epoch' and, if known, 'train' and 'val' dicts of named values: 'lr',
        shares that begin with 'top', and the 'loss' and its terms.
    best : {'accuracy', 'epoch', …} or None (default). The best epoch, which is marked.
    weights : {term: weight}. A term is drawn times its weight, as it enters the loss; 1 if it has none here (default).
    """
    figure, weights, last = new_figure(11, 3.8), weights or {}, history[-1]['epoch']
    loss, accuracy, rate = (figure.add_axes((left, 0.125, 0.265, 0.62)) for left in (0.05, 0.385, 0.72))
    for part, style in (('train', '-'), ('val', '--')):
        names = dict.fromkeys(name for row in history for name in row.get(part, {}))
        for name in sorted(names, key=lambda name: name != 'loss'):  # the loss before its terms
            axes = rate if name == 'lr' else accuracy if name.startswith('top') else loss
            weight = weights.get(name, 1)
            rows, factor = [row for row in history if name in row.get(part, {})], 100 if axes is accuracy else weight
            axes.plot(
                [row['epoch'] for row in rows],
                [factor * row[part][name] for row in rows],
                style,
                color=COLOURS[len(axes.lines) % len(COLOURS)],
                marker='.' if last <= MARKED else '',
                label=f'{part} {name}' if weight == 1 else f'{part} {weight:g} × {name}',
            )
    shown = f'accuracy in %; best: {100 * best["accuracy"]:.2f} in epoch {best["epoch"]}' if best else 'accuracy in %'
    rate.set_yscale('log' if all(min(line.get_ydata()) > 0 for line in rate.lines) else 'linear')
    for axes, title in ((loss, 'loss'), (accuracy, shown), (rate, 'learning rate')):
        _finish(axes, title, last)
        if best:
            axes.axvline(best['epoch'], color=GREY, linewidth=0.9, linestyle=':')
    accuracy.set_ylim(0, 100)
    loss.set_ylim(bottom=0)
    save(figure, path)


def _finish(axes: Any, title: str, last: int) -> None:
    """Give axes a title, a scale of whole epochs, a grid and a legend above them."""
    from matplotlib.ticker import MaxNLocator

    axes.set_title(title, loc='left', fontsize=10, fontweight='bold', y=1.24)
    axes.set_xlabel('epoch', fontsize=9)
    axes.set_xlim(0.5, last + 0.5)
    axes.xaxis.set_major_locator(MaxNLocator(5, integer=True, min_n_ticks=1))
    axes.minorticks_off()
    if axes.get_yscale() == 'log':
        axes.yaxis.set_major_formatter('{x:g}')
    axes.tick_params(labelsize=8)
    axes.grid(alpha=0.3)
    axes.spines[['top', 'right']].set_visible(False)
    if axes.lines:
        place = {'loc': 'lower left', 'bbox_to_anchor': (-0.03, 1), 'borderpad': 0.2}
        axes.legend(**place, ncols=2, fontsize=7.5, frameon=False, handlelength=2.4, columnspacing=1, labelspacing=0.2)
