"""The NTU feeder: clips of one or two persons, cropped and resampled in time, rotated, made into a stream.

Legend: N clips, B bodies (the persons of all clips), T = window_size frames, M persons, V joints, C coordinates.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from feeders import transforms
from feeders.bodies import Bodies
from feeders.datasets import DATASETS
from feeders.feature_store import open_for_branch
from feeders.feeder import StoreFeeder
from feeders.frames import LoadedFrames, StoreFrames
from feeders.label_table import read_names
from feeders.preprocessing import CropAndResample
from feeders.public_npz import open_npz
from feeders.skeleton_store import SkeletonStore, open_clip, open_skeletons
from feeders.splits import check_split, choose_split, hold_out, is_train, labelled, map_labels
from torchlight.errors import InputError, counted, first_few

LEAST_CROP = 64  # frames a random crop keeps if the clip has as many
LARGEST_ANGLE = 0.3  # radians, about each axis
MISSING_PERSON = ('zero', 'copy')


class Feeder(StoreFeeder):
    """Batches of a skeleton store (.h5) or of the public NTU arrays (.npz).

    Parameters
    ----------
    data_path : path or SkeletonStore. The store, the .npz, or one clip (.npy, (T, V, C) or (T, M, V, C)) for split
        'all'.
    split : str. 'train', 'test', 'held_out' or 'all' (default 'train').
    benchmark : str or None. One of the data set's protocols (feeders/datasets.py), such as 'xsub', by which clips are
        divided and, for hands, labelled; None for the splits of the store itself. An .npz is of one already.
    window_size : int. Frames after resampling (default 64).
    p_interval : [share] for a centre crop, [low, high] for a random one (default [0.95]).
    random_rot : bool. Rotate each clip by random angles (default False).
    bone, vel : bool. The stream (default False: joints).
    num_person : int. M of a batch; clips of fewer persons get empty slots (default 2).
    missing_person : str. What fills slot 2 of a store's one-person clips: 'zero' (NTU60, default) or a 'copy' of slot 1
        (NTU120). Nothing is filled into an .npz.
    sample_path : path or None. Names of the clips of an .npz, one per line.
    video_path, text_path : path or None. Feature stores, or folders of <name>.npy (object_path is text_path).
    video_ablation, text_ablation : None, 'constant' or 'shuffled'. Every clip gets the mean feature, or another clip's.
    video_made_with, text_made_with : dict or None. What the stores must record, such as {encoder: inception_v3}.
    held_out : float. Share of the training clips that is kept aside (default 0).
    held_out_by : str or None. What keeps clips on one side, a number in their names such as 'performer' (default None).
    repeat : int. How often each clip occurs in an epoch (default 1).
    label_map : {label of the data: label of the model's classes} or None. Clips of other labels are left out.
    graph, graph_args : the skeleton, for its bones.
    debug : bool. Use only the first 100 clips (default False).

    Raises
    ------
    InputError
        If an argument is invalid, a file is missing or of another kind, or no clip is left.
    """

    takes_store = True

    def __init__(
        self,
        data_path: str | Path | SkeletonStore,
        split: str = 'train',
        benchmark: str | None = None,
        window_size: int = 64,
        p_interval: Sequence[float] = (0.95,),
        random_rot: bool = False,
        bone: bool = False,
        vel: bool = False,
        num_person: int = 2,
        missing_person: str = 'zero',
        sample_path: str | Path | None = None,
        video_path: str | Path | None = None,
        text_path: str | Path | None = None,
        object_path: str | Path | None = None,
        video_ablation: str | None = None,
        text_ablation: str | None = None,
        video_made_with: dict[str, Any] | None = None,
        text_made_with: dict[str, Any] | None = None,
        held_out: float = 0,
        held_out_by: str | None = None,
        repeat: int = 1,
        label_map: dict[int, int] | None = None,
        graph: str = 'graph.ntu_rgb_d.Graph',
        graph_args: dict[str, Any] | None = None,
        debug: bool = False,
    ) -> None:
        if text_path and object_path:
            raise InputError('text_path and object_path name the same thing; give one')
        self.window_size, self.p_interval, self.random_rot = window_size, p_interval, random_rot
        self.num_person, self.missing_person = num_person, missing_person
        self._check_arguments()
        store = open_clips(data_path, split, benchmark, sample_path, label_map, held_out, held_out_by)
        if debug:
            store = store.select(np.arange(len(store)) < 100)
        self._check_clips(store)
        self.copies_person = missing_person == 'copy' and num_person > 1 and Path(store.path).suffix != '.npz'
        video = open_for_branch(video_path, 'video', video_ablation, video_made_with)
        text = open_for_branch(text_path or object_path, 'text', text_ablation, text_made_with)
        super().__init__(store, graph, graph_args, bone, vel, repeat, video, text, label_map)
        self.layout = (num_person, *store.layout[1:])
        self.frames, self.augment_on = StoreFrames(store), 'worker'

    def _check_arguments(self) -> None:
        shares = list(self.p_interval) if isinstance(self.p_interval, (list, tuple)) else []
        if not 1 <= len(shares) <= 2 or not 0 < min(shares) <= max(shares) <= 1:
            raise InputError(f'p_interval is {self.p_interval}; expected [share] or [low, high] with 0 < share ≤ 1')
        if self.window_size < 1:
            raise InputError(f'window_size is {self.window_size}; it must be an integer ≥ 1')
        if self.missing_person not in MISSING_PERSON:
            raise InputError(f'missing_person is {self.missing_person!r}, not one of {MISSING_PERSON}')

    def _check_clips(self, store: SkeletonStore) -> None:
        if store.layout[0] > self.num_person:
            raise InputError(
                f'{store.path} has {counted(store.layout[0], "person")} per clip, but num_person is {self.num_person}'
            )
        empty = [store.name[i] for i in np.flatnonzero(store.length == 0)]
        if empty:
            raise InputError(f'{store.path} has {counted(len(empty), "clip")} without frames: {first_few(empty)}')

    def place(self, augment_on: str, preload: str, device: torch.device) -> None:
        """Choose where clips are kept and augmented; what is preloaded on a device is augmented there."""
        if preload != 'none':
            self.require_sound(np.arange(len(self.store)))
            self.frames = LoadedFrames(self.store, device if preload == 'device' else torch.device('cpu'))
        self.in_main_process = self.frames.on_device
        self.augment_on = 'device' if self.frames.on_device else augment_on

    def stream(self, rows: np.ndarray, draws_of: Callable[[int], np.ndarray]) -> Tensor | Bodies:
        """Return the skeletons of clips, (N, C, T, V, M) float32, or what `Batch.to` makes them of on a device."""
        bodies = self.bodies(rows, draws_of)
        return bodies if self.augment_on == 'device' else bodies.skeleton()

    def bodies(self, rows: np.ndarray, draws_of: Callable[[int], np.ndarray]) -> Bodies:
        """Find the frames of clips, and say how they are cropped, resampled and rotated."""
        draws, length = draws_of(5), self.store.length[rows]
        if len(self.p_interval) == 2:
            start, length = transforms.random_crop(length, self.p_interval, LEAST_CROP, draws[:, :2])
        else:
            start, length = transforms.centre_crop(length, self.p_interval[0])
        clip, person, slot = self.persons(self.store.person[rows])
        find = self.frames.copy if self.augment_on == 'device' else self.frames.find
        first, kept = (np.append(x[clip[:-1]], nobody) for x, nobody in ((start, 0), (length, 1)))
        frames, first, step = find(rows[clip], person, first, kept)
        lower, upper, weight = transforms.resampling(length, self.window_size)
        index = np.stack([lower, upper], 2)[clip] * step + first[:, None, None]
        index[-1] = 0  # any row will do: `Bodies.skeleton` sets the last body to zero
        weights = np.stack([1 - weight, weight], 2)[clip]
        matrix = None
        if self.random_rot:
            angles = (2 * draws[:, 2:] - 1) * LARGEST_ANGLE
            matrix = transforms.rotation(angles, self.layout[2], self.store.confidence)
            matrix = torch.from_numpy(matrix.astype(np.float32)[clip])
        arrays = map(torch.from_numpy, (index, weights, slot))
        how = self.bone, self.vel, self.store.confidence
        return Bodies(frames, *arrays, matrix, self.parents, self.layout, *how)

    def preprocessing(self) -> CropAndResample | None:
        """Return what a test clip goes through as a module; None if its crop or its rotation is random."""
        if self.random_rot or len(self.p_interval) == 2:
            return None
        settings = self.layout, self.window_size, self.parents, self.bone, self.vel, self.store.confidence
        return CropAndResample(*settings, share=self.p_interval[0], copies_person=self.copies_person)

    def persons(self, count: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """List the bodies of clips of `count` (N,) persons, and at the end one for the slots that are empty.

        Returns
        -------
        clip, person : (B,) int64. Whose body it is.
        slot : (N·M,) int64. The body in each slot.
        """
        clip, person = np.nonzero(np.arange(self.store.layout[0]) < count[:, None])
        slot = np.full((len(count), self.num_person), len(clip))
        slot[clip, person] = np.arange(len(clip))
        if self.copies_person:
            slot[count == 1, 1] = slot[count == 1, 0]
        return np.append(clip, 0), np.append(person, 0), slot.ravel()


def open_clips(
    data_path: str | Path | SkeletonStore,
    split: str,
    benchmark: str | None = None,
    sample_path: str | Path | None = None,
    label_map: dict[int, int] | None = None,
    held_out: float = 0,
    held_out_by: str | None = None,
) -> SkeletonStore:
    """Open a store, a public .npz or one clip, and choose the clips of a split; the arguments are Feeder's."""
    if isinstance(data_path, SkeletonStore):
        return choose_split(
            map_labels(labelled(data_path, benchmark), label_map), split, benchmark, held_out, held_out_by
        )
    if not isinstance(data_path, (str, Path)):
        raise InputError(f'data_path is {data_path!r}; expected the path of a store, an .npz or a clip')
    ending = Path(data_path).suffix
    if not Path(data_path).exists():
        dataset = Path(data_path).stem if Path(data_path).stem in DATASETS else '<dataset>'
        command = f'python -m feeders.prepare {dataset} --raw DIR --out {data_path}'
        raise InputError(f'{data_path} does not exist; make it from the recordings with `{command}`')
    if ending == '.npz':
        return hold_out(_open_npz(data_path, split, benchmark, sample_path, label_map), split, held_out, held_out_by)
    if sample_path:
        raise InputError(f'sample_path is only for an .npz; {data_path} has its own clip names')
    store = open_clip(data_path) if ending == '.npy' else open_skeletons(data_path)
    return choose_split(map_labels(labelled(store, benchmark), label_map), split, benchmark, held_out, held_out_by)


def _open_npz(
    data_path: str | Path,
    split: str,
    benchmark: str | None,
    sample_path: str | Path | None,
    label_map: dict[int, int] | None,
) -> SkeletonStore:
    """Open public arrays, which are of one benchmark; raise InputError if it is not `benchmark`."""
    check_split(split)
    if split == 'all':
        raise InputError(
            f"{data_path} has the two splits of one benchmark, so split 'all' cannot be read from it; make a store of "
            'it with `python -m feeders.prepare import-npz`'
        )
    names = read_names(sample_path) if sample_path else None
    part = 'test' if split == 'test' else 'train'
    if benchmark is not None:
        # NTU60's training subjects are those of NTU120 with a number up to 40, so xsub is one rule
        known = {key: row for row in DATASETS.values() for key, protocol in row.protocols.items() if protocol.npz}
        if benchmark not in known:
            raise InputError(f'benchmark {benchmark!r} is not one of {sorted(known)} of the public NTU arrays')
        wrong = [name for name in names or () if is_train(name, known[benchmark].name, benchmark) != (part == 'train')]
        if wrong:
            raise InputError(
                f'{sample_path} names {counted(len(wrong), "clip")} that benchmark {benchmark!r} does not count among '
                f'the {part} clips: {first_few(wrong)}'
            )
    return map_labels(open_npz(data_path, part, names), label_map)
