"""A figure of one clip: its poses side by side over time.

Legend: T frames, M persons, V joints, C coordinates.
"""

import io
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from feeders.datasets import DATASETS
from graph.tools import SkeletonGraph
from torchlight.files import write_bytes
from torchlight.imports import import_class

if TYPE_CHECKING:
    from matplotlib.axes import Axes

POSES = 8
_KINECT = {4, 5, 6, 7, 12, 13, 14, 15, 21, 22}, {8, 9, 10, 11, 16, 17, 18, 19, 23, 24}  # Kinect v1 ends at joint 19
COCO = 'graph.coco.Graph'
SIDES = {  # graph: (joints on the left, joints on the right)
    'graph.ntu_rgb_d.Graph': _KINECT,
    'graph.ucla.Graph': _KINECT,
    COCO: (set(range(1, 17, 2)), set(range(2, 17, 2))),
}
COLOURS = {'left': 'tab:blue', 'right': 'tab:red', 'middle': '0.35'}


def draw_clip(path: str | Path, title: str, frames: np.ndarray, dataset: str = '') -> None:
    """Write a PNG of up to 8 poses of one clip, from the front and upright, all at one scale.

    x is to the right; y is up, or down for two coordinates, which are those of an image.

    Parameters
    ----------
    path : path. The figure.
    title : str.
    frames : (T, M, V, C).
    dataset : str. The data set, whose graph is drawn; for an unknown one, the graph of a known one with as many joints,
        that of COCO for 17 in an image, or only the joints (default).
    """
    from matplotlib.figure import Figure  # takes half a second to import

    joints, coordinates = frames.shape[2:]
    graph = graph_of(dataset, joints, coordinates)
    shown = np.unique(np.linspace(0, len(frames) - 1, POSES).astype(int))
    poses = frames[shown]
    figure = Figure(figsize=(2 * len(shown), 3.2), layout='constrained')
    low, high = limits(poses[..., :2])
    y = (high[1], low[1]) if coordinates == 2 else (low[1], high[1])
    box = {'xlim': (low[0], high[0]), 'ylim': y, 'aspect': 'equal', 'xticks': [], 'yticks': []}
    for axis, number, pose in zip(np.atleast_1d(figure.subplots(1, len(shown))), shown, poses):
        for strength, person in zip((1, 0.45, 0.3, 0.2), pose):
            if person.any():
                _draw_person(axis, person, graph, strength)
        axis.set(xlabel=f'frame {number}', **box)
    colours = 'blue: left, red: right; ' if graph in SIDES else ''
    figure.suptitle(f'{title}   ({colours}pale: the second person)')
    png = io.BytesIO()
    figure.savefig(png, format='png', dpi=100)
    write_bytes(path, png.getvalue())


def graph_of(dataset: str, joints: int, coordinates: int) -> str:
    """Return the dotted name of a data set's graph, or of another one with as many joints, or ''."""
    rows = [DATASETS[dataset]] if dataset in DATASETS else []
    other = COCO if (joints, coordinates) == (17, 2) else ''  # 17 joints in space are those of other recordings
    return next((row.graph for row in (*rows, *DATASETS.values()) if row.layout[1] == joints), other)


def side(graph: str, joint: int) -> str:
    """Return 'left', 'right' or 'middle'."""
    left, right = SIDES.get(graph, ((), ()))
    return 'left' if joint in left else 'right' if joint in right else 'middle'


def _draw_person(axis: 'Axes', person: np.ndarray, graph: str, strength: float) -> None:
    for child, parent in import_class(graph, SkeletonGraph)().inward if graph else ():
        colour = COLOURS[side(graph, child)]
        axis.plot(*person[[child, parent], :2].T, color=colour, linewidth=2, alpha=strength)
    axis.plot(*person[:, :2].T, '.', color='black', markersize=3, alpha=strength)


def limits(points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the corners (2,), (2,) of a box around all joints that are not at zero, with a margin."""
    points = points[points.any(-1)]
    if not len(points):
        return np.full(2, -1), np.full(2, 1)
    margin = 0.05 * np.ptp(points, axis=0).max() + 1e-6
    return points.min(0) - margin, points.max(0) + margin
