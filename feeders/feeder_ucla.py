"""The NW-UCLA feeder: single persons, turned and scaled at random, brought to [-1, 1], frames drawn at random.

Legend: N clips, F frames of all clips of a batch, T = window_size frames, V = 20 joints, C = 3 coordinates.
"""

import functools
import json
from pathlib import Path

import numpy as np

from feeders import stores, transforms
from feeders.feeder import StoreFeeder, choose_split
from feeders.splits import ucla_label
from torchlight.errors import InputError

LARGEST_TURN = 60  # degrees, about x and y
SCALES = (0.5, 1.5)
COPIES = 100  # frames are drawn without replacement from this many copies of the clip


class Feeder(StoreFeeder):
    """Batches of the NW-UCLA skeletons, split and labelled by the clips' names.

    Args:
        data_path: the folder of JSON files (all_sqe), or a skeleton store made of it.
        split: 'train' (views 1 and 2), 'test' (view 3) or 'held_out'. window_size: frames drawn.
        random_rot: draw rotation, scale and frames at random; without it frames are evenly spaced.
        bone, vel: the stream. repeat: how often each clip comes in an epoch.
        held_out: share of the training clips kept aside. graph: the skeleton, for its bones.
    """

    def __init__(
        self,
        data_path,
        split='train',
        window_size=52,
        random_rot=False,
        bone=False,
        vel=False,
        repeat=1,
        held_out=0,
        graph='graph.ucla.Graph',
    ):
        if window_size < 1:
            raise InputError(f'window_size is {window_size}; at least 1 frame is needed')
        if not Path(data_path).exists():
            raise InputError(
                f'{data_path} does not exist; expected the folder all_sqe of NW-UCLA, or a store that '
                '`python -m feeders.prepare ucla` made of it'
            )
        self.window_size, self.random_rot = window_size, random_rot
        store = read_all_sqe(data_path) if Path(data_path).is_dir() else stores.open_skeletons(data_path)
        store = choose_split(store, split, 'xview', held_out)
        if random_rot and window_size > COPIES * store.length.min():
            raise InputError(
                f'window_size is {window_size}; at most {COPIES * store.length.min()} frames can be drawn '
                'from the shortest clip'
            )
        super().__init__(store, graph, bone=bone, vel=vel, repeat=repeat)

    def skeletons(self, rows, draws_of):
        start, length = self.store.start[rows], self.store.length[rows]
        if not self.random_rot:
            return normalised_frames(self.store.frames, start, length, evenly_spaced(length, self.window_size))
        draws = draws_of(3 + self.window_size)
        degrees = np.floor(draws[:, :2] * (2 * LARGEST_TURN + 1)) - LARGEST_TURN
        scale = SCALES[0] + (SCALES[1] - SCALES[0]) * draws[:, 2]
        frames = np.sort(transforms.sample_without_replacement(draws[:, 3:], length * COPIES) // COPIES)
        return normalised_frames(self.store.frames, start, length, frames, turn(degrees, scale))


def turn(degrees, scale):
    """(N, 2) degrees about x and y, (N,) scales → (N, 3, 3): Ry·Rx·scale, for rows."""
    angles = np.deg2rad(np.column_stack([degrees, np.zeros(len(degrees))]))
    return transforms.rotation(angles) * scale[:, None, None]


def evenly_spaced(length, window):
    """(N,) lengths → (N, window) int64: linspace from the first to the last frame, truncated."""
    place = np.arange(window) * ((length - 1) / max(window - 1, 1))[:, None]
    place[:, -1] = length - 1 if window > 1 else 0
    return place.astype(np.int64)  # np.linspace of all clips at once rounds otherwise where one has a single frame


def normalised_frames(store_frames, start, length, frames, matrix=None):
    """Turn each clip, bring each coordinate's range over the clip to [-1, 1], pick frames.

    A coordinate that never changes becomes 0. Centring on a joint and scaling cancel in the range.

    Args:
        store_frames: (…, 1, V, C). start, length: (N,) of the clips. frames: (N, T) within each clip.
        matrix: (N, 3, 3) for rows, or None.
    Returns: (N, T, 1, V, C) float32, computed in float64.
    """
    first = np.cumsum(length) - length
    x = store_frames[np.repeat(start - first, length) + np.arange(length.sum())].astype(np.float64)  # (F, 1, V, C)
    if matrix is not None:
        x = (x[:, 0] @ np.repeat(matrix, length, 0))[:, None]
    low = np.minimum.reduceat(x.min((1, 2)), first)  # (N, C)
    span = np.maximum.reduceat(x.max((1, 2)), first) - low
    still = span == 0
    x = (x[first[:, None] + frames] - low[:, None, None, None]) / np.where(still, 1, span)[:, None, None, None]
    return np.where(still[:, None, None, None], 0, 2 * x - 1).astype(np.float32)


@functools.lru_cache(maxsize=1)
def read_all_sqe(folder):
    """Read the published JSON files: {"file_name", "skeletons": T × 20 × 3, "label"} each.

    Returns: SkeletonStore with float64 frames in memory, clips in name order.
    Raises InputError for an empty folder and for a file that is not of this form.
    """
    files = sorted(Path(folder).glob('*.json'))
    if not files:
        raise InputError(f"the folder {folder} holds no .json files; NW-UCLA's all_sqe is expected")
    clips = [_read_clip(file) for file in files]
    length = np.array([len(clip) for clip in clips])
    name = [file.stem for file in files]
    return stores.SkeletonStore(
        np.concatenate(clips)[:, None],
        np.cumsum(length) - length,
        length,
        name,
        [ucla_label(clip) for clip in name],
        np.ones(len(files)),
        'nw-ucla',
    )


def _read_clip(file):
    try:
        frames = np.array(json.loads(file.read_bytes())['skeletons'], np.float64)
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f'{file} is not an NW-UCLA clip: {error}') from error
    if frames.ndim != 3 or frames.shape[1:] != (20, 3) or not len(frames):
        raise InputError(f'{file} has skeletons of shape {frames.shape}, not (frames, 20, 3)')
    return frames
