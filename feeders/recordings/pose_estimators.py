"""The JSON of pose estimators: OpenPose, AlphaPose, COCO results and MMPose → the 17 keypoints of COCO.

| program | file | what is read of it |
|---|---|---|
| OpenPose | a folder with a file for each frame | `people[].pose_keypoints_2d`, BODY_25 or COCO_18, and `person_id` |
| AlphaPose, COCO results | a file | a list of `{image_id, keypoints}` and, if persons are tracked, `idx` |
| MMPose | a file | `instance_info`, or the list in it, of `{frame_id, instances: [{keypoints, keypoint_scores}]}` |

Legend: T frames, M persons, V = 17 keypoints, C = 3: x and y in pixels, and a confidence.
"""

import json
import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from feeders.recordings.clips import ClipError, EmptyClipError
from torchlight.errors import InputError, counted
from torchlight.files import require_file

JOINTS = 17
COCO_17 = tuple(range(JOINTS))
BODY_25 = 0, 16, 15, 18, 17, 5, 2, 6, 3, 7, 4, 12, 9, 13, 10, 14, 11  # OpenPose's number of each keypoint of COCO
COCO_18 = 0, 15, 14, 17, 16, 5, 2, 6, 3, 7, 4, 11, 8, 12, 9, 13, 10  # the same in its older model
OPENPOSE = {75: BODY_25, 54: COCO_18}  # by how many numbers a person has


class Pose(NamedTuple):
    """A person in one frame: (V, C) keypoints, and the number under which the estimator follows the person, or None."""

    keypoints: np.ndarray
    identity: int | None

    @property
    def confidence(self) -> float:
        """The mean of the keypoints'."""
        return float(self.keypoints[:, 2].mean())


def read_poses(path: Path, persons: int) -> np.ndarray:
    """Read one clip.

    Parameters
    ----------
    path : Path. A file, or OpenPose's folder of files, one for each frame.
    persons : int. How many persons are kept: of those who are followed through the clip, the most confident in sum;
        otherwise the most confident of each frame, in this order.

    Returns
    -------
    (T, up to `persons`, V, C) float64. Frames in which nobody was found are left out; a person who was not found in a
    frame is zero there.

    Raises
    ------
    ClipError
        If the file is of another form, or if nobody was found.
    """
    files = sorted(path.glob('*.json'), key=lambda file: _natural(file.name)) if path.is_dir() else [path]
    return arranged([frame for file in files for frame in frames_of(read_json(file))], persons)


def read_json(path: Path) -> Any:
    """Read a JSON file; raise ClipError or InputError if it is none."""
    try:
        return json.loads(require_file(path).read_bytes())
    except json.JSONDecodeError as error:
        raise ClipError(f'{path.name} is not JSON: {error.msg}', error.lineno) from error
    except OSError as error:
        raise ClipError(f'{path.name} cannot be read: {error.strerror}') from error
    except (ValueError, RecursionError) as error:
        raise ClipError(f'{path.name} is not JSON: {str(error)[:200]}') from error


def is_openpose(record: Any) -> bool:
    """Return whether the contents of a file are one frame of OpenPose."""
    return isinstance(record, dict) and 'people' in record


def is_clip_folder(path: Path) -> bool:
    """Return whether a folder has the frames of one clip, as OpenPose writes them."""
    first = next(path.glob('*.json'), None) if path.is_dir() else None
    try:
        return first is not None and is_openpose(read_json(first))
    except (ClipError, InputError):
        return False


def frames_of(record: Any) -> list[list[Pose]]:
    """Return the persons in each frame of a file's contents; raise ClipError if they are of no known form."""
    try:
        if is_openpose(record):
            return [[pose for person in record['people'] for pose in _openpose(person)]]
        entries = record.get('instance_info') if isinstance(record, dict) else record
        keys = {key for entry in entries for key in entry} if isinstance(entries, list) else set()
        if 'instances' in keys:
            ordered = sorted(entries, key=lambda entry: entry.get('frame_id', 0))
            return [[_mmpose(instance) for instance in entry['instances']] for entry in ordered]
        if 'keypoint_scores' in keys:
            return [[_mmpose(instance) for instance in entries]]
        if 'image_id' in keys:
            frames = defaultdict(list)
            for entry in entries:
                pose = _pose(_numbers(entry['keypoints']).reshape(-1, 3), COCO_17, entry.get('idx'))
                frames[str(entry['image_id'])].append(pose)
            return [frames[image] for image in sorted(frames, key=_natural)]
    except (ValueError, LookupError, TypeError, ArithmeticError, AttributeError, RecursionError) as error:
        raise ClipError(f'has poses of an unknown form: {type(error).__name__} {str(error)[:200]}') from error
    raise ClipError('has no keypoints of OpenPose, AlphaPose, COCO results or MMPose, nor skeletons of NW-UCLA')


def arranged(frames: Iterable[Sequence[Pose]], persons: int) -> np.ndarray:
    """Give each person a slot, as `read_poses` says; return (T, up to `persons`, V, C)."""
    frames = [frame for frame in frames if frame]
    if not frames:
        raise EmptyClipError('nobody was found in it')
    followed = all(pose.identity is not None for frame in frames for pose in frame)
    numbered = [_numbered(frame, followed) for frame in frames]
    confidence: dict[int, float] = defaultdict(float)
    for number, pose in (item for frame in numbered for item in frame.items()):
        confidence[number] += pose.confidence
    ranked = sorted(confidence, key=lambda number: -confidence[number])[:persons]
    kept = [frame for frame in numbered if not frame.keys().isdisjoint(ranked)]
    clip = np.zeros((len(kept), len(ranked), JOINTS, 3))
    for frame, slots in zip(kept, clip):
        for slot, number in enumerate(ranked):
            if number in frame:
                slots[slot] = frame[number].keypoints
    return clip


def _numbered(frame: Sequence[Pose], followed: bool) -> dict[int, Pose]:
    """Return the persons of a frame by the number under which they are followed, or else by their confidence.

    Of several poses with one number, the most confident is kept.
    """
    ordered = sorted(frame, key=lambda pose: -pose.confidence)
    if not followed:
        return dict(enumerate(ordered))
    return {pose.identity: pose for pose in reversed(ordered)}


def _openpose(person: dict[str, Any]) -> list[Pose]:
    """Return the pose of a person, or none for one of whom only the face or the hands were looked for."""
    numbers = person['pose_keypoints_2d']
    if not numbers:
        return []
    if len(numbers) not in OPENPOSE:
        raise ValueError(f'{counted(len(numbers), "number")} for a person, expected 75 (BODY_25) or 54 (COCO_18)')
    return [_pose(_numbers(numbers).reshape(-1, 3), OPENPOSE[len(numbers)], person.get('person_id'))]


def _mmpose(instance: dict[str, Any]) -> Pose:
    keypoints = np.column_stack([_numbers(instance[key]) for key in ('keypoints', 'keypoint_scores')])
    return _pose(keypoints, COCO_17, instance.get('track_id'))


def _pose(keypoints: np.ndarray, order: Sequence[int], identity: Any) -> Pose:
    if keypoints.shape[1:] != (3,) or (order is COCO_17 and len(keypoints) != JOINTS):
        raise ValueError(f'keypoints of shape {keypoints.shape}, expected those of COCO, ({JOINTS}, 3)')
    while isinstance(identity, list) and len(identity) == 1:
        identity = identity[0]
    followed = isinstance(identity, (int, float)) and identity >= 0  # OpenPose writes -1 for nobody
    return Pose(keypoints[list(order)], int(identity) if followed else None)


def _numbers(values: Any) -> np.ndarray:
    """Return nested lists of numbers as an array; at once, as texts would first take the length of the longest each."""
    return np.asarray(values, np.float64)


def _natural(name: str) -> list[str | int]:
    """Return a key that sorts 2.jpg before 10.jpg."""
    return [int(part) if place % 2 else part for place, part in enumerate(re.split('([0-9]+)', name))]
