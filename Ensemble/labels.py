"""The label of each clip: by its name and the rules of a benchmark or, for a custom benchmark, from a file.

Legend: N clips.
"""

from collections import Counter
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from feeders import datasets
from feeders.datasets import DATASETS, Dataset, Protocol
from feeders.label_table import read_label_table, read_names
from feeders.skeleton_store import open_skeletons
from torchlight.errors import InputError, first_few
from torchlight.files import require_file
from torchlight.imports import nearest
from torchlight.names import safe_names
from torchlight.pickles import read_arrays

CUSTOM = 'custom'
CTRGCN_NAMES = {
    'ntu/xsub': 'NTU60XSub',
    'ntu/xview': 'NTU60XView',
    'ntu120/xsub': 'NTU120XSub',
    'ntu120/xset': 'NTU120XSet',
}


class Benchmark(NamedTuple):
    """A data set with the classes of a benchmark, and the protocols of it: one, or the folds of a cross-validation."""

    dataset: Dataset
    protocols: list[Protocol]


def _benchmarks() -> dict[str, Benchmark]:
    found = {}
    for dataset in DATASETS.values():
        for protocol in dataset.protocols.values():
            found.setdefault(protocol.benchmark, Benchmark(dataset.under(protocol), [])).protocols.append(protocol)
    return found


BENCHMARKS = _benchmarks()
NAMES = (*BENCHMARKS, CUSTOM)


def benchmark_named(text: str) -> str:
    """Return the name of a benchmark that is given in any case or by CTR-GCN's name; raise InputError for any other."""
    names = {name.lower(): name for name in NAMES} | CTRGCN_NAMES
    if text.lower() not in names:
        raise InputError(f'the benchmark {text!r} is not known{nearest(text, [*NAMES, *CTRGCN_NAMES])}')
    return names[text.lower()]


def class_names(benchmark: str, num_class: int, path: str | None = None) -> Sequence[str]:
    """Return the names of the classes; those of a custom benchmark are in the store of its labels, or all ''."""
    if benchmark != CUSTOM:
        return BENCHMARKS[benchmark].dataset.classes
    store = open_skeletons(path) if path and Path(path).suffix == '.h5' else None
    names = datasets.class_names(store.dataset, store.classes) if store else []
    return [*names, *[''] * num_class][:num_class]


def labels_of(benchmark: str, clips: Sequence[str], num_class: int, path: str | None = None) -> np.ndarray:
    """Return the label of each clip.

    Parameters
    ----------
    benchmark : str. One of NAMES.
    clips : N str. The clips' names.
    num_class : int. Number of classes in the scores.
    path : str or None. The file of labels, for a custom benchmark only (default None).

    Returns
    -------
    (N,) int64.

    Raises
    ------
    InputError
        If a clip has no label, or the scores do not have the classes of the benchmark.
    """
    if benchmark == CUSTOM:
        label = read_labels(path, clips)
        if not 0 <= label.min() <= label.max() < num_class:
            raise InputError(
                f'{path} has labels {label.min()} to {label.max()}; with {num_class} classes in the scores, '
                f'0 to {num_class - 1} are expected'
            )
        return label
    label, expected = labels_from_names(benchmark, clips), BENCHMARKS[benchmark].dataset.num_class
    if num_class != expected:
        raise InputError(f'the scores have {num_class} classes, but {benchmark} has {expected}')
    return label


def labels_from_names(benchmark: str, clips: Sequence[str]) -> np.ndarray:
    """Return the labels (N,) int64 by the benchmark's rule; raise InputError if there are names without a label."""
    dataset, label, wrong = BENCHMARKS[benchmark].dataset, [], {}
    for clip in clips:
        try:
            label.append(dataset.label(clip))
        except InputError as error:
            wrong[clip] = error
    if wrong:
        raise InputError(
            f'{describe_clips(wrong, len(clips))} are not clips of {benchmark}: {next(iter(wrong.values()))}; '
            'is --benchmark right?'
        )
    return np.array(label)


def require_numbered(field: str, benchmark: str) -> None:
    """Raise InputError unless `field` is 'clip' or what the names of the benchmark's clips number."""
    if field != 'clip' and benchmark == CUSTOM:
        raise InputError(f'--interval-by {field} needs a benchmark whose clip names are known; give clip')
    if field != 'clip':
        BENCHMARKS[benchmark].dataset.numbers([], field)


def groups_by(field: str, benchmark: str, clips: Sequence[str]) -> np.ndarray:
    """Return the group (N,) int64 of each clip for a bootstrap: those that share a number of their names are one.

    Parameters
    ----------
    field : str. What the names number, such as 'subject', or 'clip' for groups of one clip.
    benchmark : str. One of NAMES.
    clips : N str. The clips' names.

    Raises
    ------
    InputError
        If the names do not have it, or there is only one group.
    """
    require_numbered(field, benchmark)
    if field == 'clip':
        return np.arange(len(clips))
    group = BENCHMARKS[benchmark].dataset.numbers(clips, field)
    if (group == group[0]).all():
        raise InputError(
            f'all clips have the {field} {group[0]}, so --interval-by {field} has nothing to draw; give clip'
        )
    return group


def remarks(benchmark: str, clips: Sequence[str]) -> list[str]:
    """Return sentences about what is unusual in these clips, all of which have a label in the benchmark."""
    if benchmark == CUSTOM:
        return []
    dataset, protocols = BENCHMARKS[benchmark]
    columns = dataset.columns(clips)
    in_training = [protocol.train(columns) for protocol in protocols if protocol.train]
    train = min(in_training, key=np.count_nonzero, default=np.zeros(len(clips), bool))  # of the fold that fits best
    if train.any():
        training = [clip for clip, trains in zip(clips, train) if trains]
        return [f'{describe_clips(training, len(clips))} are training clips of {benchmark}']
    official = protocols[0].counts[1]
    return [f'{benchmark} has {official} test clips, but these are {len(clips)}'] * (len(clips) != official)


def twins_among(benchmark: str, clips: Sequence[str]) -> np.ndarray | None:
    """Return which clips (N,) are copies of training clips, or None for a benchmark without known copies."""
    return np.isin(clips, read_twins()) if benchmark == 'NW-UCLA' else None


def read_twins() -> list[str]:
    """Return the 95 test clips of NW-UCLA that equal training clips byte for byte (see `feeders.prepare inspect`)."""
    return read_names(Path(__file__).with_name('nw_ucla_twins.txt'))


def read_sample(path: str) -> list[str]:
    """Read clip names, in order, from a list of names or a val_label.pkl; raise InputError if one is repeated."""
    clips = _read_val_label(path)[0] if _is_pickle(path) else read_names(path)
    if not clips:
        raise InputError(f'{path} contains no clip names')
    refuse_repeated(path, clips, len(set(clips)))
    return clips


def read_labels(path: str, clips: Sequence[str]) -> np.ndarray:
    """Read the labels (N,) int64 of `clips` from a skeleton store (.h5), a val_label.pkl, or a table name,label from 0.

    Raises
    ------
    InputError
        If the file is none of these, or does not have all the clips.
    """
    if _is_pickle(path):
        names, labels = _read_val_label(path)
    elif Path(path).suffix == '.h5':
        store = open_skeletons(path)
        names, labels = store.name, store.label.tolist()
    else:
        table = read_label_table(path)
        if table.wrong:
            raise InputError(': '.join(table.wrong[0]))
        if table.classes:
            raise InputError(
                f'{path} has names as labels; give the skeleton store that was made with it, which has numbers'
            )
        names, labels = [row.name for row in table.rows], [row.label for row in table.rows]
    refuse_repeated(path, names, len(set(names)))
    found = dict(zip(names, labels))
    missing = [clip for clip in clips if clip not in found]
    if missing:
        raise InputError(f'{describe_clips(missing, len(clips))} have no label in {path}')
    return np.array([found[clip] for clip in clips])


def describe_clips(names: Collection[str], total: int) -> str:
    """Count and name some of the clips: '12 of 464 clips (a, b, c, d, e, …)'."""
    return f'{len(names)} of {total} clips ({first_few(names)})'


def refuse_repeated(path: str, names: Sequence[str], total: int) -> None:
    """Raise InputError if a name occurs twice."""
    repeated = [name for name, count in Counter(names).items() if count > 1]
    if repeated:
        raise InputError(f'{path}: {describe_clips(repeated, total)} appear more than once')


def _is_pickle(path: str) -> bool:
    with open(require_file(path), 'rb') as file:
        return Path(path).suffix == '.pkl' or file.read(1) == b'\x80'


def _read_val_label(path: str) -> tuple[list[str], list[int]]:
    """Read NW-UCLA's published list, [{'file_name': …, 'label': from 1, …}, …] → names, labels from 0."""
    rows = read_arrays(path)
    try:
        names, labels = [row['file_name'] for row in rows], [int(row['label']) - 1 for row in rows]
        valid = all(isinstance(name, str) for name in names) and min(labels, default=0) >= 0
    except (TypeError, KeyError, ValueError, IndexError, OverflowError):
        valid = False
    if not valid:
        raise InputError(
            f"{path} is not a list of {{'file_name': …, 'label': from 1}}; expected such a list, or a text file of "
            'clip names, one per line'
        )
    return safe_names(names, path), labels
