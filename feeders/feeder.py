"""The contract of feeders, and what the feeders of stores share: whole batches, joined with features by clip name.

Legend: N clips of a batch, T frames, M persons, V joints, C coordinates, D feature width. Stores and transforms use the
axis order (N, T, M, V, C); a Batch has the axes of a model's input, (N, C, T, V, M), over memory in the order in which
models read it, (N, M, V, C, T).
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from torch.utils.data import Dataset

from feeders import transforms
from feeders.bodies import Bodies
from feeders.datasets import class_names
from feeders.feature_store import FeatureStore
from feeders.integrity import refuse
from feeders.preprocessing import Preprocessing
from feeders.skeleton_store import SkeletonStore
from graph.by_joints import graph_hint
from graph.tools import SkeletonGraph
from torchlight.errors import InputError
from torchlight.imports import dotted_name, instantiate


class Batch(NamedTuple):
    """One batch.

    Attributes
    ----------
    skeleton : (N, C, T, V, M) float32, a view of (N, M, V, C, T) in the feeders of this program; Bodies, of which `to`
        makes it, if clips are augmented on the device.
    label : (N,) int64. Classes, -1 if unknown.
    index : (N,) int64. Clip numbers: positions in the feeder's `name` and `label`.
    video : (N, D) float32 or None. Features for the alignment branch.
    text : (N, D) float32 or None. Features for the refinement branch.
    """

    skeleton: torch.Tensor | Bodies
    label: torch.Tensor
    index: torch.Tensor
    video: torch.Tensor | None = None
    text: torch.Tensor | None = None

    def to(self, device: torch.device) -> 'Batch':
        """Move everything but the clip numbers to a device."""
        moved = self._asdict().items()
        return self._replace(
            **{key: x.to(device, non_blocking=True) for key, x in moved if x is not None and key != 'index'}
        )


class Feeder(Dataset):
    """The contract of a feeder, which a custom one derives from: everything the processor needs from a data set.

    The constructor gets `train_feeder_args` or `test_feeder_args` of the config, raises InputError for bad ones and
    writes nothing. Some flags change those arguments: --stream sets `bone` and `vel`; --held-out sets `held_out`, and
    --held-out-by `held_out_by`, for training and validation, which gets `split='held_out'`; --phase predict sets
    `data_path` and `split='all'`.

    Attributes
    ----------
    name : clips str. Their names, in data set order; scores are written under them.
    label : (clips,) int64. Their classes, -1 if unknown.
    layout : (M, V, C). Persons, joints and coordinates of a batch; they must fit model_args.
    dataset : str. The data set's name, '' if unknown (default).
    classes : str, one per label. The actions' names; shorter, or '' where a name is not known (default: none is).
    feature_stores : {'video' or 'text': FeatureStore}. The features that batches contain (default: none).
    takes_store : bool. --phase predict gives a SkeletonStore as `data_path`, not --input as it is (default False).
    in_main_process : bool. Batches must be made in the main process, whatever --num-worker says (default False).
    """

    name: Sequence[str]
    label: np.ndarray
    layout: tuple[int, ...]
    dataset: str = ''
    classes: Sequence[str] = ()
    feature_stores: Mapping[str, FeatureStore] = {}
    takes_store: bool = False
    in_main_process: bool = False

    @classmethod
    def prepare_data(cls, arguments: dict[str, Any]) -> None:
        """Write the data that the constructor with these arguments will read; by default nothing.

        The first process of a run calls this before any process makes a feeder.
        """

    @property
    def feature_width(self) -> dict[str, int]:
        """{'video': D_v, 'text': D_t} of the features there are."""
        return {kind: features.width for kind, features in self.feature_stores.items()}

    @property
    def feature_statistics(self) -> dict[str, tuple[np.ndarray, np.ndarray]]:
        """{kind: (mean, std)}, each (D,) float32, over all clips of the feature's store."""
        return {kind: features.statistics for kind, features in self.feature_stores.items()}

    @property
    def feature_origin(self) -> dict[str, str]:
        """{kind: how the features were made, in one line}."""
        return {kind: features.origin for kind, features in self.feature_stores.items()}

    def set_epoch(self, seed: int, epoch: int) -> None:
        """Choose the random numbers of an epoch; the same (seed, epoch) must give the same batches."""

    def place(self, augment_on: str, preload: str, device: torch.device) -> None:
        """Choose where clips are kept and augmented; by default a feeder offers no choice.

        Parameters
        ----------
        augment_on : str. 'worker' or 'device', as --augment-on says.
        preload : str. 'none', 'memory' or 'device', as --preload says.
        device : torch.device. The one that batches will be moved to.

        Raises
        ------
        InputError
            If the feeder cannot do that, or if the device has not enough free memory.
        """
        raise InputError(
            f'{dotted_name(type(self))} reads and augments its clips in the workers; leave out --augment-on and '
            '--preload'
        )

    def preprocessing(self) -> Preprocessing | None:
        """Return what a test clip goes through as a module, for --with-preprocessing; by default there is none."""
        return None

    def __len__(self) -> int:
        """Return the training samples of an epoch, a multiple of the clips; evaluation takes each clip once."""
        raise NotImplementedError

    def __getitems__(self, indices: Sequence[int]) -> Batch:
        """Return the batch of these samples, 0 ≤ i < len(self); sample i shows clip i modulo the number of clips."""
        raise NotImplementedError

    def __getitem__(self, index: int) -> Batch:
        """Return a batch of one clip."""
        return self.__getitems__([index])


class StoreFeeder(Feeder):
    """A split of a skeleton store as whole batches; a subclass gives `skeletons`, or `stream` itself.

    A subclass whose batches have another scale than its store, because it normalises clips, sets `normalises`.

    Parameters
    ----------
    store : SkeletonStore. The clips of the split.
    graph, graph_args : dotted name of the skeleton's graph, for its bones, and its arguments.
    bone, vel : bool. The stream: bones instead of joints, motion instead of positions (default False).
    repeat : int. How often each clip occurs in an epoch (default 1).
    video, text : FeatureStore or None. Features of the helper branches (default None).
    label_map : {label of the data: label in the store} or None. How labels were changed, for the classes' names.

    Raises
    ------
    InputError
        If the graph has another number of joints than the clips, or if clips have no feature.
    """

    normalises: bool = False

    def __init__(
        self,
        store: SkeletonStore,
        graph: str,
        graph_args: dict[str, Any] | None = None,
        bone: bool = False,
        vel: bool = False,
        repeat: int = 1,
        video: FeatureStore | None = None,
        text: FeatureStore | None = None,
        label_map: dict[int, int] | None = None,
    ) -> None:
        self.dataset, self.classes = store.dataset, class_names(store.dataset, store.classes, label_map)
        self.store, self.bone, self.vel, self.repeat = store, bone, vel, repeat
        self.name, self.label, self.layout = store.name, store.label, store.layout
        parents = instantiate(graph, graph_args or {}, 'graph_args', kind=SkeletonGraph).parents
        self.parents = torch.from_numpy(np.asarray(parents, np.int64))
        if len(self.parents) != (joints := store.layout[1]):
            raise InputError(f'the clips have {joints} joints, but {graph} has {len(self.parents)}{graph_hint(joints)}')
        self.feature_stores = {kind: features for kind, features in (('video', video), ('text', text)) if features}
        self.features = {
            kind: (features.feature, features.rows(store.name, kind)) for kind, features in self.feature_stores.items()
        }
        self._seed_epoch = torch.zeros(2, dtype=torch.int64).share_memory_()  # workers see it change
        self._sound = torch.zeros(len(store), dtype=torch.bool).share_memory_()  # so that no worker checks clips again

    def skeletons(self, rows: np.ndarray, draws_of: Callable[[int], np.ndarray]) -> np.ndarray:
        """Return the joints of clips, cut, resampled and augmented.

        Parameters
        ----------
        rows : (N,) int. Clips of the store.
        draws_of : function. k → (N, k) random numbers in [0, 1), the same for a clip in any batch and worker.

        Returns
        -------
        (N, T, M, V, C) float32.
        """
        raise NotImplementedError

    def stream(self, rows: np.ndarray, draws_of: Callable[[int], np.ndarray]) -> torch.Tensor | Bodies:
        """Return what `skeletons` does as the stream, (N, C, T, V, M) float32."""
        joints = np.ascontiguousarray(self.skeletons(rows, draws_of))
        joints = torch.from_numpy(joints).transpose(1, 2)  # (N, M, T, V, C)
        bodies = transforms.time_last(joints.flatten(0, 1))
        bodies = transforms.stream(bodies, self.parents, self.bone, self.vel, self.store.confidence)
        return transforms.to_model(bodies, torch.arange(len(bodies)), self.layout[0])

    def require_sound(self, rows: np.ndarray) -> None:
        """Check the frames and features of clips (N,) that no process has used before.

        Raises
        ------
        InputError
            If some are not as they were written, or not finite; it names the clips and the file.
        """
        sound = self._sound.numpy()
        if sound[rows].all():
            return
        rows = np.unique(rows[~sound[rows]])
        refuse(self.store.path, self.store.faults(rows))
        names = [self.name[i] for i in rows]
        for kind, features in self.feature_stores.items():
            refuse(features.path, features.faults(self.features[kind][1][rows], names))
        sound[rows] = True

    def set_epoch(self, seed: int, epoch: int) -> None:
        """Choose the random numbers of the augmentations."""
        self._seed_epoch[0], self._seed_epoch[1] = seed, epoch

    def __len__(self) -> int:
        return len(self.store) * self.repeat

    def __getitems__(self, indices: Sequence[int]) -> Batch:
        """Return the batch of these sample numbers."""
        samples = np.asarray(indices)
        rows = samples % len(self.store)
        self.require_sound(rows)
        skeleton = self.stream(rows, lambda count: transforms.uniform(*self._seed_epoch.tolist(), samples, count))
        features = {
            kind: torch.from_numpy(feature[place[rows]].astype(np.float32, copy=False))
            for kind, (feature, place) in self.features.items()
        }
        return Batch(skeleton, torch.from_numpy(self.label[rows]), torch.from_numpy(rows), **features)
