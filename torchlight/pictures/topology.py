"""How a network relates the joints of a skeleton: the strongest links as arrows over a pose.

Legend: V joints.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from torchlight.pictures.figure import GREY, new_figure, plain, save
from torchlight.pictures.poses import found_joints

LINKS, NAMED, LAYERS = 16, 5, 3  # strongest links and joints that are shown in a panel; layers that are shown
WIDTH, HEIGHT = 3.7, 4.0  # of a panel in inches
THIN, WIDE = 0.8, 4.0  # width of the weakest and of the strongest link of a panel in points


def draw_topology(
    path: str | Path,
    title: str,
    rows: Sequence[tuple[str, np.ndarray]],
    edges: Sequence[tuple[int, int]],
    pose: np.ndarray,
    names: Sequence[str] = (),
) -> None:
    """Write a PNG with a panel for the first, the middle and the last layer of each row.

    Parameters
    ----------
    path : path. The PNG file.
    title : str.
    rows : (heading, (layers, V, V) strengths ≥ 0) pairs. [u, v] is for what joint u receives from joint v.
    edges : pairs of joints, the bones.
    pose : (V, 3), y upwards, or (V, 2), y downwards as in an image. Where the joints are drawn; those that were not
        found in it are left out, and so are their bones and links.
    names : V str. Names of the joints; they are numbered from 0 without (default).
    """
    layers = len(rows[0][1])
    shown = np.unique(np.linspace(0, layers - 1, LAYERS).round().astype(int))
    width, height = WIDTH * len(shown), 0.75 + (HEIGHT + 0.45) * len(rows)
    figure = new_figure(width, height)
    figure.text(0.15 / width, 1 - 0.25 / height, title, fontsize=11, fontweight='bold', va='center')
    note = (
        f'The {LINKS} strongest links are arrows that point to the receiving joint; stronger ones are wider and darker.'
    )
    figure.text(0.15 / width, 1 - 0.48 / height, note, fontsize=8, color=GREY, va='center')
    found = np.flatnonzero(found_joints(pose)) if pose.any() else np.arange(len(pose))
    points, place = seen(pose[found]), {joint: i for i, joint in enumerate(found.tolist())}
    edges = [(place[child], place[parent]) for child, parent in edges if child in place and parent in place]
    names = [plain(names[joint]) if len(names) else str(joint) for joint in found]
    for row, (heading, strength) in enumerate(rows):
        top = 0.75 + (HEIGHT + 0.45) * row
        figure.text(0.15 / width, 1 - top / height, plain(heading), fontsize=9.5, fontweight='bold', va='top')
        for column, layer in enumerate(shown):
            corner = (column * WIDTH + 0.1) / width, 1 - (top + 0.3 + HEIGHT) / height
            axes = figure.add_axes((*corner, (WIDTH - 0.2) / width, HEIGHT / height))
            _draw_panel(
                axes, f'layer {layer + 1} of {layers}', strength[layer][np.ix_(found, found)], edges, points, names
            )
    save(figure, path)


def strongest(strength: np.ndarray, most: int) -> list[tuple[int, int]]:
    """Return up to `most` links (u, v) between different joints that are above 0, the strongest first."""
    links = np.where(np.eye(len(strength), dtype=bool), 0, strength)
    order = np.argsort(-links, axis=None, kind='stable')[:most]
    return [(int(u), int(v)) for u, v in zip(*np.unravel_index(order, links.shape)) if links[u, v] > 0]


def seen(pose: np.ndarray) -> np.ndarray:
    """Project a pose from where it is widest, without mirroring it: (V, C) → (V, 2), y upwards.

    Parameters
    ----------
    pose : (V, 3), y upwards, or (V, 2), y downwards as in an image.
    """
    if pose.shape[1] == 2:
        return pose * (1, -1)
    level = pose[:, [0, 2]] - pose[:, [0, 2]].mean(0)
    direction = np.linalg.svd(level, full_matrices=False)[2][0]
    return np.stack([level @ direction * (1 if direction[0] >= 0 else -1), pose[:, 1]], 1)


def _draw_panel(
    axes: Any,
    title: str,
    strength: np.ndarray,
    edges: Sequence[tuple[int, int]],
    points: np.ndarray,
    names: Sequence[str],
) -> None:
    from matplotlib import colormaps
    from matplotlib.collections import LineCollection
    from matplotlib.patches import FancyArrowPatch

    bones = points[np.asarray(edges, int).reshape(-1, 2)]
    axes.add_collection(LineCollection(bones, color='0.78', linewidth=4, zorder=1))
    links = strongest(strength, LINKS)
    values = np.array([strength[link] for link in links])
    shares = (values - values[-1]) / max(values[0] - values[-1], 1e-12) if links else values
    importance = np.zeros(len(points))
    for (u, v), value, share in zip(links, values, shares):
        importance[[u, v]] += value
        style = {'arrowstyle': '-|>', 'mutation_scale': 5 + 4 * share, 'shrinkA': 0, 'shrinkB': 0, 'zorder': 2 + share}
        look = {'color': colormaps['inferno_r'](0.3 + 0.6 * share), 'linewidth': THIN + (WIDE - THIN) * share}
        axes.add_artist(FancyArrowPatch(points[v], points[u], connectionstyle='arc3,rad=0.25', **style, **look))
    axes.scatter(*points.T, s=10, color='black', zorder=4, linewidths=0)
    text = f'{title}; strength {values[-1]:.2g} to {values[0]:.2g}' if links else f'{title}; no link between joints'
    axes.set_title(text, fontsize=8.5, pad=3)
    _set_limits(axes, points)
    important = [joint for joint in np.argsort(-importance, kind='stable')[:NAMED] if importance[joint]]
    _name(axes, points, {joint: names[joint] for joint in important})


def _set_limits(axes: Any, points: np.ndarray) -> None:
    """Show all points at one scale in x and y, with margins for the names."""
    middle = (points.min(0) + points.max(0)) / 2
    half = max(np.ptp(points[:, 0]) / (WIDTH - 2.3), np.ptp(points[:, 1]) / (HEIGHT - 0.6), 1e-6) / 2
    axes.set_xlim(middle[0] - half * WIDTH, middle[0] + half * WIDTH)
    axes.set_ylim(middle[1] - half * HEIGHT, middle[1] + half * HEIGHT)
    axes.set(xticks=[], yticks=[])
    axes.spines[:].set_color('0.85')


def _name(axes: Any, points: np.ndarray, names: dict[int, str]) -> None:
    """Write names of joints at the nearer edge, below one another, each with a line to its joint."""
    places = axes.transData.transform(points)
    places = axes.transAxes.inverted().transform(places)  # (V, 2) in shares of the panel
    for edge, align, side in ((0.02, 'left', places[:, 0] < 0.5), (0.98, 'right', places[:, 0] >= 0.5)):
        height = 1.0
        for joint in sorted((joint for joint in names if side[joint]), key=lambda joint: -places[joint, 1]):
            height = min(places[joint, 1], height - 0.045)
            line = {'arrowstyle': '-', 'color': '0.55', 'linewidth': 0.6, 'shrinkA': 0, 'shrinkB': 0}
            text = {'fontsize': 7.5, 'ha': align, 'va': 'center', 'zorder': 6, 'xycoords': 'axes fraction'}
            axes.annotate(names[joint], places[joint], (edge, height), arrowprops=line, **text)
