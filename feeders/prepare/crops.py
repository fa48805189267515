"""One picture for a clip: five crops of its people in time order, side by side on a square canvas.

The rule is ours, for the paper published none and used a detector; NTU's skeleton files say where each joint
lies in the colour image, so none is needed:
1. The bodies are those that the cleaning of skeletons keeps, the one that moves most first (denoise.by_motion).
2. The moments are the middles of five equal parts of the frames in which one of them is seen.
3. The box holds the joints of the first body seen then, or of the first two where the class has two people
   (A050–A060, A106–A120); it is padded by 0.15 of its longer side, for joints lie inside the body; it is made at
   least 2.5 times as high as wide, so that no strip is stretched more than twice; and it ends at the image's edges.
4. Each crop is resized to its strip, 96 × 480 pixels.

Nothing is written here: `pictures` gives the images themselves, to whoever encodes them.

Legend: m moments, V joints, n observations of a body; boxes are (left, top, right, bottom) in pixels.
"""

from functools import partial
from typing import NamedTuple

import numpy as np

from feeders.prepare.build import attempt, ordered_map
from feeders.prepare.denoise import by_motion
from feeders.prepare.skeleton_file import COLOUR, POSITION, ClipError, read_skeleton
from feeders.splits import parse_ntu
from torchlight.errors import InputError

MOMENTS = 5
SIDE = 480  # of the canvas, in pixels
PADDING = 0.15
HIGH = 2.5  # times the width; a strip is 5 times as high as wide
IMAGE = np.array([1920, 1080])  # the video frame that the skeleton files count in; smaller copies are scaled
TWO_PEOPLE = frozenset([*range(50, 61), *range(106, 121)])  # actions, counted from 1


class Footage(NamedTuple):
    """A clip's name and the paths of its colour video and its `.skeleton` file."""

    name: str
    video: str
    skeleton: str


def pictures(footage, processes=None):
    """The PIL image of each of a list of Footage, in order as they are made, or a str that says why there is none."""
    require_packages()
    return ordered_map(partial(attempt, picture), footage, processes, chunk=1)


def picture(footage):
    """One Footage → PIL image, 480 × 480; raises ClipError or InputError where there can be none."""
    people = 2 if parse_ntu(footage.name).action in TWO_PEOPLE else 1
    return strip(read_crops(footage.video, moment_boxes(read_skeleton(footage.skeleton, POSITION + COLOUR), people)))


def moment_boxes(recording, people):
    """The m frames to show and the box of each.

    Args:
        recording: skeleton_file.Recording of columns POSITION + COLOUR. people: 1 or 2 in a box.
    Returns: [(recorded frame, box)], in time order; a clip of fewer than m frames shows some twice.
    """
    colour = {body.id: body.joints[..., 3:] for body in recording.bodies}  # (n, V, 2)
    ranked = by_motion([body._replace(joints=body.joints[..., :3]) for body in recording.bodies])
    if not ranked:
        raise ClipError('holds no body')
    seen = np.unique(np.concatenate([body.frame for body in ranked]))
    boxes = []
    for frame in seen[(2 * np.arange(MOMENTS) + 1) * len(seen) // (2 * MOMENTS)]:
        joints = [colour[body.id][body.frame == frame] for body in ranked]
        boxes.append((int(frame), person_box(np.concatenate([place for place in joints if len(place)][:people]))))
    return boxes


def person_box(colour):
    """(…, V, 2) joints in the colour image → the box that shows them; raises ClipError where they lie outside."""
    points = colour[np.isfinite(colour).all(-1)].astype(np.float64)
    if not len(points):
        raise ClipError('has a frame without a place in the colour image')
    low, high = points.min(0), points.max(0)
    margin = PADDING * (high - low).max()
    low, high = low - margin, high + margin
    growth = max(0, HIGH * (high - low)[0] - (high - low)[1]) / 2
    low, high = low - [0, growth], high + [0, growth]
    left, top = np.clip(np.floor(low), 0, IMAGE).astype(int).tolist()
    right, bottom = np.clip(np.ceil(high), 0, IMAGE).astype(int).tolist()
    if left >= right or top >= bottom:
        raise ClipError('has a frame in which the person is outside the colour image')
    return left, top, right, bottom


def read_crops(video, boxes):
    """Decode a video up to the last frame asked for.

    Args:
        video: path. boxes: [(frame, box)], frames not descending.
    Returns: list of PIL images, one for each box.
    Raises ClipError where the video cannot be read or is too short.
    """
    av, _ = require_packages()
    crops, number = [], -1
    try:
        with av.open(str(video)) as container:
            for number, frame in enumerate(container.decode(video=0)):
                if boxes[len(crops)][0] == number:
                    image = frame.to_image()
                while len(crops) < len(boxes) and boxes[len(crops)][0] == number:
                    low, high = np.reshape(boxes[len(crops)][1], (2, 2)) * (image.size / IMAGE)
                    crops.append(image.crop((*np.floor(low), *np.ceil(high))))
                if len(crops) == len(boxes):
                    return crops
    except (av.FFmpegError, IndexError) as error:  # the latter: a file without a video stream
        raise ClipError(f'the video cannot be read after {number + 1} frames: {error}') from error
    raise ClipError(f'the video has {number + 1} frames, and the skeleton frame {boxes[-1][0] + 1} is wanted')


def strip(images):
    """PIL images → one, 480 × 480: side by side from left to right, each resized to its share of the width."""
    _, pillow = require_packages()
    canvas, edges = pillow.new('RGB', (SIDE, SIDE)), np.linspace(0, SIDE, len(images) + 1).astype(int)
    for image, left, right in zip(images, edges, edges[1:]):
        canvas.paste(image.resize((int(right - left), SIDE), pillow.Resampling.BICUBIC), (int(left), 0))
    return canvas


def require_packages():
    """The modules av and PIL.Image; raises InputError where they are not installed."""
    try:
        import av
        from PIL import Image
    except ImportError as error:
        raise InputError(
            f'pictures from videos need the packages av and Pillow: pip install -r LLMs/requirements.txt ({error})'
        ) from error
    return av, Image
