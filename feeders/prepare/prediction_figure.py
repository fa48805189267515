"""Figures of a prediction: the clip, and what it was classified as."""

from pathlib import Path

import numpy as np

from feeders.feeder import Feeder, StoreFeeder
from feeders.known_graphs import parents_of
from feeders.prepare.pose_animation import animate_clip
from feeders.prepare.pose_figure import draw_clip
from feeders.prepare.windows import Windows
from torchlight.pictures.timeline import draw_timeline
from torchlight.predictions import Ranking


def draw_prediction(path: str | Path, windows: Windows, ranking: Ranking, feeder: Feeder) -> None:
    """Draw one recording with its prediction over it.

    Parameters
    ----------
    path : path. Its ending chooses an animation (.gif), in which the caption changes with the windows, or a picture
        (.png): poses of the clip side by side or, of several windows, the probabilities of classes over time.
    windows : Windows. Of the recording.
    ranking : Ranking. Of the windows.
    feeder : Feeder. It read the windows; its graph, if it has one, says what the bones are.
    """
    whole = windows.whole
    name, frames = whole.name[0], np.asarray(whole.positions(0))
    parents = (
        feeder.parents.tolist() if isinstance(feeder, StoreFeeder) else parents_of(whole.dataset, *frames.shape[2:])
    )
    best = zip(ranking.label[:, 0].tolist(), ranking.probability[:, 0])
    found = [f'{ranking.title(label)} {100 * p:.1f} %' for label, p in best]
    if Path(path).suffix == '.gif':
        middle = (windows.first + windows.last) / 2
        nearest = np.abs(np.arange(len(frames))[:, None] - middle).argmin(1)  # window of each frame
        animate_clip(path, [f'{name}\n{found[i]}' for i in nearest], frames, parents)
    elif ranking.frames is not None:
        draw_timeline(path, name, ranking)
    else:
        draw_clip(path, f'{name}: {found[0]}', frames, parents)
    print(f'{path}: {name}')
