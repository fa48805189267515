"""Data that is already in arrays: a public NTU `.npz`, or a folder of `.npy` with a table of labels.

Legend: N clips, T frames, M persons, V joints, C coordinates.
"""

import csv
from functools import partial
from pathlib import Path

import numpy as np

from feeders.arrays import read_npy
from feeders.prepare.build import Clip, LeftOut, add_arguments, build_store
from feeders.prepare.skeleton_file import ClipError
from feeders.splits import is_train, ntu_label, public_order
from feeders.stores import open_npz, read_names
from torchlight.errors import InputError
from torchlight.files import require_file

COLUMNS = (['name', 'label'], ['name', 'label', 'split'])
SPLITS = 'train', 'test'


def add_parsers(commands):
    """The commands `import-npz` and `custom`."""
    parser = commands.add_parser('import-npz', help='a public NTU .npz and its name lists → store')
    parser.add_argument('--npz', required=True, metavar='FILE', help='x_train, y_train, x_test, y_test')
    parser.add_argument('--dataset', required=True, choices=('ntu60', 'ntu120'))
    parser.add_argument('--train-names', metavar='FILE', help='names of x_train, one a line, in its order')
    parser.add_argument('--test-names', metavar='FILE', help='names of x_test, one a line, in its order')
    parser.add_argument('--names', metavar='FILE', help='or: all names, put into the public order by --benchmark')
    parser.add_argument('--benchmark', choices=('xsub', 'xview', 'xset'), help='the protocol of the .npz')
    add_arguments(parser)
    parser.set_defaults(run=run_import)
    parser = commands.add_parser('custom', help='a folder of <name>.npy and a table name,label[,split] → store')
    parser.add_argument('--raw', required=True, metavar='DIR', help='<name>.npy, each T×V×C or T×M×V×C, C 2 or 3')
    parser.add_argument('--labels', required=True, metavar='FILE.csv', help='name,label[,split]; labels from 0')
    parser.add_argument('--dataset', default='custom', metavar='NAME', help="the store's name for it")
    add_arguments(parser)
    parser.set_defaults(run=run_custom)


def run_import(args):
    """Both splits of the `.npz` → one store, each clip under its name, without the padding."""
    stores = {split: open_npz(args.npz, split, names) for split, names in _names_of(args).items()}
    sources = [(split, index) for split in SPLITS for index in range(len(stores[split]))]
    if args.num_worker is None:
        args.num_worker = 0  # the disk is the limit here, not the cores
    return build_store(args, args.dataset, (2, 25, 3), sources, partial(read_row, stores, args.dataset))


def read_row(stores, dataset, source):
    """Row `index` of x_`split` → Clip.

    NTU120's arrays hold a one-person clip's actor twice, so there a slot 2 of its own, even an empty one, means two
    persons; elsewhere an empty slot 2 means one.
    """
    split, index = source
    store = stores[split]
    name, label, frames = store.name[index], int(store.label[index]), store.clip(index)
    if not name.startswith(f'{split}_') and ntu_label(name) != label:
        raise ClipError(
            f'row {index} of x_{split} has label {label}, and {name} means {ntu_label(name)}: '
            'the names are in another order, or of another file'
        )
    if not len(frames) or not np.isfinite(frames).all():
        raise ClipError(f'row {index} of x_{split} holds NaN, Inf or no frame')
    alone = np.array_equal(frames[:, 0], frames[:, 1]) if dataset == 'ntu120' else not frames[:, 1].any()
    return Clip(name, label, frames[:, :1] if alone else frames, split)


def _names_of(args):
    if args.names is None:
        given = {'train': args.train_names, 'test': args.test_names}
        return {split: path and read_names(path) for split, path in given.items()}
    if args.benchmark is None or args.train_names or args.test_names:
        raise InputError('--names holds the clips of both splits: give --benchmark with it, and no other list')
    ordered = public_order(read_names(args.names), args.benchmark)
    return {
        split: [name for name in ordered if is_train(name, args.dataset, args.benchmark) == (split == 'train')]
        for split in SPLITS
    }


def run_custom(args):
    """The table's clips, in its order → store."""
    rows, left_out = read_table(args.labels)
    folder = Path(args.raw)
    if not folder.is_dir():
        raise InputError(f'{folder} is not a folder; --raw takes the folder of the <name>.npy')
    named = {name for name, _, _ in rows}
    left_out += [
        LeftOut(str(file), f'is not in {args.labels}')
        for file in sorted(folder.glob('*.npy'))
        if file.stem not in named
    ]
    layout = _layout(folder, [name for name, _, _ in rows])
    return build_store(args, args.dataset, layout, rows, partial(read_array, folder, layout), left_out)


def read_table(path):
    """A table name,label[,split] → rows [(name, label, split)], LeftOut of the rows that are wrong."""
    with open(require_file(path), newline='', encoding='utf-8-sig', errors='replace') as file:
        try:
            lines = list(csv.reader(file))
        except csv.Error as error:
            raise InputError(f'{path} is not a CSV table: {error}') from error
    if not lines or [cell.strip() for cell in lines[0]] not in COLUMNS:
        found = repr(','.join(lines[0])[:60]) if lines else 'nothing'
        raise InputError(f'{path} begins with {found}; expected the header name,label or name,label,split')
    rows, left_out = [], []
    for number, cells in enumerate(lines[1:], 2):
        name, label, split = ([cell.strip() for cell in cells] + [''] * 3)[:3]
        if not any(cells):
            continue
        if len(cells) != len(lines[0]) or not label.isdecimal():
            left_out.append(LeftOut(f'{path} line {number}', f'{cells}: expected a name and a label from 0'))
        elif split not in SPLITS and len(lines[0]) == 3:
            left_out.append(LeftOut(f'{path} line {number}', f'split {split!r} is not one of {SPLITS}'))
        else:
            rows.append((name, int(label), split))
    return rows, left_out


def read_array(folder, layout, row):
    """One row's <name>.npy → Clip; raises ClipError where it does not fit `layout` (M, V, C)."""
    name, label, split = row
    frames = read_npy(folder / f'{name}.npy', mapped=True)
    if frames.ndim == 3:
        frames = frames[:, None]
    if frames.ndim != 4 or frames.shape[2:] != layout[1:] or not frames.shape[0] or not frames.shape[1]:
        raise ClipError(f'{name}.npy has shape {frames.shape}, expected T×V×C or T×M×V×C with V, C = {layout[1:]}')
    if not np.isfinite(frames).all():
        raise ClipError(f'{name}.npy holds NaN or Inf')
    return Clip(name, label, frames.astype(np.float32), split)


def _layout(folder, names):
    """(M, V, C): the most persons of all clips, the joints and coordinates of the first that has any."""
    persons, joints = 0, None
    for name in names:
        try:
            shape = read_npy(folder / f'{name}.npy', mapped=True).shape
        except InputError:
            continue  # reported when its turn comes
        if len(shape) in (3, 4) and shape[-1] in (2, 3):
            joints = joints or shape[-2:]
            persons = max(persons, shape[1] if len(shape) == 4 and shape[-2:] == joints else 1)
    if joints is None:
        raise InputError(f'{folder} has no <name>.npy of T×V×C or T×M×V×C (C 2 or 3) for any of {len(names)} rows')
    return persons, *joints
