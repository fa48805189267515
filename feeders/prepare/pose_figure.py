"""A figure of one clip: its poses side by side over time.

Legend: T frames, M persons, V joints, C coordinates.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from feeders.known_graphs import COCO
from graph.tools import SkeletonGraph
from torchlight.imports import import_class
from torchlight.pictures.figure import new_figure, plain, save
from torchlight.pictures.poses import found_joints

if TYPE_CHECKING:
    from matplotlib.axes import Axes

POSES = 8
STRENGTHS = 1, 0.45, 0.3, 0.2  # of the persons
_KINECT = {4, 5, 6, 7, 12, 13, 14, 15, 21, 22}, {8, 9, 10, 11, 16, 17, 18, 19, 23, 24}  # Kinect v1 ends at joint 19
SIDES = {  # graph: (joints on the left, joints on the right)
    'graph.ntu_rgb_d.Graph': _KINECT,
    'graph.ucla.Graph': _KINECT,
    COCO: (set(range(1, 17, 2)), set(range(2, 17, 2))),
}
COLOURS = {'left': 'tab:blue', 'right': 'tab:red', 'middle': '0.35'}


def draw_clip(path: str | Path, title: str, frames: np.ndarray, parents: Sequence[int] | None = None) -> None:
    """Write a PNG of up to 8 poses of one clip, from the front and upright, all at one scale.

    x is to the right; y is up, or down for two coordinates, which are those of an image. Joints that were not found
    are left out.

    Parameters
    ----------
    path : path. The figure.
    title : str.
    frames : (T, M, V, C).
    parents : (V,) int or None. The joint to which each joint is connected; None draws no bones (default).
    """
    shown = np.unique(np.linspace(0, len(frames) - 1, POSES).astype(int))
    points, sides = front_view(frames[shown]), sides_of(parents)
    notes = ['the left side is blue, the right side red'] if 'left' in sides else []
    notes += ['the second person is paler'] if (~np.isnan(points[:, 1:])).any() else []
    heading = title + (f'   ({"; ".join(notes)})' if notes else '')
    figure = new_figure(max(2 * len(shown), 0.5 + 0.1 * len(heading)), 3.2)
    figure.set_layout_engine('constrained')
    low, high = limits(points)
    y = (high[1], low[1]) if frames.shape[3] == 2 else (low[1], high[1])
    box = {'xlim': (low[0], high[0]), 'ylim': y, 'aspect': 'equal', 'xticks': [], 'yticks': []}
    for axes, number, persons in zip(np.atleast_1d(figure.subplots(1, len(shown))), shown, points):
        for strength, person in zip(STRENGTHS, persons):
            _draw_person(axes, person, parents, sides, strength)
        axes.set(xlabel=f'frame {number}', **box)
    figure.suptitle(plain(heading))
    save(figure, path)


def front_view(frames: np.ndarray) -> np.ndarray:
    """Return x and y of poses, (…, V, C) → (…, V, 2) float; nan for joints that were not found."""
    return np.where(found_joints(frames)[..., None], frames[..., :2], np.nan)


def limits(points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the corners (2,), (2,) of a box around all joints that were found, with a margin."""
    points = points[~np.isnan(points).any(-1)]
    if not len(points):
        return np.full(2, -1), np.full(2, 1)
    margin = 0.05 * np.ptp(points, axis=0).max() + 1e-6
    return points.min(0) - margin, points.max(0) + margin


def bones_of(person: np.ndarray, parents: Sequence[int] | None) -> list[tuple[int, int]]:
    """Return the (child, parent) pairs of the joints of a pose, (V, 2), that were found."""
    found = ~np.isnan(person).any(1)
    pairs = enumerate(parents or ())
    return [(child, parent) for child, parent in pairs if child != parent and found[child] and found[parent]]


def sides_of(parents: Sequence[int] | None) -> list[str]:
    """Return 'left', 'right' or 'middle' for each joint: 'middle' for all if no known graph has these parents."""
    for graph, (left, right) in SIDES.items():
        if parents is not None and import_class(graph, SkeletonGraph)().parents.tolist() == list(parents):
            return [
                'left' if joint in left else 'right' if joint in right else 'middle' for joint in range(len(parents))
            ]
    return ['middle'] * len(parents or ())


def _draw_person(
    axes: 'Axes', person: np.ndarray, parents: Sequence[int] | None, sides: Sequence[str], strength: float
) -> None:
    for child, parent in bones_of(person, parents):
        axes.plot(*person[[child, parent]].T, color=COLOURS[sides[child]], linewidth=2, alpha=strength)
    if not np.isnan(person).all():
        axes.plot(*person.T, '.', color='black', markersize=3, alpha=strength)
