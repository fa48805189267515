"""Name lists: the clips of one split of a store, one per line."""

import argparse
from pathlib import Path

from feeders.datasets import dataset_named
from feeders.skeleton_store import open_skeletons
from feeders.splits import names_of
from torchlight.errors import InputError, counted
from torchlight.files import write_text


def add_parser(commands: argparse._SubParsersAction) -> None:
    """Add the command `names`."""
    parser = commands.add_parser('names', help='write the clip names of one split, in the order of the store')
    parser.add('--store', required=True, metavar='FILE.h5', help='skeleton store whose clips are listed')
    parser.add('--benchmark', help='protocol, such as xsub; only for a store that does not name its splits itself')
    parser.add('--split', required=True, choices=('train', 'test'), help='split whose clips are listed')
    parser.add(
        '--public-order',
        action='store_true',
        help='list the names in the order of the public NTU arrays, to name scores that are only numbered',
    )
    parser.add('--out', required=True, metavar='FILE.txt', help='text file to write')
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Write the list; raise InputError if the split is unknown or empty."""
    store = open_skeletons(args.store)
    names = names_of(store, args.benchmark, args.split == 'train')
    if args.public_order:
        if args.benchmark is None:
            raise InputError('--public-order needs --benchmark')
        names = dataset_named(store.dataset).public_order(names, args.benchmark)
    if not names:
        raise InputError(f'{args.store} has no {args.split} clips by this rule')
    write_text(args.out, ''.join(f'{name}\n' for name in names))
    print(f'{Path(args.out)}: {counted(len(names), "name")}')
    return 0
