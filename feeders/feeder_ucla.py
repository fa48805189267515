"""The NW-UCLA feeder: single persons, turned and scaled at random, brought to [-1, 1], frames drawn at random.

Legend: N clips, F frames of all clips of a batch, T = window_size frames, V = 20 joints, C = 3 coordinates.
"""

import functools
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from feeders import transforms
from feeders.datasets import DATASETS
from feeders.feeder import StoreFeeder
from feeders.mapped import MappedArray
from feeders.preprocessing import ScaleAndSelect
from feeders.skeleton_store import SkeletonStore, open_skeletons
from feeders.splits import choose_split
from feeders.transforms import evenly_spaced, to_range
from torchlight.errors import InputError
from torchlight.files import require_file

LARGEST_TURN = 60  # degrees, about x and y
SCALES = (0.5, 1.5)
COPIES = 100  # frames are drawn without replacement from this many copies of the clip


class Feeder(StoreFeeder):
    """Batches of the NW-UCLA skeletons, split and labelled by the clips' names.

    Parameters
    ----------
    data_path : path or SkeletonStore. The folder of JSON files (all_sqe), or a skeleton store made from it.
    split : str. 'train' (views 1 and 2), 'test' (view 3) or 'held_out' (default 'train').
    window_size : int. Frames that are drawn (default 52).
    random_rot : bool. Draw rotation, scale and frames at random; otherwise frames are evenly spaced (default False).
    bone, vel : bool. The stream (default False: joints).
    repeat : int. How often each clip occurs in an epoch (default 1).
    held_out : float. Share of the training clips that is kept aside (default 0).
    held_out_by : str or None. What keeps clips on one side: 'subject', 'execution' or 'view' (default None).
    graph : str. The skeleton, for its bones.

    Raises
    ------
    InputError
        If an argument is invalid, the clips are missing or of another kind, or none is left.
    """

    takes_store = normalises = True

    def __init__(
        self,
        data_path: str | Path | SkeletonStore,
        split: str = 'train',
        window_size: int = 52,
        random_rot: bool = False,
        bone: bool = False,
        vel: bool = False,
        repeat: int = 1,
        held_out: float = 0,
        held_out_by: str | None = None,
        graph: str = 'graph.ucla.Graph',
    ) -> None:
        if window_size < 1:
            raise InputError(f'window_size is {window_size}; it must be an integer ≥ 1')
        self.window_size, self.random_rot = window_size, random_rot
        store = choose_split(open_clips(data_path), split, 'xview', held_out, held_out_by)
        if random_rot and window_size > COPIES * store.length.min():
            raise InputError(
                f'window_size is {window_size}; at most {COPIES * store.length.min()} frames can be drawn '
                'from the shortest clip'
            )
        super().__init__(store, graph, bone=bone, vel=vel, repeat=repeat)

    def skeletons(self, rows: np.ndarray, draws_of: Callable[[int], np.ndarray]) -> np.ndarray:
        """Return the joints of clips, (N, T, 1, V, C) float32: turned, scaled, normalised, their frames drawn."""
        start, length = self.store.start[rows], self.store.length[rows]
        if not self.random_rot:
            return normalised_frames(self.store.frames, start, length, evenly_spaced(length, self.window_size))
        draws = draws_of(3 + self.window_size)
        degrees = np.floor(draws[:, :2] * (2 * LARGEST_TURN + 1)) - LARGEST_TURN
        scale = SCALES[0] + (SCALES[1] - SCALES[0]) * draws[:, 2]
        frames = np.sort(transforms.sample_without_replacement(draws[:, 3:], length * COPIES) // COPIES)
        return normalised_frames(self.store.frames, start, length, frames, turn(degrees, scale))

    def preprocessing(self) -> ScaleAndSelect | None:
        """Return what a test clip goes through as a module; None if frames, turn and scale are random."""
        if self.random_rot:
            return None
        settings = self.layout, self.window_size, self.parents, self.bone, self.vel, self.store.confidence
        return ScaleAndSelect(*settings)


def open_clips(data_path: str | Path | SkeletonStore) -> SkeletonStore:
    """Open a folder of JSON files or a store; raise InputError if there is none."""
    if isinstance(data_path, SkeletonStore):
        return data_path
    if not isinstance(data_path, (str, Path)) or not Path(data_path).exists():
        raise InputError(
            f'{data_path} does not exist; expected the folder all_sqe of NW-UCLA, or a store made from it with '
            '`python -m feeders.prepare ucla`'
        )
    return read_all_sqe(data_path) if Path(data_path).is_dir() else open_skeletons(data_path)


def turn(degrees: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """Make matrices for rows, Ry·Rx·scale, (N, 3, 3), from angles about x and y (N, 2) in degrees and scales (N,)."""
    angles = np.deg2rad(np.column_stack([degrees, np.zeros(len(degrees))]))
    return transforms.rotation(angles) * scale[:, None, None]


def normalised_frames(
    store_frames: np.ndarray | MappedArray,
    start: np.ndarray,
    length: np.ndarray,
    frames: np.ndarray,
    matrix: np.ndarray | None = None,
) -> np.ndarray:
    """Turn each clip, bring the range of each coordinate over the clip to [-1, 1], pick frames.

    A coordinate that never changes becomes 0. Centring on a joint and scaling cancel in the range.

    Parameters
    ----------
    store_frames : (…, 1, V, C). Frames of all clips.
    start, length : (N,) int. The clips.
    frames : (N, T) int. Frames to pick, counted within each clip.
    matrix : (N, 3, 3) for rows, or None (default).

    Returns
    -------
    (N, T, 1, V, C) float32, computed in float64.
    """
    first = np.cumsum(length) - length
    x = store_frames[np.repeat(start - first, length) + np.arange(length.sum())].astype(np.float64)  # (F, 1, V, C)
    if matrix is not None:
        x = (x[:, 0] @ np.repeat(matrix, length, 0))[:, None]
    low = np.minimum.reduceat(x, first).min((1, 2))  # (N, C)
    high = np.maximum.reduceat(x, first).max((1, 2))
    return to_range(x[first[:, None] + frames], low[:, None, None, None], high[:, None, None, None])


@functools.lru_cache(maxsize=1)
def read_all_sqe(folder: str | Path) -> SkeletonStore:
    """Read the published JSON files, {"file_name", "skeletons": T × 20 × 3, "label"} each.

    Returns
    -------
    SkeletonStore. float64 frames in memory, clips in the order of their names.

    Raises
    ------
    InputError
        If the folder is empty, or if a file has another form.
    """
    files = sorted(Path(folder).glob('*.json'))
    if not files:
        raise InputError(f'the folder {folder} contains no .json files; expected all_sqe of NW-UCLA')
    clips = [read_clip(file) for file in files]
    length = np.array([len(clip) for clip in clips])
    name = [file.stem for file in files]
    label = [DATASETS['nw-ucla'].label(clip) for clip in name]
    frames = np.concatenate(clips)[:, None]
    person = np.ones(len(files))
    return SkeletonStore(frames, np.cumsum(length) - length, length, name, label, person, 'nw-ucla', path=folder)


def read_clip(file: Path) -> np.ndarray:
    """Read the JSON file of one clip, (T, 20, 3) float64; raise InputError if it has another form."""
    try:
        record = json.loads(require_file(file).read_bytes())
    except (ValueError, RecursionError) as error:
        raise InputError(f'{file} is not an NW-UCLA clip: {str(error)[:200]}') from error
    return skeletons_of(record, file)


def skeletons_of(record: Any, file: Path) -> np.ndarray:
    """Return the skeletons in the contents of a clip's file, as `read_clip` does."""
    try:
        frames = np.array(record['skeletons'], np.float64)
    except (ValueError, LookupError, TypeError, ArithmeticError, RecursionError) as error:
        raise InputError(f'{file} is not an NW-UCLA clip: {str(error)[:200]}') from error
    if frames.ndim != 3 or frames.shape[1:] != (20, 3) or not len(frames):
        raise InputError(f'{file} has skeletons of shape {frames.shape}; expected (frames, 20, 3)')
    return frames
