"""NTU RGB+D 60 and 120: a folder of `.skeleton` files → one store for both protocols, and the public `.npz`.

Legend: N clips, T frames, 150 = 2 persons × 25 joints × xyz.
"""

import re
from functools import partial
from pathlib import Path

from feeders.prepare import denoise
from feeders.prepare.build import Clip, LeftOut, add_arguments, build_store
from feeders.prepare.public_npz import write_public_npz
from feeders.prepare.skeleton_file import ClipError, read_skeleton
from feeders.splits import ntu_label
from torchlight.errors import InputError
from torchlight.files import require_file

CLASSES = {'ntu60': 60, 'ntu120': 120}
LAYOUT = (2, 25, 3)


def add_parsers(commands):
    """The commands `ntu60` and `ntu120`."""
    for dataset, classes in CLASSES.items():
        parser = commands.add_parser(dataset, help=f'NTU RGB+D, {classes} classes: .skeleton files → store')
        parser.add_argument('--raw', required=True, nargs='+', metavar='DIR', help='folders of .skeleton files')
        parser.add_argument(
            '--exclude',
            metavar='FILE',
            help="the owners' list of recordings with missing skeletons: any text that names them",
        )
        parser.add_argument('--npz', metavar='DIR', help='write the public .npz files there as well')
        add_arguments(parser)
        parser.set_defaults(run=partial(run, dataset))


def run(dataset, args):
    """Write the store, and the public arrays where asked."""
    files, excluded = find_files(args.raw), read_excluded(args.exclude)
    wanted = [file for file in files if file.stem not in excluded]
    left_out = [LeftOut(str(file), f'named in {args.exclude}', asked=True) for file in files if file.stem in excluded]
    status = build_store(args, dataset, LAYOUT, wanted, partial(read_clip, CLASSES[dataset]), left_out)
    if args.npz:
        write_public_npz(args.out, args.npz)
    return status


def find_files(folders, flag='--raw'):
    """All `.skeleton` files of the folders, by name; raises InputError, naming the flag, where there is none."""
    for folder in map(Path, folders):
        if not folder.is_dir():
            raise InputError(f'{folder} is not a folder; {flag} takes the folders that hold the .skeleton files')
    files = [file for folder in folders for file in Path(folder).glob('*.skeleton')]
    if not files:
        raise InputError(f'no .skeleton file in {", ".join(folders)}; {flag} takes the folders that hold them')
    return sorted(files, key=lambda file: file.name)


def read_excluded(path):
    """The clip names in a text of any layout; an empty set for None."""
    if path is None:
        return set()
    names = set(re.findall(r'S\d{3}C\d{3}P\d{3}R\d{3}A\d{3}', require_file(path).read_text(errors='replace')))
    if not names:
        raise InputError(f'{path} names no clip of the form SsssCcccPpppRrrrAaaa')
    return names


def read_clip(classes, path):
    """Parse and clean one file → Clip; raises ClipError or InputError where it is unusable."""
    frames = denoise.prepare(read_skeleton(path))
    label = ntu_label(path.stem)
    if not 0 <= label < classes:
        raise ClipError(f'action {label + 1} is not among the {classes} of this data set')
    return Clip(path.stem, label, frames)
