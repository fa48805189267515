"""Clips of your own: arrays or the JSON of pose estimators, and a table of labels → store, and a config beside it.

Legend: T frames, M persons, V joints, C coordinates.
"""

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from feeders.label_table import Row, read_label_table
from feeders.mapped import read_npy
from feeders.prepare import own_data, store_builder
from feeders.recordings.clips import Clip, LeftOut
from feeders.recordings.pose_estimators import JOINTS, is_clip_folder, read_poses
from feeders.scale import looks_like_confidence
from torchlight.errors import InputError

FILES = '.npy', '.json'
POSES = 'JSON of OpenPose (a folder of frames), AlphaPose, COCO results or MMPose'


def add_parser(commands: argparse._SubParsersAction) -> None:
    """Add the command `custom`."""
    parser = commands.add_parser('custom', help='make a store, and a config, from clips of your own and their labels')
    parser.add(
        '--raw',
        required=True,
        nargs='+',
        metavar='DIR',
        help=f'folders that contain <name>.npy, each (T, V, C) or (T, M, V, C) with C = 2 or 3, or {POSES}',
    )
    parser.add(
        '--labels',
        required=True,
        metavar='FILE.csv',
        help='table with the header name,label[,split]; labels are numbers from 0 or names of classes',
    )
    parser.add(
        '--confidence',
        action='store_true',
        help='the third coordinate of the arrays is the confidence of a keypoint in an image',
    )
    parser.add('--dataset', default='custom', metavar='NAME', help="data set's name in the store (default: custom)")
    own_data.add_arguments(parser, 'as many as the arrays have; 1 for JSON')
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Write the store; return the exit status."""
    return store_builder.build_store(Reader(args.dataset, args))


class Reader(own_data.Reader):
    """Reads the clips of a table, in its order."""

    def sources(self) -> list:
        """Return the table's rows; its wrong lines and the clips that it does not name are left out."""
        table = read_label_table(self.args.labels, self.classes)
        rows, self.classes = [row._replace(name=_without_ending(row.name)) for row in table.rows], table.classes
        if table.wrong and not rows:
            raise InputError(f'{self.args.labels} has no row that can be used; the first: {": ".join(table.wrong[0])}')
        left_out, named = [LeftOut(*line) for line in table.wrong], {row.name for row in rows}
        for path in self.clips():
            name = path.name if path.is_dir() else path.stem
            kept = self.file(name)
            if name not in named:
                left_out.append(LeftOut(str(path), f'is not in {self.args.labels}'))
            elif path != kept:
                left_out.append(LeftOut(str(path), f'has the same name as {kept}, which is kept'))
        self.layout = self.common_layout(rows)
        self.choose_graph(row.split for row in rows)
        return left_out + rows

    def read(self, source: Row) -> Clip:
        """Read one row's clip."""
        path = self.file(source.name)
        frames = read_npy(path, mapped=True) if path.suffix == '.npy' else read_poses(path, self.layout[0])
        return Clip(source.name, frames, source.label, source.split)

    def clips(self) -> Iterator[Path]:
        """Yield what the folders of --raw contain."""
        for folder in map(Path, self.args.raw):
            if not folder.is_dir():
                raise InputError(f'{folder} is not a folder; --raw takes the folders that contain the clips')
            yield from sorted(folder.glob('*.npy'))
            yield from sorted(folder.glob('*.json'))
            yield from filter(is_clip_folder, sorted(folder.iterdir()))

    def file(self, name: str) -> Path:
        """Return the clip's file or folder, in the first folder that has it."""
        paths = [Path(folder) / f'{name}{ending}' for folder in self.args.raw for ending in (*FILES, '')]
        return next((path for path in paths if path.is_dir() or (path.exists() and path.name != name)), paths[0])

    def common_layout(self, rows: Sequence[Row]) -> tuple[int, int, int]:
        """Return (M, V, C): the most persons of all clips, the joints and coordinates of the first that has any."""
        paths = [self.file(row.name) for row in rows]
        estimated = next((path for path in paths if path.suffix != '.npy'), None)
        shapes = {path: shape for path in paths if path.suffix == '.npy' and (shape := _shape(path))}
        first = next(iter(shapes), None)
        self.confidence = self.args.confidence or estimated is not None
        if estimated and shapes and not self.args.confidence:
            raise InputError(f'{estimated} has confidences; give --confidence if the arrays beside it have them too')
        if not estimated and not shapes:
            raise InputError(
                f'{", ".join(self.args.raw)} has no <name>.npy of (T, V, C) or (T, M, V, C) with C = 2 or 3, nor '
                f'{POSES}, for any of the names in {self.args.labels}'
            )
        joints = (JOINTS, 3) if estimated else shapes[first][2:]
        if self.args.confidence and joints[1] != 3:
            raise InputError('--confidence needs arrays of three coordinates, x, y and the confidence; these have two')
        if not self.confidence and looks_like_confidence(read_npy(first)):
            print(f'warning: {first} looks like pixels with a confidence; if so, give --confidence', file=sys.stderr)
        persons = [shape[1] for shape in shapes.values() if shape[2:] == joints]
        return self.args.num_person or max(persons, default=0) or 1, *joints


def _without_ending(name: str) -> str:
    """Return the name of a clip, of which a table may state the file."""
    return Path(name).stem if Path(name).suffix in FILES else name


def _shape(path: Path) -> tuple[int, ...]:
    """Return the shape (T, M, V, C) of the array in a file, () if it has none of two or three coordinates."""
    try:
        shape = read_npy(path, mapped=True).shape
    except InputError:
        return ()  # reported when it is read
    if len(shape) not in (3, 4) or shape[-1] not in (2, 3):
        return ()
    return shape if len(shape) == 4 else (shape[0], 1, *shape[1:])
