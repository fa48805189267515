"""Name lists: the clips of one split of a store, one a line."""

from pathlib import Path

from feeders.splits import PROTOCOLS, is_train, public_order
from feeders.stores import open_skeletons
from torchlight.errors import InputError
from torchlight.files import write_text


def add_parsers(commands):
    """The command `names`."""
    parser = commands.add_parser('names', help='write the clip names of a split, in the order of the store')
    parser.add_argument('--store', required=True, metavar='FILE.h5')
    parser.add_argument('--benchmark', help='xsub, xview or xset (not for a store that names its splits)')
    parser.add_argument('--split', required=True, choices=('train', 'test'))
    parser.add_argument(
        '--public-order',
        action='store_true',
        help='in the order of the public NTU arrays, for scores that count instead of naming',
    )
    parser.add_argument('--out', required=True, metavar='FILE.txt')
    parser.set_defaults(run=run)


def run(args):
    """Write the list; raises InputError where the split is unknown or empty."""
    names = names_of(open_skeletons(args.store), args.benchmark, args.split == 'train')
    if args.public_order:
        if args.benchmark is None:
            raise InputError('--public-order needs --benchmark')
        names = public_order(names, args.benchmark)
    if not names:
        raise InputError(f'{args.store} has no {args.split} clip by this rule')
    write_text(args.out, ''.join(f'{name}\n' for name in names))
    print(f'{Path(args.out)}: {len(names)} names')
    return 0


def names_of(store, benchmark, train):
    """The names of a store's training (or test) clips, by rule or by the store's own splits."""
    if benchmark is not None:
        return [name for name in store.name if is_train(name, store.dataset, benchmark) == train]
    if store.split is None:
        rules = ', '.join(PROTOCOLS.get(store.dataset, ())) or 'none known'
        raise InputError(f'the store of {store.dataset or "unknown data"} names no splits; give --benchmark ({rules})')
    return [name for name, split in zip(store.name, store.split) if (split == 'train') == train]
