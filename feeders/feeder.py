"""What the feeders share: whole batches from a store, joined with video and text features by clip name.

Legend: N clips of a batch, T frames, M persons, V joints, C coordinates, D feature width.
"""

from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch.utils.data import Dataset

from feeders import stores, transforms
from feeders.splits import held_out_mask, is_train
from torchlight.errors import InputError
from torchlight.imports import build

SPLITS = ('train', 'test', 'held_out', 'all')
ABLATIONS = (None, 'constant', 'shuffled')


class Batch(NamedTuple):
    """skeleton (N, C, T, V, M) float32, label (N,), index (N,) clip numbers; video (N, D), text (N, D) or None."""

    skeleton: torch.Tensor
    label: torch.Tensor
    index: torch.Tensor
    video: torch.Tensor | None = None
    text: torch.Tensor | None = None


class StoreFeeder(Dataset):
    """A split of a skeleton store as whole batches.

    A subclass gives `skeletons(rows, draws_of)`, (N, T, M, V, C) float32.

    Args:
        store: SkeletonStore of this split. graph, graph_args: the skeleton's graph, for its bones.
        bone, vel: the stream. repeat: how often each clip comes in an epoch.
        video, text: FeatureStore or None.
    """

    def __init__(self, store, graph, graph_args=None, bone=False, vel=False, repeat=1, video=None, text=None):
        self.store, self.bone, self.vel, self.repeat = store, bone, vel, repeat
        self.parents = build(graph, graph_args or {}, 'graph_args').parents
        if len(self.parents) != store.layout[1]:
            raise InputError(f'the clips have {store.layout[1]} joints and {graph} has {len(self.parents)}')
        self.feature_stores = {kind: features for kind, features in (('video', video), ('text', text)) if features}
        self.features = {
            kind: (features.feature, features.rows(store.name, kind)) for kind, features in self.feature_stores.items()
        }
        self._seed_epoch = torch.zeros(2, dtype=torch.int64).share_memory_()  # workers see it change

    def set_epoch(self, seed, epoch):
        """Choose the augmentations' random numbers; the same (seed, epoch) always draws the same."""
        self._seed_epoch[0], self._seed_epoch[1] = seed, epoch

    @property
    def name(self):
        """Clip names, one for each value of Batch.index."""
        return self.store.name

    @property
    def label(self):
        """(clips,) int64."""
        return self.store.label

    @property
    def layout(self):
        """(M, V, C) of a batch."""
        return self.store.layout

    @property
    def feature_width(self):
        """{'video': D_v, 'text': D_t} of the features there are."""
        return {kind: feature.shape[1] for kind, (feature, _) in self.features.items()}

    @property
    def feature_statistics(self):
        """{kind: (mean, std)}, each (D,) float32, over all clips of the feature's store."""
        return {kind: features.statistics for kind, features in self.feature_stores.items()}

    @property
    def feature_origin(self):
        """{kind: what made the features, in one line}."""
        return {kind: features.origin for kind, features in self.feature_stores.items()}

    def __len__(self):
        return len(self.store) * self.repeat

    def __getitem__(self, index):
        """A batch of one clip."""
        return self.__getitems__([index])

    def __getitems__(self, indices):
        """A list of positions, 0 ≤ i < len(self) → Batch."""
        indices = np.asarray(indices)
        rows = indices % len(self.store)
        skeleton = self.skeletons(rows, lambda count: transforms.uniform(*self._seed_epoch.tolist(), indices, count))
        skeleton = transforms.to_model(transforms.stream(skeleton, self.parents, self.bone, self.vel))
        features = {kind: torch.from_numpy(feature[place[rows]]) for kind, (feature, place) in self.features.items()}
        return Batch(torch.from_numpy(skeleton), torch.from_numpy(self.label[rows]), torch.from_numpy(rows), **features)

    def skeletons(self, rows, draws_of):
        """rows (N,) of the store, draws_of(k) → (N, k) random numbers in [0, 1); returns (N, T, M, V, C)."""
        raise NotImplementedError


def collate(batch):
    """The identity: a feeder gives whole batches."""
    return batch


def check_split(split):
    """Raise InputError for a split that is none of SPLITS."""
    if split not in SPLITS:
        raise InputError(f'split is {split!r}, not one of {SPLITS}')


def choose_split(store, split, benchmark=None, held_out=0):
    """The clips of one split.

    Args:
        split: 'train', 'test', 'held_out' (the part `held_out` of the training clips) or 'all'.
        benchmark: the protocol, where the store serves several.
        held_out: share of the training clips kept aside, stratified by class; identical clips stay together.
    Raises InputError where the store has no rule for it, or where no clip is left.
    """
    check_split(split)
    if split == 'all':
        return require_clips(store, split)
    if benchmark is None and store.split is None:
        raise InputError(f'the store of {store.dataset or "unknown data"} names no splits; give benchmark')
    if benchmark is None:
        train = np.array([part == 'train' for part in store.split])
    else:
        train = np.array([is_train(name, store.dataset, benchmark) for name in store.name], bool)
    return hold_out(store.select(train if split != 'test' else ~train), split, held_out)


def hold_out(store, split, held_out):
    """Divide a training split: all but the share `held_out` for 'train', that share for 'held_out'."""
    if held_out and split != 'test':
        aside = held_out_mask(store.label, store.digests(), held_out)
        store = store.select(aside if split == 'held_out' else ~aside)
    elif split == 'held_out':
        raise InputError("split is 'held_out' and held_out is 0; give the share, such as 0.1")
    return require_clips(store, split)


def map_labels(store, label_map):
    """The clips whose label is a key of `label_map`, {label: label of another data set's classes}, labelled anew.

    None keeps all clips and their labels. Raises InputError for a map that is none, or that leaves no clip.
    """
    if label_map is None:
        return store
    if not isinstance(label_map, dict) or not all(
        type(label) is int and label >= 0 for pair in label_map.items() for label in pair
    ):
        raise InputError(f'label_map is {label_map!r}, not pairs of labels from 0 on such as {{2: 22}}')
    kept = store.select([label in label_map for label in store.label.tolist()])
    if not len(kept):
        raise InputError(
            f'label_map leaves no clip: it has the labels {sorted(label_map)}, and the clips have '
            f'{np.unique(store.label).tolist()}'
        )
    kept.label = np.array([label_map[label] for label in kept.label.tolist()], np.int64)
    return kept


def require_clips(store, split):
    """The store; raises InputError where it has no clip."""
    if not len(store):
        raise InputError(f'no clip is left in the split {split!r}')
    return store


def open_optional(path, kind, ablation=None, made_with=None):
    """A FeatureStore, or None where no path is given.

    Args:
        kind: 'video' or 'text'. ablation: None, 'constant' or 'shuffled', see FeatureStore.ablated.
        made_with: {attribute: value} that the store must have, such as {'encoder': 'inception_v3'}.
    Raises InputError where the store is missing, or made with something else.
    """
    if ablation not in ABLATIONS:
        raise InputError(f'{kind}_ablation is {ablation!r}, not one of {", ".join(map(str, ABLATIONS))}')
    if not isinstance(made_with or {}, dict):
        raise InputError(f'{kind}_made_with is {made_with!r}, not key: value pairs such as {{encoder: inception_v3}}')
    if not path:
        if ablation or made_with:
            raise InputError(f'{kind}_{"ablation" if ablation else "made_with"} is set, and there is no {kind}_path')
        return None
    if not Path(path).exists():
        raise InputError(
            f'{path} does not exist; `python -m LLMs.{kind}_features --images DIR --out {path}` makes it, '
            f'and {kind}_path=None trains without'
        )
    features = stores.open_features(path)
    features.require(kind, made_with or {})
    return features.ablated(ablation) if ablation else features
