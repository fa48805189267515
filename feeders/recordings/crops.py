"""One image for a clip: five crops of its people in time order, side by side on a square canvas.

The paper does not publish its rule, which used a person detector. NTU's skeleton files state where each joint is in the
colour image, so our rule needs no detector:
1. The bodies are those that the cleaning of skeletons keeps, the one that moves most first (denoise.by_motion).
2. The moments are the middles of five equal parts of the frames in which one of these bodies is seen.
3. The box contains the joints of the first body that is seen then, or of the first two for an action of two persons
   (A050–A060, A106–A120). It is padded by 0.15 of its longer side, because joints are inside the body; it is made at
   least 2.5 times as high as wide, so that no strip is stretched more than twice; and it ends at the image's edges.
4. Each crop is resized to its strip, 96 × 480 pixels.

Nothing is written here: `person_image` returns the image to whoever encodes it.

Legend: m moments, V joints, n observations of a body; boxes are (left, top, right, bottom) in pixels.
"""

from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

import numpy as np

from feeders.datasets import DATASETS
from feeders.recordings.clips import ClipError
from feeders.recordings.denoise import by_motion
from feeders.recordings.skeleton_file import COLOUR, POSITION, Recording, read_skeleton
from feeders.recordings.videos import VideoClip
from torchlight.errors import InputError, counted

if TYPE_CHECKING:
    from PIL.Image import Image

MOMENTS = 5
SIDE = 480  # of the canvas, in pixels
PADDING = 0.15  # of the longer side of a box
MIN_ASPECT = 2.5  # height of a box over its width; a strip is 5 times as high as wide
IMAGE_SIZE = np.array([1920, 1080])  # of the video that the skeleton files refer to; smaller copies are scaled
# Of videos: no format that is a list of other files, and no picture that takes more than a gigabyte.
LIMITS = {'format_whitelist': 'avi,mov,matroska', 'protocol_whitelist': 'file', 'max_pixels': str(50_000_000)}

Box = tuple[int, int, int, int]


def person_image(clip: VideoClip) -> 'Image':
    """Return the image of one clip, 480 × 480; raise ClipError or InputError if that is not possible."""
    ntu = DATASETS['ntu120']
    people = 2 if ntu.fields(clip.name)['action'] in ntu.two_person else 1
    boxes = moment_boxes(read_skeleton(clip.skeleton, POSITION + COLOUR), people)
    return join_strips(read_crops(clip.video, boxes))


def moment_boxes(recording: Recording, people: int) -> list[tuple[int, Box]]:
    """Choose the m frames to show and the box of each.

    Parameters
    ----------
    recording : Recording of the columns POSITION + COLOUR.
    people : int. Persons in a box, 1 or 2.

    Returns
    -------
    list of (recorded frame, box), in time order. A clip of fewer than m frames shows some of them twice.

    Raises
    ------
    ClipError
        If there is no body, or a box cannot be found.
    """
    colour = {body.id: body.joints[..., 3:] for body in recording.bodies}  # (n, V, 2)
    ranked = by_motion([body._replace(joints=body.joints[..., :3]) for body in recording.bodies])
    if not ranked:
        raise ClipError('contains no body')
    seen = np.unique(np.concatenate([body.frame for body in ranked]))
    boxes = []
    for frame in seen[(2 * np.arange(MOMENTS) + 1) * len(seen) // (2 * MOMENTS)]:
        joints = [colour[body.id][body.frame == frame] for body in ranked]
        boxes.append((int(frame), person_box(np.concatenate([place for place in joints if len(place)][:people]))))
    return boxes


def person_box(colour: np.ndarray) -> Box:
    """Return the box that shows joints (…, V, 2) of the colour image; raise ClipError if they are outside it."""
    points = colour[np.isfinite(colour).all(-1)].astype(np.float64)
    if not len(points):
        raise ClipError('has a frame without a position in the colour image')
    low, high = points.min(0), points.max(0)
    margin = PADDING * (high - low).max()
    low, high = low - margin, high + margin
    growth = max(0, MIN_ASPECT * (high - low)[0] - (high - low)[1]) / 2
    low, high = low - [0, growth], high + [0, growth]
    left, top = np.clip(np.floor(low), 0, IMAGE_SIZE).astype(int).tolist()
    right, bottom = np.clip(np.ceil(high), 0, IMAGE_SIZE).astype(int).tolist()
    if left >= right or top >= bottom:
        raise ClipError('has a frame in which the person is outside the colour image')
    return left, top, right, bottom


def read_crops(video: str | Path, boxes: Sequence[tuple[int, Box]]) -> list['Image']:
    """Decode a video up to the last frame that is needed, and cut out the boxes.

    Parameters
    ----------
    video : path.
    boxes : list of (frame, box). The frames do not descend.

    Returns
    -------
    list of PIL images, one for each box.

    Raises
    ------
    ClipError
        If the video cannot be read or is too short.
    """
    av, _ = require_packages()
    crops, number = [], -1
    try:
        with av.open(str(video), options=LIMITS, metadata_errors='replace') as container:
            decoder = container.streams.video[0].codec_context
            if decoder is None:
                raise ClipError('the video is of a format that cannot be decoded')
            decoder.options = {'max_pixels': LIMITS['max_pixels']}
            for number, frame in enumerate(container.decode(video=0)):
                if boxes[len(crops)][0] == number:
                    image = frame.to_image()
                while len(crops) < len(boxes) and boxes[len(crops)][0] == number:
                    low, high = np.reshape(boxes[len(crops)][1], (2, 2)) * (image.size / IMAGE_SIZE)
                    crops.append(image.crop((*np.floor(low), *np.ceil(high))))
                if len(crops) == len(boxes):
                    return crops
    except (av.FFmpegError, IndexError) as error:  # IndexError: a file without a video stream
        raise ClipError(f'the video cannot be read after {counted(number + 1, "frame")}: {error}') from error
    raise ClipError(f'the video has {counted(number + 1, "frame")}, but the skeleton needs frame {boxes[-1][0] + 1}')


def join_strips(images: Sequence['Image']) -> 'Image':
    """Put PIL images side by side from left to right on a canvas of 480 × 480, resizing each to its strip."""
    _, pillow = require_packages()
    canvas, edges = pillow.new('RGB', (SIDE, SIDE)), np.linspace(0, SIDE, len(images) + 1).astype(int)
    for image, left, right in zip(images, edges, edges[1:]):
        canvas.paste(image.resize((int(right - left), SIDE), pillow.Resampling.BICUBIC), (int(left), 0))
    return canvas


def require_packages() -> tuple[ModuleType, ModuleType]:
    """Return the modules av and PIL.Image; raise InputError if they are not installed."""
    try:
        import av
        from PIL import Image
    except ImportError as error:
        raise InputError(
            f'images from videos need the packages av and Pillow: pip install -r LLMs/requirements.txt ({error})'
        ) from error
    return av, Image
