"""The NTU feeder: clips of one or two persons, cropped and resampled in time, rotated, made into a stream.

Legend: N clips, T = window_size frames, M persons, V joints, C coordinates.
"""

from pathlib import Path

import numpy as np

from feeders import stores, transforms
from feeders.feeder import StoreFeeder, check_split, choose_split, hold_out, map_labels, open_optional
from feeders.splits import PROTOCOLS
from torchlight.errors import InputError

LEAST_CROP = 64  # frames a random crop keeps, where the clip has as many
LARGEST_ANGLE = 0.3  # radians, about each axis
MISSING_PERSON = ('zero', 'copy')


class Feeder(StoreFeeder):
    """Batches of a skeleton store (.h5) or of the public NTU arrays (.npz).

    Args:
        data_path: the store, the .npz, or one clip (.npy, T × V × C or T × M × V × C) for split 'all'.
        split: 'train', 'test', 'held_out' or 'all'.
        benchmark: 'xsub', 'xview' or 'xset', where the store serves several protocols.
        window_size: frames after resampling. p_interval: [share] for a centre crop, [low, high] for a random one.
        random_rot: rotate each clip by random angles. bone, vel: the stream.
        num_person: M of a batch; clips of fewer get empty slots.
        missing_person: what fills slot 2 of a one-person clip, 'zero' (NTU60) or 'copy' of slot 1 (NTU120).
        sample_path: names of the .npz's clips, one a line; for a store it has no use and is refused.
        video_path, text_path (or object_path): feature stores, or folders of <name>.npy.
        video_ablation, text_ablation: 'constant' (every clip gets the mean feature) or 'shuffled' (each gets another
            clip's), to see whether a branch uses its input.
        video_made_with, text_made_with: what the stores must say of themselves, such as {encoder: inception_v3}.
        held_out: share of the training clips kept aside. repeat: how often each clip comes in an epoch.
        label_map: {label of the data: label of the model's classes}, for a model of another data set; clips of other
            labels are left out.
        graph, graph_args: the skeleton, for its bones. debug: the first 100 clips only.
    """

    def __init__(
        self,
        data_path,
        split='train',
        benchmark=None,
        window_size=64,
        p_interval=(0.95,),
        random_rot=False,
        bone=False,
        vel=False,
        num_person=2,
        missing_person='zero',
        sample_path=None,
        video_path=None,
        text_path=None,
        object_path=None,
        video_ablation=None,
        text_ablation=None,
        video_made_with=None,
        text_made_with=None,
        held_out=0,
        repeat=1,
        label_map=None,
        graph='graph.ntu_rgb_d.Graph',
        graph_args=None,
        debug=False,
    ):
        if missing_person not in MISSING_PERSON:
            raise InputError(f'missing_person is {missing_person!r}, not one of {MISSING_PERSON}')
        if text_path and object_path:
            raise InputError('text_path and object_path name the same thing; give one')
        shares = list(p_interval) if isinstance(p_interval, (list, tuple)) else []
        if not 1 <= len(shares) <= 2 or not 0 < min(shares) <= max(shares) <= 1:
            raise InputError(f'p_interval is {p_interval}, not [share] or [low, high] with 0 < share ≤ 1')
        if window_size < 1:
            raise InputError(f'window_size is {window_size}; at least 1 frame is needed')
        self.window_size, self.p_interval, self.random_rot = window_size, p_interval, random_rot
        self.num_person, self.missing_person = num_person, missing_person
        store = _open(data_path, split, benchmark, sample_path, held_out, label_map)
        if store.layout[0] > num_person:
            raise InputError(f'{data_path} has {store.layout[0]} persons a clip and num_person is {num_person}')
        if debug:
            store = store.select(np.arange(len(store)) < 100)
        if not store.length.all():
            empty = [store.name[i] for i in np.flatnonzero(store.length == 0)]
            raise InputError(f'{len(empty)} clips of {data_path} have no frames; the first: {", ".join(empty[:5])}')
        super().__init__(
            store,
            graph,
            graph_args,
            bone,
            vel,
            repeat,
            open_optional(video_path, 'video', video_ablation, video_made_with),
            open_optional(text_path or object_path, 'text', text_ablation, text_made_with),
        )

    @property
    def layout(self):
        return self.num_person, *self.store.layout[1:]

    def skeletons(self, rows, draws_of):
        draws = draws_of(5)
        length = self.store.length[rows]
        if len(self.p_interval) == 2:
            start, length = transforms.random_crop(length, self.p_interval, LEAST_CROP, draws[:, :2])
        else:
            start, length = transforms.centre_crop(length, self.p_interval[0])
        x = self.resample(self.store.start[rows] + start, length)
        if x.shape[2] < self.num_person:
            x = np.pad(x, [(0, 0), (0, 0), (0, self.num_person - x.shape[2]), (0, 0), (0, 0)])
        if self.missing_person == 'copy' and self.num_person > 1:
            alone = self.store.person[rows] == 1
            x[alone, :, 1] = x[alone, :, 0]
        if self.random_rot:
            angles = (2 * draws[:, 2:] - 1) * LARGEST_ANGLE
            x = transforms.rotate(x, transforms.rotation(angles, x.shape[-1]))
        return x

    def resample(self, first, length):
        """first, length (N,) of the crops in the store's frames → (N, T, M, V, C)."""
        lower, upper, weight = transforms.resampling(length, self.window_size)
        weight = weight[..., None, None, None]
        return (
            self.store.frames[first[:, None] + lower] * (1 - weight)
            + self.store.frames[first[:, None] + upper] * weight
        )


def _open(data_path, split, benchmark, sample_path, held_out, label_map):
    if not Path(data_path).exists():
        dataset = Path(data_path).stem if Path(data_path).stem in PROTOCOLS else '<dataset>'
        raise InputError(
            f'{data_path} does not exist; `python -m feeders.prepare {dataset} --raw DIR --out {data_path}` '
            'makes it from the recordings'
        )
    ending = Path(data_path).suffix
    if ending == '.npz':
        check_split(split)
        if benchmark or split == 'all':
            raise InputError(
                f'{data_path} holds the two splits of one benchmark: give neither benchmark nor split '
                "'all', or make a store of it with `python -m feeders.prepare import-npz`"
            )
        names = stores.read_names(sample_path) if sample_path else None
        part = 'train' if split in ('train', 'held_out') else 'test'
        return hold_out(map_labels(stores.open_npz(data_path, part, names), label_map), split, held_out)
    if sample_path:
        raise InputError(f'sample_path is for a .npz; {data_path} has its own clip names')
    store = stores.open_clip(data_path) if ending == '.npy' else stores.open_skeletons(data_path)
    return choose_split(map_labels(store, label_map), split, benchmark, held_out)
