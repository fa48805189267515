"""The command `inspect`: what a store contains, and what is wrong with it.

Legend: N clips, T frames, M persons, V joints, C coordinates, D feature width.
"""

import argparse
import zipfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from feeders import feature_store
from feeders.datasets import DATASETS, Dataset, class_names
from feeders.feature_store import FeatureStore, read_features
from feeders.hdf5 import format_of
from feeders.integrity import lines, name_problems
from feeders.known_graphs import parents_of
from feeders.prepare.pose_figure import draw_clip
from feeders.public_npz import BothSplits
from feeders.skeleton_store import SkeletonStore, read_skeletons
from feeders.splits import names_of
from torchlight.errors import InputError, counted, first_few
from torchlight.files import require_ending

Findings = tuple[list[str], list[str]]  # facts and problems, one per line
TWIN = 'test clip is byte-identical to a training clip'
TWINS = 'test clips are byte-identical to training clips'


def add_parser(commands: argparse._SubParsersAction) -> None:
    """Add the command `inspect`."""
    parser = commands.add_parser('inspect', help='describe stores and find what is wrong with them')
    parser.add_argument(
        'files', nargs='+', metavar='FILE', help='skeleton stores, public .npz files, and feature stores'
    )
    parser.add(
        '--verify',
        action='store_true',
        help='instead, compare the clips of stores with their checksums, and those of .npz and other zip files',
    )
    parser.add('--figure', metavar='FILE.png', help="figure to write: a clip's skeleton over time")
    parser.add('--clip', metavar='NAME', help='clip to draw (default: the first)')
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Print the findings; return 1 if there are problems, else 0."""
    skeletons, features, problems = {}, {}, 0
    if args.figure:
        require_ending(args.figure, '.png', flag='--figure')
    if args.verify:
        return int(sum(report(path, *verify(path)) for path in args.files) > 0)
    for path in args.files:
        store = open_any(path)
        (skeletons if isinstance(store, SkeletonStore) else features)[path] = store
    if args.figure and not skeletons:
        raise InputError('--figure draws a skeleton, but no skeleton store is given')
    for title, store in skeletons.items():
        problems += report(title, *examine_skeletons(store))
    for title, store in features.items():
        problems += report(title, *examine_features(store))
    for title, store in skeletons.items():
        for other, feature in features.items():
            problems += report(f'{title} with {other}', *examine_join(store, feature))
    if args.figure:
        draw(args, skeletons)
    return int(problems > 0)


def open_any(path: str) -> SkeletonStore | FeatureStore:
    """Open a store of either kind, or a public .npz."""
    if Path(path).suffix == '.npz':
        return BothSplits(path)
    if Path(path).is_dir() or format_of(path) == feature_store.FORMAT.name:
        return read_features(path)
    return read_skeletons(path)


def verify(path: str) -> Findings:
    """Compare all clips of a store with their checksums, or the members of a zip file with the file's."""
    if zipfile.is_zipfile(path):
        return _verify_zip(path)
    store = open_any(path)
    is_features = isinstance(store, FeatureStore)
    rows = np.arange(len(store.name))
    faults = store.faults(rows, store.name) if is_features else store.faults(rows)
    has = 'no checksums' if store.crc32 is None else 'a checksum each'
    return [f'{counted(len(rows), "feature" if is_features else "clip")}, with {has}'], faults


def _verify_zip(path: str) -> Findings:
    try:
        with zipfile.ZipFile(path) as archive:
            facts, damaged = [counted(len(archive.namelist()), 'member')], archive.testzip()
    except Exception as error:  # on damage zipfile and zlib raise errors of many kinds
        return [], [f'it cannot be read: {" ".join(str(error).split())}']
    return facts, [] if damaged is None else [f'{damaged} and perhaps others differ from their checksums']


def examine_skeletons(store: SkeletonStore) -> Findings:
    """Describe a skeleton store and find its problems."""
    persons, joints, coordinates = store.layout
    facts = [
        f'{counted(len(store), "clip")} of {store.dataset or "an unnamed data set"}, '
        f'{counted(persons, "person")} × {joints} joints × {coordinates} coordinates'
        + (', the last of which is a confidence' if store.confidence else '')
        + ('; centred and scaled, each clip by itself' if store.normalised else '')
    ]
    if not len(store):
        return facts, ['it is empty']
    (low, high, zero), digests = _scan(store), store.digests()
    facts += [
        f'lengths {store.length.min()}–{store.length.max()} frames, median {np.median(store.length):g}, '
        f'total {store.length.sum()}',
        'persons: ' + ', '.join(f'{counted(count, "clip")} of {number}' for number, count in _counts(store.person)),
        f'values {low:.4g} … {high:.4g}',
        _classes(store),
        *_splits(store, digests),
    ]
    problems = [
        *store.faults(np.arange(len(store))),
        _list('clip is all zero', 'clips are all zero', zero),
        *store.problems(),
        _list(
            'label is out of range or differs from the name',
            'labels are out of range or differ from the name',
            _wrong_labels(store),
        ),
        _list(
            'clip has no frames',
            'clips have no frames',
            [name for name, length in zip(store.name, store.length) if length < 1],
        ),
    ]
    return facts, list(filter(None, problems))


def examine_features(store: FeatureStore) -> Findings:
    """Describe a feature store and find its problems."""
    origin = [f'{key}: {value}' for key, value in store.attributes.items() if key not in ('format', 'version')]
    rows = np.arange(len(store.name))
    zero = [name for row, name in enumerate(store.name) if not store.feature[row].any()]
    digests = {store.feature[row].tobytes() for row in rows}
    facts = [
        f'{counted(len(store.name), "feature")} of width {store.width}; '
        f'{", ".join(origin) or "their origin is not recorded"}',
        f'{len(digests)} of them differ',
    ]
    problems = [
        *store.faults(rows, store.name),
        _list('feature is all zero', 'features are all zero', zero),
        *name_problems(store.name),
    ]
    return facts, list(filter(None, problems))


def examine_join(store: SkeletonStore, features: FeatureStore) -> Findings:
    """Find the clips without a feature and the features without a clip."""
    clips, rows = set(store.name), set(features.name)
    facts = [f'features for {len(clips & rows)} of {counted(len(clips), "clip")}']
    if rows - clips:
        facts.append(_list('feature has no clip', 'features have no clip', sorted(rows - clips)))
    missing = _list('clip has no feature', 'clips have no feature', sorted(clips - rows))
    return facts, [missing] if missing else []


def report(title: str, facts: list[str], problems: list[str]) -> int:
    """Print one examination; return the number of problems."""
    print(f'{title}: ' + (counted(len(problems), 'problem') if problems else 'sound'))
    for line in facts:
        print(f'  {line}')
    for line in problems:
        print(f'  WRONG: {line}')
    return len(problems)


def draw(args: argparse.Namespace, skeletons: dict[str, SkeletonStore]) -> None:
    """Draw the clip that --clip names, from the first store that has it."""
    for store in skeletons.values():
        if len(store) and (args.clip is None or args.clip in store.name):
            index = store.name.index(args.clip) if args.clip else 0
            name, action = store.name[index], _class_name(store, int(store.label[index]))
            frames = store.positions(index)
            draw_clip(args.figure, f'{name}  {action}'.strip(), frames, parents_of(store.dataset, *frames.shape[2:]))
            print(f'{args.figure}: {name}, {counted(int(store.length[index]), "frame")}')
            return
    raise InputError(f'none of the stores has the clip {args.clip!r}')


def _scan(store: SkeletonStore) -> tuple[float, float, list[str]]:
    """Find the smallest and the largest value, NaN apart, and the names of clips that are all zero."""
    low, high, zero = np.inf, -np.inf, []
    for index, name in enumerate(store.name):
        clip = store.clip(index)
        if not clip.any():
            zero.append(name)
        low, high = np.fmin.reduce(clip, None, initial=low), np.fmax.reduce(clip, None, initial=high)
    return low, high, zero


def _classes(store: SkeletonStore) -> str:
    named = (f'{label} {_class_name(store, label)}'.strip() + f' ({count})' for label, count in _counts(store.label))
    return f'{counted(len(set(store.label.tolist())), "class", "classes")} (clips): ' + ', '.join(named)


def _class_name(store: SkeletonStore, label: int) -> str:
    names = class_names(store.dataset, store.classes)
    return names[label] if 0 <= label < len(names) else ''


def _splits(store: SkeletonStore, digests: Sequence[str]) -> list[str]:
    """Describe each division in a line: clips, the official counts, and test clips that are also training clips."""
    row, lines, divisions = DATASETS.get(store.dataset), [], {None: []} if store.split is not None else {}
    for name, protocol in row.protocols.items() if row and not isinstance(store, BothSplits) else ():
        divisions.setdefault(protocol.train, []).append(name)
    for rule, protocols in divisions.items():
        title = ', '.join(protocols) if rule else 'its own splits'
        try:
            train, test = (set(names_of(store, protocols[0] if rule else None, part)) for part in (True, False))
        except InputError as error:
            lines.append(f'{title}: {error}')
            continue
        known = {digest for name, digest in zip(store.name, digests) if name in train}
        twins = [name for name, digest in zip(store.name, digests) if name in test and digest in known]
        lines.append(
            f'{title}: {len(train)} train, {len(test)} test'
            + _official(row, protocols)
            + (f'; {_list(TWIN, TWINS, twins)}' if twins else '')
        )
    if len(set(digests)) < len(digests):
        lines.append(
            f'{counted(len(digests) - len(set(digests)), "clip repeats", "clips repeat")} an earlier one byte for byte'
        )
    return lines


def _official(row: Dataset | None, protocols: Sequence[str]) -> str:
    """Return ' (official: …)': the counts of some protocols, of all if none is given; '' if none is known."""
    counts = {}
    for name in protocols or (row.protocols if row else ()):
        counts.setdefault(row.protocols[name].counts, []).append(name)
    known = ['{} {} train, {} test'.format(first_few(names), *count) for count, names in counts.items()]
    return f' (official: {"; ".join(known)})' if known else ''


def _wrong_labels(store: SkeletonStore) -> list[str]:
    """Return the clips whose label the data set does not have, or whose name states another label."""
    row = DATASETS.get(store.dataset)
    return [
        f'{name} (label {label})'
        for name, label in zip(store.name, store.label.tolist())
        if label < 0 or (row and (label >= row.num_class or _names_another_label(row, name, label)))
    ]


def _names_another_label(row: Dataset, name: str, label: int) -> bool:
    try:
        row.fields(name)
    except InputError:  # the name has another form and states no label
        return False
    try:
        return row.label(name) != label
    except InputError:  # the name states an action that the data set does not have
        return True


def _counts(values: np.ndarray) -> list[tuple[int, int]]:
    return sorted(Counter(values.tolist()).items())


def _list(one: str, several: str, names: Sequence[str]) -> str:
    """Return '12 clips are …: a, b, c, d, e, …', or '' if there are none."""
    return ''.join(lines((one, several, names)))
