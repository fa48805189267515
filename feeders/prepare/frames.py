"""The colour videos of NTU RGB+D → <name>.jpg, a picture of each clip's people over time (the rule: crops.py).

A picture that is there already is left as it is, so a run that was interrupted goes on where it ended.
"""

import io
import time
from functools import partial
from pathlib import Path

from tqdm import tqdm

from feeders.prepare import crops
from feeders.prepare.build import LeftOut, add_arguments, attempt, ordered_map, summarise, whole_or_error
from feeders.prepare.ntu import find_files, read_excluded
from torchlight.errors import InputError
from torchlight.files import atomic_path, make_folder

ENDINGS = ('.avi', '.mp4', '.mkv', '.mov', '.webm')
QUALITY = 95  # of the JPEG


def add_parsers(commands):
    """The command `frames`."""
    parser = commands.add_parser('frames', help='NTU colour videos and skeletons → a picture a clip')
    parser.add_argument('--videos', required=True, metavar='DIR', help='the folder with <name>_rgb.avi, at any depth')
    parser.add_argument('--skeletons', required=True, nargs='+', metavar='DIR', help='folders of .skeleton files')
    parser.add_argument(
        '--exclude',
        metavar='FILE',
        help="the owners' list of recordings with missing skeletons: any text that names them",
    )
    add_arguments(parser, 'DIR', 'the folder for <name>.jpg; those that are there are not made again')
    parser.set_defaults(run=run)


def run(args):
    """Make the pictures that are missing; returns the exit status."""
    crops.require_packages()
    began = time.perf_counter()
    footage, left_out = find_footage(args.videos, args.skeletons, read_excluded(args.exclude))
    make_folder(args.out)
    wanted = [clip for clip in footage if not is_whole(picture_path(args.out, clip))]
    made = ordered_map(partial(attempt, jpeg), wanted, args.num_worker, chunk=1)
    kept = len(footage)
    for clip, data in zip(wanted, tqdm(made, total=len(wanted), unit='clip', desc='frames', disable=None)):
        if isinstance(data, str):
            left_out.append(LeftOut(clip.video, data))
            kept -= 1
            continue
        path = picture_path(args.out, clip)
        with whole_or_error(path), atomic_path(path) as temporary:
            temporary.write_bytes(data)
    if not kept:
        raise InputError(
            f'none of {len(left_out)} videos gives a picture; the first: {left_out[0].source}: {left_out[0].reason}'
        )
    return summarise(
        args, kept, left_out, time.perf_counter() - began, f'{len(footage) - len(wanted)} of them there before'
    )


def find_footage(videos, skeletons, excluded=()):
    """The clips that have a video and a skeleton, and what is left out.

    Args:
        videos: a folder, searched at any depth. skeletons: folders. excluded: names not wanted.
    Returns: list of crops.Footage by name, list of LeftOut.
    Raises InputError where a folder is missing or empty.
    """
    if not Path(videos).is_dir():
        raise InputError(f'{videos} is not a folder; --videos takes the folder that holds <name>_rgb.avi')
    files = sorted(
        (file for file in Path(videos).rglob('*') if file.suffix.lower() in ENDINGS), key=lambda file: file.name
    )
    if not files:
        raise InputError(f'no video ({", ".join(ENDINGS)}) in {videos}; --videos takes the folder of <name>_rgb.avi')
    skeleton = {file.stem: str(file) for file in reversed(find_files(skeletons, '--skeletons'))}
    footage, left_out = {}, []
    for file in files:
        name = file.stem.removesuffix('_rgb')
        if name in excluded:
            left_out.append(LeftOut(str(file), 'named in the list to exclude', asked=True))
        elif name in footage:
            left_out.append(LeftOut(str(file), f'has the same name as {footage[name].video}, which is kept'))
        elif name not in skeleton:
            left_out.append(LeftOut(str(file), f'has no {name}.skeleton in {", ".join(skeletons)}'))
        else:
            footage[name] = crops.Footage(name, str(file), skeleton[name])
    return list(footage.values()), left_out


def jpeg(footage):
    """The bytes of one clip's <name>.jpg."""
    data = io.BytesIO()
    crops.picture(footage).save(data, 'JPEG', quality=QUALITY)
    return data.getvalue()


def picture_path(folder, footage):
    return Path(folder) / f'{footage.name}.jpg'


def is_whole(path):
    """Is a JPEG of the right size there, down to its last two bytes?"""
    _, pillow = crops.require_packages()
    try:
        with open(path, 'rb') as file, pillow.open(file) as image:
            file.seek(-2, io.SEEK_END)
            return image.size == (crops.SIDE, crops.SIDE) and file.read() == b'\xff\xd9'
    except OSError:  # not there, or no picture
        return False
