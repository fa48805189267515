"""Import the public NTU arrays: both splits of an `.npz` → one store, each clip under its name, without the padding.

Legend: T frames.
"""

import argparse

import numpy as np

from feeders.datasets import DATASETS
from feeders.label_table import SPLITS, read_names
from feeders.prepare import store_builder
from feeders.public_npz import open_npz
from feeders.recordings.clips import Clip, ClipError
from feeders.splits import is_train
from torchlight.errors import InputError


def add_parser(commands: argparse._SubParsersAction) -> None:
    """Add the command `import-npz`."""
    public = [row for row in DATASETS.values() if any(protocol.npz for protocol in row.protocols.values())]
    protocols = sorted({name for row in public for name in row.protocols})
    parser = commands.add_parser('import-npz', help='make a store from a public NTU .npz and the names of its clips')
    parser.add('--npz', required=True, metavar='FILE', help='public arrays: x_train, y_train, x_test, y_test')
    parser.add('--dataset', required=True, choices=[row.name for row in public], help='data set of the .npz')
    for split in SPLITS:
        parser.add(
            f'--{split}-names', metavar='FILE', help=f'names of the clips of x_{split}, one per line, in its order'
        )
    parser.add(
        '--names',
        metavar='FILE',
        help='names of all clips in any order, instead of two lists; --benchmark gives them the public order',
    )
    parser.add('--benchmark', choices=protocols, help='protocol of the .npz')
    store_builder.add_arguments(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Write the store; return the exit status."""
    if args.num_worker is None:
        args.num_worker = 0  # the disk is the limit here, not the cores
    return store_builder.build_store(Reader(args.dataset, args))


class Reader(store_builder.Reader):
    """Reads the rows of x_train, then those of x_test."""

    def sources(self) -> list:
        """Open both splits; return (split, row) of each clip."""
        self.stores = {split: open_npz(self.args.npz, split, names) for split, names in self.names().items()}
        return [(split, row) for split in SPLITS for row in range(len(self.stores[split]))]

    def read(self, source: tuple[str, int]) -> Clip:
        """Read one row.

        NTU120's arrays show the person of a one-person clip twice, so there a slot 2 that differs from slot 1, even an
        empty one, means two persons; in NTU60's an empty slot 2 means one.
        """
        split, row = source
        store = self.stores[split]
        name, label, frames = store.name[row], int(store.label[row]), store.clip(row)
        if not name.startswith(f'{split}_') and self.dataset.label(name) != label:
            raise ClipError(
                f'has label {label}, but {name} means {self.dataset.label(name)}: the names are in another order, or '
                'belong to another file'
            )
        copied = self.dataset.copies_person
        single = np.array_equal(frames[:, 0], frames[:, 1]) if copied else not frames[:, 1].any()
        return Clip(name, frames[:, :1] if single else frames, label, split)

    def names(self) -> dict[str, list[str] | None]:
        """Return the names of both splits' clips, each in the order of the arrays; None if they are not given."""
        args = self.args
        if args.names is None:
            given = {'train': args.train_names, 'test': args.test_names}
            return {split: path and read_names(path) for split, path in given.items()}
        if args.benchmark is None or args.train_names or args.test_names:
            raise InputError('--names lists the clips of both splits: give --benchmark with it, and no other list')
        ordered = self.dataset.public_order(read_names(args.names), args.benchmark)
        return {
            split: [name for name in ordered if is_train(name, self.name, args.benchmark) == (split == 'train')]
            for split in SPLITS
        }
