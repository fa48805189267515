"""What each benchmark says of its clips: how many classes there are, and which one a clip's name means.

Legend: N clips.
"""

from collections import Counter
from pathlib import Path
from typing import NamedTuple

import numpy as np

from feeders.prepare.class_names import CLASS_NAMES
from feeders.splits import OFFICIAL_COUNTS, is_train, ntu_label, parse_utd, ucla_label
from feeders.stores import open_skeletons, read_names, require_file
from torchlight.errors import InputError
from torchlight.imports import nearest
from torchlight.scores import read_arrays

NAMED = 5  # names given in one line; the rest is counted
CUSTOM = 'custom'


class Benchmark(NamedTuple):
    """dataset, rule: as feeders.splits knows them. label: clip name → its class."""

    dataset: str
    rule: str
    label: callable

    @property
    def num_class(self):
        return len(CLASS_NAMES[self.dataset])


def utd_label(name):
    """The 0-based label of a UTD-MHAD clip."""
    return parse_utd(name).action - 1


BENCHMARKS = {
    'NTU60XSub': Benchmark('ntu60', 'xsub', ntu_label),
    'NTU60XView': Benchmark('ntu60', 'xview', ntu_label),
    'NTU120XSub': Benchmark('ntu120', 'xsub', ntu_label),
    'NTU120XSet': Benchmark('ntu120', 'xset', ntu_label),
    'NW-UCLA': Benchmark('nw-ucla', 'xview', ucla_label),
    'UTD-MHAD': Benchmark('utd-mhad', 'xsub', utd_label),
}
CTRGCN_NAMES = {
    'ntu/xsub': 'NTU60XSub',
    'ntu/xview': 'NTU60XView',
    'ntu120/xsub': 'NTU120XSub',
    'ntu120/xset': 'NTU120XSet',
}


def benchmark_named(text):
    """A benchmark's name in any case, or CTR-GCN's name for it → the name; raises InputError for any other."""
    names = {name.lower(): name for name in (*BENCHMARKS, CUSTOM)} | CTRGCN_NAMES
    if text.lower() not in names:
        raise InputError(f'the benchmark {text!r} is not known{nearest(text, [*BENCHMARKS, CUSTOM, *CTRGCN_NAMES])}')
    return names[text.lower()]


def dataset_of(benchmark):
    """The data set's name, '' for a custom benchmark."""
    return '' if benchmark == CUSTOM else BENCHMARKS[benchmark].dataset


def labels_of(benchmark, clips, classes, path=None):
    """(N,) int64: each clip's label, by its name's rule or, for a custom benchmark, from the file at `path`.

    Raises InputError where a clip has none, or the scores' `classes` are not those of the benchmark.
    """
    if benchmark == CUSTOM:
        label = read_labels(path, clips)
        if not 0 <= label.min() <= label.max() < classes:
            raise InputError(
                f'{path} has labels {label.min()} to {label.max()}; with {classes} classes in the scores, '
                f'0 to {classes - 1} are expected'
            )
        return label
    label = labels_from_names(benchmark, clips)
    if classes != BENCHMARKS[benchmark].num_class:
        raise InputError(f'the scores have {classes} classes, and {benchmark} has {BENCHMARKS[benchmark].num_class}')
    return label


def labels_from_names(benchmark, clips):
    """(N,) int64 by the benchmark's rule; raises InputError where a name has no label there."""
    try:
        label = np.array([BENCHMARKS[benchmark].label(clip) for clip in clips])
    except InputError as error:
        raise InputError(f'{error}: these are not the clips of {benchmark}; is --benchmark right?') from error
    classes = BENCHMARKS[benchmark].num_class
    wrong = [clips[i] for i in np.flatnonzero((label < 0) | (label >= classes))]
    if wrong:
        raise InputError(
            f"{some(len(clips), wrong)} mean a class beyond {benchmark}'s {classes}; is --benchmark right?"
        )
    return label


def remarks(benchmark, clips):
    """What is unusual about these clips for the benchmark: a list of sentences."""
    if benchmark == CUSTOM:
        return []
    dataset, rule, _ = BENCHMARKS[benchmark]
    train = [clip for clip in clips if is_train(clip, dataset, rule)]
    official = OFFICIAL_COUNTS[dataset, rule][1]
    found = [f'{some(len(clips), train)} are training clips of {benchmark}'] if train else []
    if not train and len(clips) != official:
        found.append(f'{benchmark} has {official} test clips, and here are {len(clips)}')
    return found


def read_twins():
    """The 95 test clips of NW-UCLA that are byte for byte training clips; found by `feeders.prepare inspect`."""
    return frozenset(read_names(Path(__file__).with_name('nw_ucla_twins.txt')))


def read_sample(path):
    """The clip names, in order, of a name list or a val_label.pkl; raises InputError where one comes twice."""
    clips = _read_val_label(path)[0] if _is_pickle(path) else read_names(path)
    if not clips:
        raise InputError(f'{path} names no clips')
    _refuse_repeated(path, clips)
    return clips


def read_labels(path, clips):
    """(N,) int64: the labels of `clips` in a skeleton store, a val_label.pkl, or a table name,label from 0.

    Raises InputError for a file that is none of these, and for clips it does not label.
    """
    if _is_pickle(path):
        names, labels = _read_val_label(path)
    elif Path(path).suffix == '.h5':
        store = open_skeletons(path)
        names, labels = store.name, store.label.tolist()
    else:
        from feeders.prepare.tables import read_table  # only here: it brings what prepares whole data sets

        rows, wrong = read_table(path)
        if wrong:
            raise InputError(f'{wrong[0].source}: {wrong[0].reason}')
        names, labels = [name for name, _, _ in rows], [label for _, label, _ in rows]
    _refuse_repeated(path, names)
    found = dict(zip(names, labels))
    missing = [clip for clip in clips if clip not in found]
    if missing:
        raise InputError(f'{some(len(clips), missing)} have no label in {path}')
    return np.array([found[clip] for clip in clips])


def some(count, names):
    """'12 of `count` clips (a, b, c, d, e, …)'."""
    first = ', '.join(str(name)[:60] for name in names[:NAMED])
    return f'{len(names)} of {count} clips ({first}{", …" if len(names) > NAMED else ""})'


def _is_pickle(path):
    with open(require_file(path), 'rb') as file:
        return Path(path).suffix == '.pkl' or file.read(1) == b'\x80'


def _refuse_repeated(path, clips):
    if len(set(clips)) < len(clips):
        repeated = [clip for clip, count in Counter(clips).items() if count > 1]
        raise InputError(f'{path}: {some(len(set(clips)), repeated)} come more than once')


def _read_val_label(path):
    """NW-UCLA's published list, [{'file_name': …, 'label': from 1, …}, …] → names, labels from 0: two lists."""
    rows = read_arrays(path)
    try:
        names, labels = [row['file_name'] for row in rows], [int(row['label']) - 1 for row in rows]
        valid = all(isinstance(name, str) for name in names) and min(labels, default=0) >= 0
    except (TypeError, KeyError, ValueError, IndexError, OverflowError):
        valid = False
    if not valid:
        raise InputError(
            f"{path} is not a list of {{'file_name': …, 'label': from 1}}; a text file of names, one a "
            'line, serves as well'
        )
    return names, labels
