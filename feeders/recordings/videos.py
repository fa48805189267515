"""Video clips: the colour videos of NTU RGB+D, each with its `.skeleton` file."""

from collections.abc import Collection, Iterable
from pathlib import Path
from typing import NamedTuple

from feeders.recordings.clips import LeftOut, find_files
from torchlight.errors import InputError
from torchlight.names import RULE, unsafe

ENDINGS = ('.avi', '.mp4', '.mkv', '.mov', '.webm')


class VideoClip(NamedTuple):
    """A clip's name and the paths of its colour video and its `.skeleton` file."""

    name: str
    video: str
    skeleton: str


def find_video_clips(
    videos: str | Path, skeletons: Iterable[str | Path], excluded: Collection[str] = ()
) -> tuple[list[VideoClip], list[LeftOut]]:
    """Find the clips that have a video and a skeleton, at any depth.

    Parameters
    ----------
    videos : path. The folder of the videos <name>_rgb.avi.
    skeletons : paths. The folders of the `.skeleton` files.
    excluded : str. Names of clips that are not wanted (default: none).

    Returns
    -------
    clips : list of VideoClip, by name.
    left_out : list of LeftOut. The other videos.

    Raises
    ------
    InputError
        If a folder is missing or empty.
    """
    if not Path(videos).is_dir():
        raise InputError(f'{videos} is not a folder; --videos takes the folder that contains <name>_rgb.avi')
    files = sorted(
        (file for file in Path(videos).rglob('*') if file.suffix.lower() in ENDINGS), key=lambda file: file.name
    )
    if not files:
        raise InputError(f'no video ({", ".join(ENDINGS)}) in {videos}; --videos takes the folder of <name>_rgb.avi')
    skeleton = {file.stem: str(file) for file in reversed(find_files(skeletons, '*.skeleton', '--skeletons'))}
    clips, left_out = {}, []
    for file in files:
        name = file.stem.removesuffix('_rgb')
        if name in excluded:
            left_out.append(LeftOut(str(file), 'named in the list to exclude', asked=True))
        elif unsafe([name]):
            left_out.append(LeftOut(ascii(str(file)), f'is of the clip {name!a}: {RULE}'))
        elif name in clips:
            left_out.append(LeftOut(str(file), f'has the same name as {clips[name].video}, which is kept'))
        elif name not in skeleton:
            left_out.append(LeftOut(str(file), f'has no {name}.skeleton in {", ".join(map(str, skeletons))}'))
        else:
            clips[name] = VideoClip(name, str(file), skeleton[name])
    return list(clips.values()), left_out
