"""Which clips train and which test: by protocol, by the splits a store names, held out, or mapped to other classes.

Legend: N clips.
"""

import copy
from collections.abc import Sequence

import numpy as np

from feeders.datasets import DATASETS, dataset_named
from feeders.skeleton_store import SkeletonStore
from torchlight.errors import InputError, counted, first_few

SPLITS = ('train', 'test', 'held_out', 'all')
NO_SPLIT = (
    'to train or test with this store, add the column split (train or test) to the table of labels and make the store '
    'again with `python -m feeders.prepare custom`'
)


def is_train(name: str, dataset: str, benchmark: str) -> bool:
    """Return whether the clip of this name is a training clip.

    Parameters
    ----------
    name : str. The clip's name.
    dataset : str. A data set of feeders.datasets, such as 'ntu60'.
    benchmark : str. One of its protocols: 'xsub', 'xview' or 'xset'.

    Raises
    ------
    InputError
        For an unknown data set or protocol, for a name of another form, and if not the name decides, but the store.
    """
    row = dataset_named(dataset)
    rule = row.protocol(benchmark).train
    if rule is None:
        raise InputError(f'which clips of {row.title} are for training is said by a store of them, not by their names')
    return bool(rule(row.fields(name)))


def train_mask(store: SkeletonStore, benchmark: str | None) -> np.ndarray:
    """Return for each clip of a store whether it is a training clip.

    Parameters
    ----------
    store : SkeletonStore of N clips.
    benchmark : str or None. The protocol; None for the splits that the store itself names, which some protocols take.

    Returns
    -------
    (N,) bool.

    Raises
    ------
    InputError
        If the store names no splits and no protocol is given, or the protocol is not one of its data set.
    """
    protocols = DATASETS[store.dataset].protocols if store.dataset in DATASETS else {}
    known = [name for name, protocol in protocols.items() if protocol.train]
    if store.split is None and not known:
        raise InputError(f'the store of {store.dataset or "unknown data"} does not name its splits; {NO_SPLIT}')
    rule = None if benchmark is None else dataset_named(store.dataset).protocol(benchmark).train
    if rule is not None:
        return rule(DATASETS[store.dataset].columns(store.name))
    if store.split is None:
        raise InputError(
            f'the store of {store.dataset} does not name its splits; give benchmark (known for this data set: '
            f'{first_few(known)})'
        )
    return np.array([part == 'train' for part in store.split], bool)


def names_of(store: SkeletonStore, benchmark: str | None, train: bool) -> list[str]:
    """Return the names of a store's training clips, or of its test clips, in the order of the store."""
    return [name for name, trains in zip(store.name, train_mask(store, benchmark)) if trains == train]


def check_split(split: str) -> None:
    """Raise InputError for a split that is not one of SPLITS."""
    if split not in SPLITS:
        raise InputError(f'split is {split!r}, not one of {SPLITS}')


def choose_split(
    store: SkeletonStore,
    split: str,
    benchmark: str | None = None,
    held_out: float = 0,
    held_out_by: str | None = None,
) -> SkeletonStore:
    """Choose the clips of one split.

    Parameters
    ----------
    store : SkeletonStore.
    split : str. 'train', 'test', 'held_out' (the share `held_out` of the training clips) or 'all'.
    benchmark : str or None. The protocol, for a store that does not name its splits (default None).
    held_out : float. Share of the training clips that is kept aside, stratified by class (default 0).
    held_out_by : str or None. A number in the names of the clips, such as 'subject': clips that share it stay on one
        side (default None: clips are divided one by one).

    Raises
    ------
    InputError
        If there is no rule for the store, or if no clip is left.
    """
    check_split(split)
    if split == 'all':
        return _require_clips(store, split)
    train = train_mask(store, benchmark)
    return hold_out(store.select(~train if split == 'test' else train), split, held_out, held_out_by)


def hold_out(store: SkeletonStore, split: str, held_out: float, held_out_by: str | None = None) -> SkeletonStore:
    """Divide the training clips: the share `held_out` for the split 'held_out', the rest for 'train'.

    Identical clips stay together, and those that share `held_out_by`. Test clips are returned unchanged.
    """
    if held_out and split != 'test':
        group = store.digests()
        if held_out_by is not None:
            group = joined(group, dataset_named(store.dataset).numbers(store.name, held_out_by))
        aside = held_out_mask(store.label, group, held_out)
        store = store.select(aside if split == 'held_out' else ~aside)
    elif split == 'held_out':
        raise InputError("split is 'held_out' and held_out is 0; give the share, such as 0.1")
    return _require_clips(store, split)


def held_out_mask(label: np.ndarray, group: Sequence, fraction: float, seed: int = 0) -> np.ndarray:
    """Choose a part of the training clips to select the best epoch on, stratified by class.

    Parameters
    ----------
    label : (N,) int. Classes.
    group : (N,) any. Clips of one group, such as identical recordings, stay on one side.
    fraction : float. The share to hold out, 0 < fraction ≤ 0.5: one clip in round(1 / fraction).
    seed : int. Seed of the choice (default 0).

    Returns
    -------
    (N,) bool. True for the held-out clips.
    """
    from sklearn.model_selection import StratifiedGroupKFold  # takes a second to import; few commands hold clips out

    if not 0 < fraction <= 0.5:
        raise InputError(f'held_out is {fraction}; expected a share above 0 and at most 0.5')
    parts, groups = round(1 / fraction), len(set(group))
    fewest = min(np.unique(label, return_counts=True)[1], default=0)
    if fewest < parts:
        raise InputError(
            f'held_out is {fraction}, one clip in {parts}, but the rarest class has {counted(int(fewest), "clip")}'
        )
    if groups < parts:
        raise InputError(
            f'held_out is {fraction}, one group of clips in {parts}, but there '
            f'{"is only 1 group" if groups == 1 else f"are only {groups}; give at least {1 / max(groups, 2):.2g}"}'
        )
    folds = StratifiedGroupKFold(n_splits=parts, shuffle=True, random_state=seed)
    mask = np.zeros(len(label), bool)
    mask[next(folds.split(np.zeros(len(label)), label, group))[1]] = True
    return mask


def joined(first: Sequence, second: Sequence) -> np.ndarray:
    """Return the groups, (N,) int, of clips that are connected by equal values of `first` or of `second`, N each."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    (_, a), (_, b) = (np.unique(values, return_inverse=True) for values in (first, second))
    nodes = a.max(initial=-1) + b.max(initial=-1) + 2
    links = coo_array((np.ones(len(a)), (a, b + a.max(initial=-1) + 1)), shape=(nodes, nodes))
    return connected_components(links, directed=False)[1][a]


def labelled(store: SkeletonStore, benchmark: str | None) -> SkeletonStore:
    """Return clips with the labels and the names of the classes that their protocol distinguishes."""
    row = DATASETS.get(store.dataset)
    protocol = row.protocols.get(benchmark) if row else None
    if protocol is None or not protocol.classes:
        return store
    row, store = row.under(protocol), copy.copy(store)
    store.label, store.classes = np.array([row.label(name) for name in store.name], np.int64), list(row.classes)
    return store


def map_labels(store: SkeletonStore, label_map: dict[int, int] | None) -> SkeletonStore:
    """Keep the clips whose label is a key of `label_map` and give them its values as labels.

    Parameters
    ----------
    store : SkeletonStore.
    label_map : {label of the data: label of the model's classes}, or None to keep all clips and labels.

    Raises
    ------
    InputError
        If the map has another form or leaves no clip.
    """
    if label_map is None:
        return store
    if not isinstance(label_map, dict) or not all(
        type(label) is int and label >= 0 for pair in label_map.items() for label in pair
    ):
        raise InputError(f'label_map is {label_map!r}; expected pairs of labels ≥ 0 such as {{2: 22}}')
    kept = store.select([label in label_map for label in store.label.tolist()])
    if not len(kept):
        found = np.unique(store.label).tolist()
        raise InputError(f'label_map selects no clips: its labels are {sorted(label_map)}, those of the clips {found}')
    kept.label = np.array([label_map[label] for label in kept.label.tolist()], np.int64)
    return kept


def _require_clips(store: SkeletonStore, split: str) -> SkeletonStore:
    if not len(store):
        raise InputError(f'the split {split!r} has no clips')
    return store
