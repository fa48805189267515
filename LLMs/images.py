"""Where the pictures come from: a folder of images, or NTU videos with their skeletons.

A source has `names` (the clips, in order), `left_out` (what it cannot give, LeftOut), `rule` (how its pictures are
made, for the store) and `read(name)` → PIL image, which raises ClipError or InputError.
"""

from collections import deque
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from feeders.prepare import crops
from feeders.prepare.build import LeftOut, attempt
from feeders.prepare.frames import find_footage
from feeders.prepare.skeleton_file import ClipError
from feeders.stores import read_names
from LLMs.loading import require
from torchlight.errors import InputError

ENDINGS = ('.jpg', '.jpeg', '.png', '.webp', '.bmp')


class ImageFolder:
    """The images in a folder, at any depth, named by their clips: <name>.jpg, .png ….

    Args:
        names: the clips wanted, or None for every image; those without an image are left out.
    Raises InputError where the folder is missing, holds no image, or two of one name.
    """

    rule = 'pictures as found'

    def __init__(self, folder, names=None):
        if not Path(folder).is_dir():
            raise InputError(f'--images is {folder}, which is not a folder')
        files = sorted(file for file in Path(folder).rglob('*') if file.suffix.lower() in ENDINGS)
        if not files:
            raise InputError(f'the folder {folder} holds no image ({", ".join(ENDINGS)})')
        self.path = {}
        for file in files:
            if file.stem in self.path:
                raise InputError(f'{file} and {self.path[file.stem]} have the same name; a clip has one image')
            self.path[file.stem] = file
        wanted = sorted(self.path) if names is None else list(dict.fromkeys(names))
        self.names = [name for name in wanted if name in self.path]
        self.left_out = [LeftOut(name, f'has no image in {folder}') for name in wanted if name not in self.path]
        self._image = require('PIL.Image', 'reading images')

    def read(self, name):
        """The clip's image in RGB."""
        try:
            with self._image.open(self.path[name]) as image:
                return image.convert('RGB')
        except (OSError, ValueError, SyntaxError, self._image.DecompressionBombError) as error:
            raise ClipError(f'{self.path[name]} is not a readable image: {error}') from error


class Footage:
    """Pictures made from NTU colour videos and `.skeleton` files, without writing them.

    Args:
        videos: a folder. skeletons: folders. names: the clips wanted, or None for all.
    """

    rule = f'{crops.MOMENTS} person crops side by side, {crops.SIDE}×{crops.SIDE}'

    def __init__(self, videos, skeletons, names=None):
        crops.require_packages()
        footage, self.left_out = find_footage(videos, skeletons)
        self.footage = {clip.name: clip for clip in footage}
        wanted = sorted(self.footage) if names is None else list(dict.fromkeys(names))
        self.names = [name for name in wanted if name in self.footage]
        if names is not None:
            self.left_out = [
                LeftOut(name, f'has no video in {videos} or no skeleton in {", ".join(skeletons)}')
                for name in wanted
                if name not in self.footage
            ]

    def read(self, name):
        """The clip's picture."""
        return crops.picture(self.footage[name])


def open_source(args):
    """The source that the flags --images, or --videos and --skeletons, name."""
    names = read_names(args.names) if args.names else None
    if bool(args.images) == bool(args.videos):
        raise InputError('give either --images, or --videos with --skeletons')
    if args.images:
        return ImageFolder(args.images, names)
    if not args.skeletons:
        raise InputError('--videos needs --skeletons, whose joints say where the people are')
    return Footage(args.videos, args.skeletons, names)


def read_ahead(source, names, workers):
    """Yield (name, PIL image or a str that says why there is none) in order, read by threads a few images ahead."""
    with ThreadPoolExecutor(max(1, workers)) as pool:
        waiting = deque()
        try:
            for name in names:
                waiting.append((name, pool.submit(partial(attempt, source.read), name)))
                if len(waiting) > 4 * max(1, workers):
                    name, image = waiting.popleft()
                    yield name, image.result()
            for name, image in waiting:
                yield name, image.result()
        finally:
            for _, image in waiting:
                image.cancel()
