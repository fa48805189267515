"""An animation of one clip: its poses as they move, with a caption over them.

Legend: T frames, M persons, V joints, C coordinates.
"""

import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from feeders.prepare.pose_figure import bones_of, front_view, limits, sides_of
from torchlight.files import write_bytes

SIZE, TOP = 360, 44  # pixels of a picture: width and height of the pose, and height of the caption
MOST = 90  # pictures
RATE = 30  # frames a second that Kinect v2 records
COLOURS = {'left': '#1f77b4', 'right': '#d62728', 'middle': '#595959'}
PALE = {'left': '#a6cbe3', 'right': '#f0b0b1', 'middle': '#c4c4c4'}  # of the persons after the first


def animate_clip(
    path: str | Path, captions: Sequence[str], frames: np.ndarray, parents: Sequence[int] | None = None
) -> None:
    """Write an animated GIF of one clip from the front and upright, at the speed of 30 frames a second.

    Parameters
    ----------
    path : path. The GIF file.
    captions : T str. What stands above each frame; a line break parts two lines.
    frames : (T, M, V, C). Joints that were not found are left out.
    parents : (V,) int or None. The joint to which each joint is connected; None draws no bones (default).
    """
    shown = np.unique(np.linspace(0, len(frames) - 1, MOST).astype(int))
    points, sides = _pixels(front_view(frames[shown]), upright=frames.shape[3] > 2), sides_of(parents)
    font = ImageFont.load_default(14)
    pictures = []
    for number, persons in zip(shown, points):
        picture = Image.new('RGB', (SIZE, SIZE + TOP), 'white')
        draw = ImageDraw.Draw(picture)
        for order, person in reversed(list(enumerate(persons))):
            _draw_person(draw, person, parents, sides, PALE if order else COLOURS)
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
    parents: Sequence[int] | None,
    sides: Sequence[str],
    colours: dict[str, str],
) -> None:
    for child, parent in bones_of(person, parents):
        draw.line([tuple(person[child]), tuple(person[parent])], colours[sides[child]], 4)
    for x, y in person[~np.isnan(person).any(1)]:
        draw.ellipse((x - 2, y - 2, x + 2, y + 2), 'black')
