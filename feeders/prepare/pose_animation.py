"""An animation of one clip: its poses as they move, with a caption over them.

Legend: T frames, M persons, V joints, C coordinates.
"""

import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from feeders.prepare.pose_figure import graph_of, limits, side
from graph.tools import SkeletonGraph
from torchlight.files import write_bytes
from torchlight.imports import import_class

SIZE, TOP = 360, 44  # pixels of a picture: width and height of the pose, and height of the caption
MOST = 90  # pictures
RATE = 30  # frames a second that Kinect v2 records
COLOURS = {'left': '#1f77b4', 'right': '#d62728', 'middle': '#595959'}
PALE = {'left': '#a6cbe3', 'right': '#f0b0b1', 'middle': '#c4c4c4'}  # of the persons after the first


def animate_clip(path: str | Path, captions: Sequence[str], frames: np.ndarray, dataset: str = '') -> None:
    """Write an animated GIF of one clip from the front and upright, at the speed of 30 frames a second.

    Parameters
    ----------
    path : path. The GIF file.
    captions : T str. What stands above each frame; a line break parts two lines.
    frames : (T, M, V, C).
    dataset : str. The data set, whose graph is drawn, see pose_figure.draw_clip (default: chosen by the joints).
    """
    joints, coordinates = frames.shape[2:]
    graph = graph_of(dataset, joints, coordinates)
    bones = import_class(graph, SkeletonGraph)().inward if graph else ()
    shown = np.unique(np.linspace(0, len(frames) - 1, MOST).astype(int))
    points = _pixels(frames[shown, :, :, :2], upright=coordinates > 2)
    font = ImageFont.load_default(14)
    pictures = []
    for number, persons in zip(shown, points):
        picture = Image.new('RGB', (SIZE, SIZE + TOP), 'white')
        draw = ImageDraw.Draw(picture)
        for order, (person, pose) in reversed(list(enumerate(zip(persons, frames[number])))):
            if pose.any():
                _draw_person(draw, person, graph, bones, PALE if order else COLOURS)
        draw.multiline_text((8, 4), captions[number], fill='black', font=font)
        pictures.append(picture.quantize(32))
    step = max(round(1000 * len(frames) / len(shown) / RATE), 20)  # milliseconds; browsers slow down shorter ones
    gif = io.BytesIO()
    pictures[0].save(gif, 'GIF', save_all=True, append_images=pictures[1:], duration=step, loop=0)
    write_bytes(path, gif.getvalue())


def _pixels(points: np.ndarray, upright: bool) -> np.ndarray:
    """Return (T, M, V, 2) coordinates as pixels of the pose, all at one scale; y points down there."""
    low, high = limits(points)
    scale = SIZE / (high - low).max()
    pixels = (points - (low + high) / 2) * scale
    return pixels * (1, -1 if upright else 1) + (SIZE / 2, TOP + SIZE / 2)


def _draw_person(
    draw: ImageDraw.ImageDraw,
    person: np.ndarray,
    graph: str,
    bones: Sequence[tuple[int, int]],
    colours: dict[str, str],
) -> None:
    for child, parent in bones:
        draw.line([tuple(person[child]), tuple(person[parent])], colours[side(graph, child)], 4)
    for x, y in person:
        draw.ellipse((x - 2, y - 2, x + 2, y + 2), 'black')
