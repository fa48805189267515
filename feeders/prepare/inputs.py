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
from feeders.recordings.normalise import normalise
from feeders.recordings.pose_estimators import JOINTS as POSE_JOINTS
from feeders.recordings.pose_estimators import is_clip_folder, read_json, read_poses
from feeders.recordings.skeleton_file import JOINTS as NTU_JOINTS
from feeders.recordings.skeleton_file import read_skeleton
from feeders.skeleton_store import SkeletonStore, open_skeletons
from torchlight.errors import InputError

Layout = tuple[int, int, int]  # (M, V, C)


def open_input(path: str | Path, layout: Layout, normalised: bool = False, confidence: bool = False) -> SkeletonStore:
    """Open the clips in a file or a folder.

    Parameters
    ----------
    path : path. A skeleton store (.h5), a public .npz, of which the test clips are taken, or recordings of RECORDINGS:
        one, or a folder of one kind.
    layout : (M, V, C). Persons, joints and coordinates that the model takes; clips may have fewer persons.
    normalised : bool. Recordings are centred and scaled by the rule of feeders/recordings/normalise.py, as the clips
        of the training were (default False).
    confidence : bool. The last coordinate is a confidence (default False).

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
    clips = [_read(file, layout, normalised, confidence) for file in files]
    length = np.array([len(clip) for clip in clips])
    frames = np.zeros((length.sum(), *layout), np.float32)
    for start, clip in zip(np.cumsum(length) - length, clips):
        frames[start : start + len(clip), : clip.shape[1]] = clip
    person = [clip.shape[1] for clip in clips]
    name = [_name(file) for file in files]
    refuse(path, name_problems(name))
    start, dataset = np.cumsum(length) - length, '' if layout[1] == POSE_JOINTS else DATASET_OF.get(files[0].suffix, '')
    facts = {'normalised': normalised, 'confidence': confidence}
    return SkeletonStore(frames, start, length, name, [-1] * len(clips), person, dataset, path=path, **facts)


def _recordings(path: Path) -> list[Path]:
    """Return the clip, or those of a folder; raise InputError if there are none, or some of different kinds."""
    known = ', '.join(kind for kind in RECORDINGS if kind != FOLDER)
    if _kind(path):
        return [path]
    if path.is_file():
        raise InputError(f'{path} is not a clip: expected {known}, or a skeleton store (.h5)')
    if not path.is_dir():
        raise InputError(f'{path} does not exist; expected a clip ({known}), a folder of clips, or a skeleton store')
    files = [file for file in sorted(path.iterdir()) if _kind(file) and not file.name.startswith('.')]
    kinds = sorted({_kind(file) for file in files})
    if len(kinds) != 1:
        found = f'has clips of several kinds, {" and ".join(kinds)}' if kinds else f'has no {known}'
        raise InputError(f'the folder {path} {found}; give a folder with clips of one kind')
    return files


def _kind(path: Path) -> str:
    """Return the key of RECORDINGS by which a file or a folder is read, '' if it is no clip."""
    if path.is_dir():
        return FOLDER if is_clip_folder(path) else ''
    return path.suffix if path.is_file() and path.suffix in RECORDINGS else ''


def _name(path: Path) -> str:
    """Return the name of a clip."""
    if path.is_dir():
        return path.name
    return path.stem.removesuffix('_skeleton') if path.suffix == '.mat' else path.stem


def _read(file: Path, layout: Layout, normalised: bool, confidence: bool) -> np.ndarray:
    """Read one recording, (T, up to M persons, V, C) float32."""
    _, joints, coordinates = layout
    try:
        frames = RECORDINGS[_kind(file)](file, layout, confidence)
        found = np.shape(frames)
        if len(found) in (3, 4) and found[-2:] != (joints, coordinates):
            raise InputError(
                f'{file} has {found[-2]} joints of {found[-1]} coordinates, but these weights are for {joints} joints '
                f'of {coordinates}{_graphs_of(found[-2])}'
            )
        frames = checked_frames(frames, layout)
        return normalise(frames, confidence) if normalised else frames
    except ClipError as error:
        raise InputError(f'{file}: {error}') from error


def _graphs_of(joints: int) -> str:
    """Say which graphs of the program have so many joints."""
    names = sorted({row.graph for row in DATASETS.values() if row.layout[1] == joints})
    return f'; {", ".join(names)} has {joints} joints' if names else ''


def _read_json(file: Path, layout: Layout, confidence: bool) -> np.ndarray:
    """Read a clip of NW-UCLA, or of a pose estimator."""
    record = read_json(file)
    if isinstance(record, dict) and 'skeletons' in record:
        return read_clip(file).astype(np.float32)
    return _read_poses(file, layout, confidence)


def _read_poses(path: Path, layout: Layout, confidence: bool) -> np.ndarray:
    """Read a clip of a pose estimator, without the confidences if the model takes two coordinates."""
    poses = read_poses(path, layout[0])[..., : layout[2]]
    if layout[2] == 3 and not confidence:
        raise InputError(f'{path} has keypoints in an image, but these weights are for joints in space')
    return poses


FOLDER = 'folder of frames'  # of OpenPose
DATASET_OF = {'.skeleton': 'ntu120', '.json': 'nw-ucla', '.mat': 'utd-mhad'}  # NTU RGB+D 60 is its first 60 classes
RECORDINGS: dict[str, Callable[[Path, Layout, bool], np.ndarray]] = {
    '.skeleton': lambda file, *_: denoise.prepare(read_skeleton(file)),
    '.json': _read_json,
    '.mat': lambda file, layout, _: placed(read_utd(file), NTU_JOINTS if layout[1] == NTU_JOINTS else JOINTS),
    '.npy': lambda file, *_: read_npy(file),
    FOLDER: _read_poses,
}
