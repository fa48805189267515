"""Clips to classify: recordings as downloaded, arrays, or stores, whatever they were trained from.

Recordings are cleaned and placed as the commands of feeders.prepare do it, so that a recording and the clip of a store
that was made from it are the same.

Legend: T frames, M persons, V joints, C coordinates.
"""

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np

from feeders.feeder_ucla import skeletons_of
from feeders.integrity import name_problems, refuse
from feeders.mapped import read_npy
from feeders.prepare import hand
from feeders.prepare.kinect import JOINTS, placed, read_utd
from feeders.public_npz import open_npz
from feeders.recordings import denoise
from feeders.recordings.clips import ClipError, EmptyClipError, checked_frames
from feeders.recordings.normalise import normalise
from feeders.recordings.pose_estimators import JOINTS as POSE_JOINTS
from feeders.recordings.pose_estimators import arranged, frames_of, is_clip_folder, read_json, read_poses
from feeders.recordings.skeleton_file import JOINTS as NTU_JOINTS
from feeders.recordings.skeleton_file import read_skeleton
from feeders.skeleton_store import SkeletonStore, open_skeletons
from graph.by_joints import graph_hint
from torchlight.errors import InputError, counted, first_few

Layout = tuple[int, int, int]  # (M, V, C)


def open_input(path: str | Path, layout: Layout, normalised: bool = False, confidence: bool = False) -> SkeletonStore:
    """Open the clips in a file or a folder; recordings in which there is nobody are left out with a warning.

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
        If there is nothing of that kind, if nobody is in any of the recordings, or if one is damaged or has other
        joints; it names the first such clip.
    """
    path = Path(path)
    if path.suffix == '.h5':
        return open_skeletons(path)
    if path.suffix == '.npz':
        return open_npz(path, 'test')
    kinds = _recordings(path)
    refuse(path, name_problems([_name(file) for file in kinds]))
    found = {file: _read(file, kind, layout, normalised, confidence) for file, kind in kinds.items()}
    files = [file for file, clip in found.items() if clip is not None]
    _warn_of_empty(path, [_name(file) for file, clip in found.items() if clip is None], len(files))
    clips = [found[file] for file in files]
    length = np.array([len(clip) for clip in clips])
    frames = np.zeros((length.sum(), *layout), np.float32)
    for start, clip in zip(np.cumsum(length) - length, clips):
        frames[start : start + len(clip), : clip.shape[1]] = clip
    person = [clip.shape[1] for clip in clips]
    name = [_name(file) for file in files]
    start, dataset = np.cumsum(length) - length, '' if layout[1] == POSE_JOINTS else DATASET_OF.get(kinds[files[0]], '')
    facts = {'normalised': normalised, 'confidence': confidence}
    return SkeletonStore(frames, start, length, name, [-1] * len(clips), person, dataset, path=path, **facts)


def _recordings(path: Path) -> dict[Path, str]:
    """Return {clip: its kind} of a clip or a folder; raise InputError if there are none, or some of several kinds."""
    known = ', '.join(kind for kind in RECORDINGS if kind != FOLDER)
    if kind := _kind(path):
        return {path: kind}
    if path.is_file():
        raise InputError(f'{path} is not a clip: expected {known}, or a skeleton store (.h5)')
    if not path.is_dir():
        raise InputError(f'{path} does not exist; expected a clip ({known}), a folder of clips, or a skeleton store')
    clips = {file: kind for file in sorted(path.iterdir()) if not file.name.startswith('.') and (kind := _kind(file))}
    kinds = sorted(set(clips.values()))
    if len(kinds) != 1:
        found = f'has clips of several kinds, {" and ".join(kinds)}' if kinds else f'has no {known}'
        raise InputError(f'the folder {path} {found}; give a folder with clips of one kind')
    if kinds[0] in STORES:
        names = first_few(file.name for file in clips)
        raise InputError(f'the folder {path} has {names}; give one {kinds[0]} file by its own name, not its folder')
    return clips


def _kind(path: Path) -> str:
    """Return which of RECORDINGS or STORES a file or a folder is, '' if it is none."""
    if path.is_dir():
        return FOLDER if is_clip_folder(path) else ''
    if path.is_file() and path.name.endswith(HAND):
        return HAND
    return path.suffix if path.is_file() and path.suffix in (*RECORDINGS, *STORES) else ''


def _name(path: Path) -> str:
    """Return the name of a clip."""
    if path.is_dir():
        return path.name
    if path.name.endswith(HAND):
        return hand.clip_name(path) or path.stem
    return path.stem.removesuffix('_skeleton') if path.suffix == '.mat' else path.stem


def _warn_of_empty(path: Path, names: list[str], others: int) -> None:
    """Warn of clips in which there is nobody; raise InputError if there are no others."""
    if names and not others:
        raise InputError(f'nobody is in {path}, so there is nothing to classify')
    if names:
        which = counted(len(names), 'clip is left out, as nobody is in it', 'clips are left out, as nobody is in them')
        print(f'warning: of {path}, {which}: {first_few(names)}', file=sys.stderr)


def _read(file: Path, kind: str, layout: Layout, normalised: bool, confidence: bool) -> np.ndarray | None:
    """Read one recording, (T, up to M persons, V, C) float32; None if nobody is in it."""
    _, joints, coordinates = layout
    try:
        frames = RECORDINGS[kind](file, layout, confidence)
        found = np.shape(frames)
        if len(found) in (3, 4) and found[-2:] != (joints, coordinates):
            raise InputError(
                f'{file} has {found[-2]} joints of {found[-1]} coordinates, but these weights are for {joints} joints '
                f'of {coordinates}{graph_hint(found[-2]) if found[-2] != joints else ""}'
            )
        frames = checked_frames(frames, layout)
        if not frames.any():
            return None
        return normalise(frames, confidence) if normalised else frames
    except EmptyClipError:
        return None
    except ClipError as error:
        raise InputError(f'{file}: {error}') from error


def _read_json(file: Path, layout: Layout, confidence: bool) -> np.ndarray:
    """Read a clip of NW-UCLA, or of a pose estimator."""
    record = read_json(file)
    if isinstance(record, dict) and 'skeletons' in record:
        return skeletons_of(record, file).astype(np.float32)
    return _keypoints(arranged(frames_of(record), layout[0]), file, layout, confidence)


def _read_folder(folder: Path, layout: Layout, confidence: bool) -> np.ndarray:
    """Read a clip of OpenPose."""
    return _keypoints(read_poses(folder, layout[0]), folder, layout, confidence)


def _keypoints(poses: np.ndarray, path: Path, layout: Layout, confidence: bool) -> np.ndarray:
    """Return the keypoints of a pose estimator, without the confidences if the model takes two coordinates."""
    if layout[2] == 3 and not confidence:
        raise InputError(f'{path} has keypoints in an image, but these weights are for joints in space')
    return poses[..., : layout[2]]


STORES = '.h5', '.npz'
FOLDER = 'folder of frames'  # of OpenPose
HAND = '_world.txt'  # of SHREC'17 Track (skeletons_world.txt) and DHG-14/28 (skeleton_world.txt)
# NTU RGB+D 60 is the first 60 classes of 120; SHREC'17 Track and DHG-14/28 have the same classes.
DATASET_OF = {'.skeleton': 'ntu120', '.json': 'nw-ucla', '.mat': 'utd-mhad', HAND: 'shrec17'}
RECORDINGS: dict[str, Callable[[Path, Layout, bool], np.ndarray]] = {
    '.skeleton': lambda file, *_: denoise.prepare(read_skeleton(file)),
    '.json': _read_json,
    '.mat': lambda file, layout, _: placed(read_utd(file), NTU_JOINTS if layout[1] == NTU_JOINTS else JOINTS),
    '.npy': lambda file, *_: read_npy(file),
    HAND: lambda file, *_: hand.read_hand(file),
    FOLDER: _read_folder,
}
