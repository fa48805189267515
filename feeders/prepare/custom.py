"""Clips of your own: a folder of `.npy` arrays and a table of labels → store.

Legend: T frames, M persons, V joints, C coordinates.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from feeders.label_table import Row, read_label_table
from feeders.mapped import read_npy
from feeders.prepare import store_builder
from feeders.recordings.clips import Clip, LeftOut
from feeders.scale import scale_warning
from feeders.skeleton_store import open_skeletons
from feeders.splits import NO_SPLIT
from torchlight.errors import InputError


def add_parser(commands: argparse._SubParsersAction) -> None:
    """Add the command `custom`."""
    parser = commands.add_parser('custom', help='make a store from <name>.npy files and a table of their labels')
    parser.add(
        '--raw',
        required=True,
        nargs='+',
        metavar='DIR',
        help='folders that contain <name>.npy, each (T, V, C) or (T, M, V, C) with C = 2 or 3',
    )
    parser.add(
        '--labels', required=True, metavar='FILE.csv', help='table with the header name,label[,split]; labels from 0'
    )
    parser.add('--dataset', default='custom', metavar='NAME', help="data set's name in the store (default: custom)")
    store_builder.add_arguments(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Write the store; return the exit status."""
    return store_builder.build_store(Reader(args.dataset, args))


class Reader(store_builder.Reader):
    """Reads the clips of a table, in its order."""

    layout = None  # `sources` finds it in the files

    def sources(self) -> list:
        """Return the table's rows; its wrong lines and the files that it does not name are left out."""
        rows, wrong = read_label_table(self.args.labels)
        if wrong and not rows:
            raise InputError(f'none of the {len(wrong)} rows can be used; {": ".join(wrong[0])}')
        self.has_split = any(row.split for row in rows)
        left_out, named = [LeftOut(*line) for line in wrong], {row.name for row in rows}
        for folder in map(Path, self.args.raw):
            if not folder.is_dir():
                raise InputError(f'{folder} is not a folder; --raw takes the folders that contain <name>.npy')
            for file in sorted(folder.glob('*.npy')):
                kept = self.file(file.stem)
                if file.stem not in named:
                    left_out.append(LeftOut(str(file), f'is not in {self.args.labels}'))
                elif file != kept:
                    left_out.append(LeftOut(str(file), f'has the same name as {kept}, which is kept'))
        self.layout = self.common_layout(rows)
        return left_out + rows

    def read(self, source: Row) -> Clip:
        """Read one row's file."""
        return Clip(source.name, read_npy(self.file(source.name), mapped=True), source.label, source.split)

    def finish(self) -> None:
        """Warn of what training with this store would refuse or suffer from."""
        if not self.has_split:
            print(f'warning: {self.args.labels} has no column split; {NO_SPLIT}', file=sys.stderr)
        if warning := scale_warning(open_skeletons(self.args.out)):
            print(f'warning: {warning}', file=sys.stderr)

    def file(self, name: str) -> Path:
        """Return the clip's file, in the first folder that has it."""
        files = [Path(folder) / f'{name}.npy' for folder in self.args.raw]
        return next(filter(Path.is_file, files), files[0])

    def common_layout(self, rows: Sequence[Row]) -> tuple[int, int, int]:
        """Return (M, V, C): the most persons of all clips, the joints and coordinates of the first that has any."""
        persons, joints = 0, None
        for row in rows:
            try:
                shape = read_npy(self.file(row.name), mapped=True).shape
            except InputError:
                continue  # reported when it is read
            if len(shape) in (3, 4) and shape[-1] in (2, 3):
                joints = joints or shape[-2:]
                persons = max(persons, shape[1] if len(shape) == 4 and shape[-2:] == joints else 1)
        if joints is None:
            raise InputError(
                f'{", ".join(self.args.raw)} has no <name>.npy of (T, V, C) or (T, M, V, C) with C = 2 or 3 for any of '
                f'the {len(rows)} rows of {self.args.labels}'
            )
        return persons, *joints
