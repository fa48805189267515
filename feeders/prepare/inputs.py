"""Clips to classify: recordings as downloaded, arrays, or stores, whatever they were trained from.

Recordings are cleaned and placed as the commands of feeders.prepare do it, so that a recording and the clip of a store
that was made from it are the same.

Legend: T frames, M persons, V joints, C coordinates.
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from feeders.datasets import DATASETS
from feeders.feeder_ucla import read_clip
from feeders.integrity import name_problems, refuse
from feeders.mapped import read_npy
from feeders.prepare.kinect import JOINTS, placed, read_utd
from feeders.public_npz import open_npz
from feeders.recordings import denoise
from feeders.recordings.clips import ClipError, checked_frames
from feeders.recordings.skeleton_file import JOINTS as NTU_JOINTS
from feeders.recordings.skeleton_file import read_skeleton
from feeders.skeleton_store import SkeletonStore, open_skeletons
from torchlight.errors import InputError

Layout = tuple[int, int, int]  # (M, V, C)


def open_input(path: str | Path, layout: Layout) -> SkeletonStore:
    """Open the clips in a file or a folder.

    Parameters
    ----------
    path : path. A skeleton store (.h5), a public .npz, of which the test clips are taken, or recordings of RECORDINGS:
        one, or a folder of one kind.
    layout : (M, V, C). Persons, joints and coordinates that the model takes; clips may have fewer persons.

    Raises
    ------
    InputError
        If there is nothing of that kind, or if a clip is damaged or has other joints; it names the first clip.
    """
    path = Path(path)
    if path.suffix == '.h5':
        return open_skeletons(path)
    if path.suffix == '.npz':
        return open_npz(path, 'test')
    files = _recordings(path)
    clips = [_read(file, layout) for file in files]
    length = np.array([len(clip) for clip in clips])
    frames = np.zeros((length.sum(), *layout), np.float32)
    for start, clip in zip(np.cumsum(length) - length, clips):
        frames[start : start + len(clip), : clip.shape[1]] = clip
    person = [clip.shape[1] for clip in clips]
    name = [file.stem.removesuffix('_skeleton') if file.suffix == '.mat' else file.stem for file in files]
    refuse(path, name_problems(name))
    start, dataset = np.cumsum(length) - length, DATASET_OF.get(files[0].suffix, '')
    return SkeletonStore(frames, start, length, name, [-1] * len(clips), person, dataset, path=path)


def _recordings(path: Path) -> list[Path]:
    """Return the file, or the files of a folder; raise InputError if there are none, or some of different kinds."""
    known = ', '.join(RECORDINGS)
    if path.is_file():
        if path.suffix not in RECORDINGS:
            raise InputError(f'{path} is not a clip: expected {known}, or a skeleton store (.h5)')
        return [path]
    if not path.is_dir():
        raise InputError(f'{path} does not exist; expected a clip ({known}), a folder of clips, or a skeleton store')
    files = [file for file in sorted(path.iterdir()) if file.suffix in RECORDINGS and not file.name.startswith('.')]
    kinds = sorted({file.suffix for file in files})
    if len(kinds) != 1:
        found = f'has clips of several kinds, {" and ".join(kinds)}' if kinds else f'has no {known}'
        raise InputError(f'the folder {path} {found}; give a folder with clips of one kind')
    return files


def _read(file: Path, layout: Layout) -> np.ndarray:
    """Read one recording, (T, up to M persons, V, C) float32."""
    _, joints, coordinates = layout
    try:
        frames = RECORDINGS[file.suffix](file, layout)
        found = np.shape(frames)
        if len(found) in (3, 4) and found[-2:] != (joints, coordinates):
            raise InputError(
                f'{file} has {found[-2]} joints of {found[-1]} coordinates, but these weights are for {joints} joints '
                f'of {coordinates}{_graphs_of(found[-2])}'
            )
        return checked_frames(frames, layout)
    except ClipError as error:
        raise InputError(f'{file}: {error}') from error


def _graphs_of(joints: int) -> str:
    """Say which graphs of the program have so many joints."""
    names = sorted({row.graph for row in DATASETS.values() if row.layout[1] == joints})
    return f'; {", ".join(names)} has {joints} joints' if names else ''


DATASET_OF = {'.skeleton': 'ntu120', '.json': 'nw-ucla', '.mat': 'utd-mhad'}  # NTU RGB+D 60 is its first 60 classes
RECORDINGS: dict[str, Callable[[Path, Layout], np.ndarray]] = {
    '.skeleton': lambda file, layout: denoise.prepare(read_skeleton(file)),
    '.json': lambda file, layout: read_clip(file).astype(np.float32),
    '.mat': lambda file, layout: placed(read_utd(file), NTU_JOINTS if layout[1] == NTU_JOINTS else JOINTS),
    '.npy': lambda file, layout: read_npy(file),
}
