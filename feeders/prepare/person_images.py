"""The colour videos of NTU RGB+D → <name>.jpg, an image of each clip's people over time (by recordings/crops.py).

Images that are already there are kept, so a run that was interrupted resumes where it ended.
"""

import argparse
import io
import time
from functools import partial
from pathlib import Path

from tqdm import tqdm

from feeders.prepare.ntu import add_exclude, read_excluded
from feeders.prepare.store_builder import add_arguments, summarise
from feeders.recordings import crops
from feeders.recordings.clips import LeftOut, attempt, ordered_map
from feeders.recordings.videos import VideoClip, find_video_clips
from torchlight.errors import InputError, counted
from torchlight.files import make_folder, write_bytes

QUALITY = 95  # of the JPEG


def add_parser(commands: argparse._SubParsersAction) -> None:
    """Add the command `frames`."""
    parser = commands.add_parser('frames', help='make an image of the people in each clip of NTU colour videos')
    parser.add('--videos', required=True, metavar='DIR', help='folder that contains <name>_rgb.avi, at any depth')
    parser.add('--skeletons', required=True, nargs='+', metavar='DIR', help='folders that contain the .skeleton files')
    add_exclude(parser)
    add_arguments(parser, 'DIR', 'folder for the images <name>.jpg; complete ones that are already there are kept')
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Make the images that are missing; return the exit status."""
    crops.require_packages()
    began = time.perf_counter()
    clips, left_out = find_video_clips(args.videos, args.skeletons, read_excluded(args.exclude))
    make_folder(args.out)
    missing = [clip for clip in clips if not is_complete(image_path(args.out, clip))]
    images = ordered_map(partial(attempt, jpeg), missing, args.num_worker, chunk=1)
    kept = len(clips)
    for clip, data in zip(missing, tqdm(images, total=len(missing), unit='clip', desc='frames', disable=None)):
        if isinstance(data, str):
            left_out.append(LeftOut(clip.video, data))
            kept -= 1
            continue
        write_bytes(image_path(args.out, clip), data)
    if not kept:
        raise InputError(
            f'no image can be made of {counted(len(left_out), "video")}; the first: {left_out[0].source}: '
            f'{left_out[0].reason}'
        )
    note = f'of which {counted(len(clips) - len(missing), "was", "were")} already there'
    return summarise(args, kept, left_out, time.perf_counter() - began, note)


def jpeg(clip: VideoClip) -> bytes:
    """Return the content of one clip's <name>.jpg."""
    data = io.BytesIO()
    crops.person_image(clip).save(data, 'JPEG', quality=QUALITY)
    return data.getvalue()


def image_path(folder: str | Path, clip: VideoClip) -> Path:
    """Return the path of a clip's image."""
    return Path(folder) / f'{clip.name}.jpg'


def is_complete(path: Path) -> bool:
    """Return whether a JPEG of the right size is there, down to its last two bytes."""
    _, pillow = crops.require_packages()
    try:
        with open(path, 'rb') as file, pillow.open(file) as image:
            file.seek(-2, io.SEEK_END)
            return image.size == (crops.SIDE, crops.SIDE) and file.read() == b'\xff\xd9'
    except OSError:  # there is no file, or it is not an image
        return False
