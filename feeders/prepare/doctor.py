"""The data doctor: what is in a store, and what is wrong with it.

Legend: N clips, T frames, M persons, V joints, C coordinates, D feature width.
"""

import hashlib
from collections import Counter
from pathlib import Path

import h5py
import numpy as np

from feeders.prepare.class_names import CLASS_NAMES, class_name
from feeders.prepare.figure import draw_clip
from feeders.prepare.names import names_of
from feeders.splits import OFFICIAL_COUNTS, PROTOCOLS, ntu_label
from feeders.stores import FEATURE_FORMAT, SkeletonStore, open_features, open_npz, open_skeletons
from torchlight.errors import InputError

NAMED = 5  # clips named in one line; the rest is counted


def add_parsers(commands):
    """The command `inspect`."""
    parser = commands.add_parser('inspect', help='say what stores hold and what is wrong with them')
    parser.add_argument('files', nargs='+', metavar='FILE', help='skeleton stores, public .npz, feature stores')
    parser.add_argument('--figure', metavar='FILE.png', help="draw a clip's skeleton over time")
    parser.add_argument('--clip', metavar='NAME', help='the clip to draw (default: the first)')
    parser.set_defaults(run=run)


class PublicArrays(SkeletonStore):
    """Both splits of a public NTU `.npz` as one store, for looking at."""

    def __init__(self, path):
        self.parts = [open_npz(path, split) for split in ('train', 'test')]
        columns = [
            np.concatenate([getattr(part, key) for part in self.parts])
            for key in ('start', 'length', 'name', 'label', 'person')
        ]
        split = ['train'] * len(self.parts[0]) + ['test'] * len(self.parts[1])
        classes = np.shape(np.load(path)['y_test'])[1:]
        dataset = {(60,): 'ntu60', (120,): 'ntu120'}.get(classes, '')
        super().__init__(self.parts[0].frames, *columns, dataset, split)

    def clip(self, index):
        """(T, 2, 25, 3) float32."""
        first = len(self.parts[0])
        return self.parts[0].clip(index) if index < first else self.parts[1].clip(index - first)


def run(args):
    """Print the findings; returns 1 where something is wrong, else 0."""
    skeletons, features, problems = {}, {}, 0
    for path in args.files:
        store = open_any(path)
        (skeletons if isinstance(store, SkeletonStore) else features)[path] = store
    if args.figure and not skeletons:
        raise InputError('--figure draws a skeleton, and no skeleton store is given')
    for title, store in skeletons.items():
        problems += tell(title, *examine_skeletons(store))
    for title, store in features.items():
        problems += tell(title, *examine_features(store))
    for title, store in skeletons.items():
        for other, feature_store in features.items():
            problems += tell(f'{title} with {other}', *examine_join(store, feature_store))
    if args.figure:
        draw(args, skeletons)
    return int(problems > 0)


def open_any(path):
    """The SkeletonStore or FeatureStore at `path`."""
    if Path(path).suffix == '.npz':
        return PublicArrays(path)
    if Path(path).is_dir() or (h5py.is_hdf5(path) and _format(path) == FEATURE_FORMAT):
        return open_features(path)
    return open_skeletons(path)


def examine_skeletons(store):
    """What a skeleton store holds and what is wrong with it: two lists of str."""
    persons, joints, coordinates = store.layout
    facts = [
        f'{len(store)} clips of {store.dataset or "an unnamed data set"}, '
        f'{persons} persons × {joints} joints × {coordinates} coordinates'
    ]
    if not len(store):
        return facts, ['it is empty']
    low, high, broken, zero, digests = _scan(store)
    facts += [
        f'lengths {store.length.min()}–{store.length.max()} frames, median {np.median(store.length):g}, '
        f'in all {store.length.sum()}',
        'persons: ' + ', '.join(f'{count} clips of {number}' for number, count in _counts(store.person)),
        f'values {low:.4g} … {high:.4g}',
        _classes(store),
    ]
    facts += _splits(store, digests)
    problems = [
        _some('clips hold NaN or Inf', broken),
        _some('clips are all zero', zero),
        _some('names occur more than once', _repeated(store.name)),
        _some('labels are out of range or not of their name', _wrong_labels(store)),
        _some('clips have no frame', [n for n, length in zip(store.name, store.length) if length < 1]),
    ]
    return facts, list(filter(None, problems))


def examine_features(store):
    """What a feature store holds and what is wrong with it: two lists of str."""
    facts = [
        f'{len(store.name)} features of width {store.width}; '
        + (
            ', '.join(f'{key}: {value}' for key, value in store.attributes.items() if key not in ('format', 'version'))
            or 'nothing is said of their origin'
        )
    ]
    broken, zero, digests = [], [], set()
    for row, name in enumerate(store.name):
        feature = store.feature[row]
        if not np.isfinite(feature).all():
            broken.append(name)
        if not feature.any():
            zero.append(name)
        digests.add(feature.tobytes())
    facts.append(f'{len(digests)} of them differ')
    problems = [
        _some('features hold NaN or Inf', broken),
        _some('features are all zero', zero),
        _some('names occur more than once', _repeated(store.name)),
    ]
    return facts, list(filter(None, problems))


def examine_join(store, features):
    """Which clips have a feature: two lists of str."""
    clips, rows = set(store.name), set(features.name)
    facts = [f'{len(clips & rows)} of {len(clips)} clips have a feature']
    if rows - clips:
        facts.append(_some('features have no clip', sorted(rows - clips)))
    return facts, list(filter(None, [_some('clips have no feature', sorted(clips - rows))]))


def tell(title, facts, problems):
    """Print one examination; returns the number of problems."""
    print(f'{title}: ' + (f'{len(problems)} problems' if problems else 'sound'))
    for line in facts:
        print(f'  {line}')
    for line in problems:
        print(f'  WRONG: {line}')
    return len(problems)


def draw(args, skeletons):
    """Draw the clip asked for, from the first store that has it."""
    for store in skeletons.values():
        if len(store) and (args.clip is None or args.clip in store.name):
            index = store.name.index(args.clip) if args.clip else 0
            name, meaning = store.name[index], class_name(store.dataset, int(store.label[index]))
            draw_clip(args.figure, f'{name}  {meaning}'.strip(), store.clip(index))
            print(f'{args.figure}: {name}, {store.length[index]} frames')
            return
    raise InputError(f'no store given has the clip {args.clip!r}')


def _format(path):
    with h5py.File(path, 'r') as file:
        return file.attrs.get('format')


def _scan(store):
    """One pass over the frames: smallest and largest value, names with NaN or Inf, names all zero, digests."""
    low, high, broken, zero, digests = np.inf, -np.inf, [], [], []
    for index, name in enumerate(store.name):
        clip = store.clip(index)
        finite = clip[np.isfinite(clip)]
        if finite.size < clip.size:
            broken.append(name)
        if not clip.any():
            zero.append(name)
        if finite.size:
            low, high = min(low, finite.min()), max(high, finite.max())
        digests.append(hashlib.sha256(clip.tobytes()).digest())
    return low, high, broken, zero, digests


def _classes(store):
    named = (
        f'{label} {class_name(store.dataset, label)}'.strip() + f' ({count})' for label, count in _counts(store.label)
    )
    return f'{len(set(store.label.tolist()))} classes (clips): ' + ', '.join(named)


def _splits(store, digests):
    """A line for each protocol: clips, the official counts, and test clips that are also training clips."""
    benchmarks = [] if isinstance(store, PublicArrays) else list(PROTOCOLS.get(store.dataset, ()))
    lines = []
    for benchmark in ([None] if store.split is not None else []) + benchmarks:
        try:
            train, test = (set(names_of(store, benchmark, part)) for part in (True, False))
        except InputError as error:
            lines.append(f'{benchmark}: {error}')
            continue
        known = {digest for name, digest in zip(store.name, digests) if name in train}
        twins = [name for name, digest in zip(store.name, digests) if name in test and digest in known]
        lines.append(
            f'{benchmark or "its own splits"}: {len(train)} train, {len(test)} test'
            + _official(store.dataset, benchmark)
            + (f'; {_some("test clips are byte-identical to training clips", twins)}' if twins else '')
        )
    if len(set(digests)) < len(digests):
        lines.append(f'{len(digests) - len(set(digests))} clips repeat an earlier one byte for byte')
    return lines


def _official(dataset, benchmark):
    """' (official: …)', of every protocol for a store's own splits; '' where nothing is known."""
    counts = [
        f'{rule} {train} train, {test} test'
        for (name, rule), (train, test) in OFFICIAL_COUNTS.items()
        if name == dataset and benchmark in (None, rule)
    ]
    return f' (official: {"; ".join(counts)})' if counts else ''


def _wrong_labels(store):
    """Labels out of the data set's range, or of another action than an NTU clip's name says."""
    classes = len(CLASS_NAMES.get(store.dataset, ())) or np.inf
    wrong = []
    for name, label in zip(store.name, store.label):
        try:
            meant = ntu_label(name) if store.dataset in ('ntu60', 'ntu120') else label
        except InputError:
            meant = label
        if not 0 <= label < classes or label != meant:
            wrong.append(f'{name} (label {label})')
    return wrong


def _counts(values):
    return sorted(Counter(values.tolist()).items())


def _repeated(names):
    return [name for name, count in Counter(names).items() if count > 1]


def _some(what, names):
    """'12 clips are …: a, b, c, d, e, …', or '' for none."""
    more = ', …' if len(names) > NAMED else ''
    return f'{len(names)} {what}: {", ".join(names[:NAMED])}{more}' if names else ''
