"""Where the pictures come from: a folder of images, or NTU videos with their skeletons."""

import itertools
from abc import ABC, abstractmethod
from argparse import Namespace
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from feeders.label_table import read_names
from feeders.recordings import crops
from feeders.recordings.clips import ClipError, LeftOut, attempt
from feeders.recordings.videos import find_video_clips
from LLMs.hub import import_package
from torchlight.errors import InputError
from torchlight.names import RULE, unsafe

if TYPE_CHECKING:
    from PIL.Image import Image as Picture
else:
    Picture = Any  # Pillow is imported only when pictures are read, so that its absence is one line

ENDINGS = ('.jpg', '.jpeg', '.png', '.webp', '.bmp')
FORMATS = ('JPEG', 'PNG', 'WEBP', 'BMP')  # of what is in the files: Pillow would start a program for others
LARGEST = 50_000_000  # pixels


class PictureSource(ABC):
    """One picture for each of many clips.

    Parameters
    ----------
    clips : {clip name: source}. What `read` makes the clip's picture from.
    names : N str, the clips that are wanted, or None for all, by name.
    absent : str. Why a wanted clip is left out if it is not in `clips`.

    Attributes
    ----------
    rule : str. How the pictures are made, for the store.
    names : list of str. The clips that have a picture, in order.
    left_out : list of LeftOut. The clips that have none.
    """

    rule: ClassVar[str]

    def __init__(self, clips: Mapping[str, Any], names: Sequence[str] | None, absent: str) -> None:
        wanted = sorted(clips) if names is None else list(dict.fromkeys(names))
        self.clips = clips
        self.names = [name for name in wanted if name in clips]
        self.left_out = [LeftOut(name, absent) for name in wanted if name not in clips]

    @abstractmethod
    def read(self, name: str) -> Picture:
        """Return a clip's picture; raise ClipError or InputError if it cannot be read. Threads call this."""


class ImageFolder(PictureSource):
    """The images in a folder, at any depth, named by their clips: <name>.jpg, .png, ….

    Parameters
    ----------
    folder : path.
    names : N str, the clips that are wanted, or None for every image (default).

    Raises
    ------
    InputError
        If the folder is missing, contains no image, or contains two of one name.
    """

    rule = 'pictures as found'

    def __init__(self, folder: str | Path, names: Sequence[str] | None = None) -> None:
        if not Path(folder).is_dir():
            raise InputError(f'--images is {folder}, which is not a folder')
        files = sorted(file for file in Path(folder).rglob('*') if file.suffix.lower() in ENDINGS)
        if not files:
            raise InputError(f'the folder {folder} contains no image ({", ".join(ENDINGS)})')
        clips: dict[str, Path] = {}
        for file in files:
            if clips.setdefault(file.stem, file) != file:
                raise InputError(f'{file} and {clips[file.stem]} have the same name; a clip has one image')
        wrong = [LeftOut(ascii(str(clips.pop(name))), RULE) for name in unsafe(list(clips))]
        super().__init__(clips, names, f'has no image in {folder}')
        if names is None:
            self.left_out = wrong
        self._image = import_package('PIL.Image', 'reading images')

    def read(self, name: str) -> Picture:
        """Return the clip's image in RGB; raise ClipError if it cannot be read."""
        try:
            with self._image.open(self.clips[name], formats=FORMATS) as image:
                if image.width * image.height > LARGEST:
                    raise ValueError(f'it has {image.width} × {image.height} pixels, more than {LARGEST:,}')
                return image.convert('RGB')
        except (OSError, ValueError, SyntaxError, self._image.DecompressionBombError) as error:
            raise ClipError(f'{self.clips[name]} is not a readable image: {error}') from error


class VideoFolder(PictureSource):
    """Pictures made from NTU colour videos and `.skeleton` files, without writing them.

    Parameters
    ----------
    videos : path. A folder of <name>_rgb.avi, ….
    skeletons : paths. Folders of .skeleton files.
    names : N str, the clips that are wanted, or None for all (default).

    Raises
    ------
    InputError
        If a folder is missing or empty, or if a package is missing.
    """

    rule = f'{crops.MOMENTS} person crops side by side, {crops.SIDE}×{crops.SIDE}'

    def __init__(self, videos: str | Path, skeletons: Sequence[str], names: Sequence[str] | None = None) -> None:
        crops.require_packages()
        clips, unpaired = find_video_clips(videos, skeletons)
        absent = f'has no video in {videos} or no skeleton in {", ".join(skeletons)}'
        super().__init__({clip.name: clip for clip in clips}, names, absent)
        if names is None:
            self.left_out = unpaired

    def read(self, name: str) -> Picture:
        """Return the clip's picture; raise ClipError or InputError if it cannot be made."""
        return crops.person_image(self.clips[name])


def open_source(args: Namespace) -> PictureSource:
    """Return the source that the flags --images, or --videos and --skeletons, name."""
    names = read_names(args.names) if args.names else None
    if bool(args.images) == bool(args.videos):
        raise InputError('give either --images, or --videos with --skeletons')
    if args.images:
        return ImageFolder(args.images, names)
    if not args.skeletons:
        raise InputError('--videos needs --skeletons, whose joints show where the people are')
    return VideoFolder(args.videos, args.skeletons, names)


def read_ahead(source: PictureSource, names: Sequence[str], workers: int) -> Iterator[tuple[str, Picture | str]]:
    """Yield (name, picture, or the reason why there is none) in order; threads read a few pictures ahead."""
    workers = max(1, workers)
    pool = ThreadPoolExecutor(workers)
    submitted = ((name, pool.submit(attempt, source.read, name)) for name in names)
    waiting = deque(itertools.islice(submitted, 4 * workers))
    try:
        while waiting:
            name, image = waiting.popleft()
            waiting.extend(itertools.islice(submitted, 1))
            yield name, image.result()
    finally:
        pool.shutdown(cancel_futures=True)
