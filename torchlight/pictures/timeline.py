"""The classes of the windows of a long recording over time."""

from pathlib import Path

import numpy as np

from torchlight.pictures.figure import new_figure, plain, save
from torchlight.predictions import Ranking

MOST = 15  # classes that are drawn


def draw_timeline(path: str | Path, title: str, ranking: Ranking) -> None:
    """Write a PNG of the probabilities of classes over the frames of one recording.

    Parameters
    ----------
    path : path. The PNG file.
    title : str.
    ranking : Ranking. The windows of the recording. The classes that are the most probable ones of some window are
        drawn in the order in which they come, at most 15, the most frequent ones; where windows overlap, the later one
        is seen.
    """
    winners, first, count = np.unique(ranking.label[:, 0], return_index=True, return_counts=True)
    kept = np.argsort(-count, kind='stable')[:MOST]
    rows = winners[kept[np.argsort(first[kept])]]
    share = np.zeros((len(rows), ranking.frames[:, 1].max() + 1))
    for (begin, end), labels, probabilities in zip(ranking.frames, ranking.label, ranking.probability):
        own = labels == rows[:, None]  # (rows, K)
        share[:, begin : end + 1] = (own * probabilities).sum(1)[:, None]
    figure = new_figure(10, 1.6 + 0.32 * len(rows))
    figure.set_layout_engine('constrained')
    axes = figure.subplots()
    edges = [-0.5, share.shape[1] - 0.5, len(rows) - 0.5, -0.5]
    image = axes.imshow(share, cmap='Blues', vmin=0, vmax=1, aspect='auto', interpolation='nearest', extent=edges)
    names = [plain(ranking.title(row)) for row in rows]
    axes.set(title=plain(title), xlabel='frame', yticks=range(len(rows)), yticklabels=names)
    figure.colorbar(image, label='probability')
    save(figure, path)
