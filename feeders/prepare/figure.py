"""A clip as a strip of poses over time.

Legend: T frames, M persons, V joints, C coordinates.
"""

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from graph import ntu_rgb_d, ucla
from torchlight.files import atomic_path

POSES = 8
SKELETONS = {25: ntu_rgb_d.inward, 20: ucla.inward}
LEFT = {4, 5, 6, 7, 12, 13, 14, 15, 21, 22}  # as in both of those skeletons; Kinect v1 ends at joint 19
RIGHT = {8, 9, 10, 11, 16, 17, 18, 19, 23, 24}
COLOURS = {'left': 'tab:blue', 'right': 'tab:red', 'middle': '0.35'}


def draw_clip(path, title, frames):
    """Write a PNG of up to 8 poses of one clip, from the front: x to the right, y up, all at one scale.

    Args:
        frames: (T, M, V, C). A skeleton that is neither NTU's nor Kinect v1's is drawn as its joints alone.
    """
    shown = np.unique(np.linspace(0, len(frames) - 1, POSES).astype(int))
    poses = frames[shown]
    figure = Figure(figsize=(2 * len(shown), 3.2), layout='constrained')
    FigureCanvasAgg(figure)
    low, high = _limits(poses[..., :2])
    for axis, number, pose in zip(np.atleast_1d(figure.subplots(1, len(shown))), shown, poses):
        for strength, person in zip((1, 0.45, 0.3, 0.2), pose):
            if person.any():
                _draw_person(axis, person, strength)
        axis.set(
            xlim=(low[0], high[0]),
            ylim=(low[1], high[1]),
            aspect='equal',
            xticks=[],
            yticks=[],
            xlabel=f'frame {number}',
        )
    figure.suptitle(f'{title}   (blue: left, red: right; pale: the second person)')
    with atomic_path(path) as temporary:
        figure.savefig(temporary, format='png', dpi=100)


def side(joint):
    """'left', 'right' or 'middle'."""
    return 'left' if joint in LEFT else 'right' if joint in RIGHT else 'middle'


def _draw_person(axis, person, strength):
    for child, parent in SKELETONS.get(len(person), ()):
        axis.plot(*person[[child, parent], :2].T, color=COLOURS[side(child)], linewidth=2, alpha=strength)
    axis.plot(*person[:, :2].T, '.', color='black', markersize=3, alpha=strength)


def _limits(points):
    """The corners (2,), (2,) of a box around all joints that are not at zero, with a margin."""
    points = points[points.any(-1)]
    if not len(points):
        return np.full(2, -1), np.full(2, 1)
    margin = 0.05 * np.ptp(points, axis=0).max() + 1e-6
    return points.min(0) - margin, points.max(0) + margin
