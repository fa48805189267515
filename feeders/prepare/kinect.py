"""The Kinect v1 data sets: NW-UCLA, UTD-MHAD and SYSU 3D HOI, 20 joints in NW-UCLA's order.

UTD-MHAD and SYSU are for the NTU feeder, which does not centre clips, and get NTU's origin: the middle of the spine in
the first frame. NW-UCLA stays as published, because its own feeder normalises each clip. SYSU's reader follows the
published layout and has not been tried on the original recordings.

Legend: T frames, M = 1 person, V joints, xyz in metres.
"""

import json
import re
from pathlib import Path
from typing import Any

import numpy as np

from feeders.datasets import DATASETS
from feeders.prepare import store_builder
from feeders.recordings.clips import Clip, ClipError, checked_frames, find_files
from feeders.recordings.denoise import translate
from feeders.recordings.joint_text import read_joint_text
from feeders.recordings.matlab_file import read_matlab
from torchlight.command import Parser
from torchlight.errors import counted

JOINTS = 20
UTD_TO_UCLA = [3, 2, 1, 0, *range(4, 20)]  # UTD-MHAD counts from the head down to the hip centre
SYSU_SUBJECTS = 40

# NTU's 25 joints (Kinect v2) as mixtures of Kinect v1's 20: a rule of ours, for transfer between the two.
# Measured on both: v2's base of the spine is between the hips (v1's hip centre is 7 cm higher); v2's neck is 11 cm
# above the shoulders, as v1's shoulder centre is, and its joint 21 is 3 cm above them; the middle of the spine divides
# the line from the base to joint 21 at 0.57; a finger tip is at 1.7 times wrist to hand. The thumb's side is unknown:
# it is put at the hand. {NTU joint: {v1 joint: share}}, both counted from 0; joints 3 to 19 are the same in both.
_BASE, _CHEST = {12: 0.5, 16: 0.5}, {4: 0.375, 8: 0.375, 2: 0.25}
_MIDDLE = {joint: 0.43 * _BASE.get(joint, 0) + 0.57 * _CHEST.get(joint, 0) for joint in (*_BASE, *_CHEST)}
NTU_FROM_KINECT_V1 = {
    0: _BASE,
    1: _MIDDLE,
    2: {2: 1},
    **{joint: {joint: 1} for joint in range(3, 20)},
    20: _CHEST,
    21: {7: 1.7, 6: -0.7},
    22: {7: 1},
    23: {11: 1.7, 10: -0.7},
    24: {11: 1},
}


class UCLAReader(store_builder.Reader):
    """Reads NW-UCLA: {"skeletons": T × 20 × 3, "label": 1, 2, …} in each file."""

    pattern = '*.json'

    def read(self, source: Path) -> Clip:
        """Read one file; the label that it states must be that of its name."""
        label = self.dataset.label(source.stem)
        try:
            record = json.loads(source.read_bytes())
            frames, stated = np.array(record['skeletons'], np.float32), record['label']
        except json.JSONDecodeError as error:
            raise ClipError(f'is not JSON: {error.msg}', error.lineno) from error
        except OSError as error:
            raise ClipError(f'cannot be read: {error.strerror}') from error
        except (KeyError, TypeError, ValueError, OverflowError, RecursionError) as error:
            raise ClipError(f'expected skeletons (T × 20 × 3 numbers) and label: {error!r}') from error
        if stated != label + 1:
            raise ClipError(f'states label {stated}, but its name means {label + 1}')
        return Clip(source.stem, frames, label)


class TransferReader(store_builder.Reader):
    """A reader whose clips can have NTU's joints and layout, and have NTU's origin."""

    @staticmethod
    def add_arguments(parser: Parser) -> None:
        """Add --joints."""
        parser.add(
            '--joints',
            type=int,
            choices=(JOINTS, 25),
            default=JOINTS,
            help="joints of the store: the 20 recorded ones (default), or 25 to map them to NTU's, for transfer",
        )

    @property
    def layout(self) -> tuple[int, int, int]:
        """(M, V, C); NTU's joints come with NTU's second person, who is absent."""
        return self.dataset.layout if self.args.joints == JOINTS else DATASETS['ntu60'].layout

    def placed(self, frames: np.ndarray) -> np.ndarray:
        """Do what the function `placed` does, with the joints that are asked for."""
        return placed(frames, self.args.joints)


class UTDReader(TransferReader):
    """Reads UTD-MHAD: d_skel (20, 3, T) in each file."""

    pattern = '*_skeleton.mat'

    def read(self, source: Path) -> Clip:
        """Read one file."""
        return Clip(source.stem.removesuffix('_skeleton'), self.placed(read_utd(source)))


class SYSUReader(TransferReader):
    """Reads SYSU 3D HOI: a folder …<action number>/…<subject number> per clip, with (20, 3, T) world coordinates."""

    pattern = '*.[mt][ax]t'

    def sources(self) -> list:
        """Return the folders that contain recordings, by path."""
        return sorted({file.parent for file in find_files(self.args.raw, self.pattern)})

    def read(self, source: Path) -> Clip:
        """Read one folder."""
        root = next(root for root in self.args.raw if source.is_relative_to(root))
        numbers = [re.search(r'(\d+)$', part) for part in source.relative_to(root).parts[-2:]]
        if len(numbers) < 2 or not all(numbers):
            raise ClipError('is not a folder …<action number>/…<subject number>')
        action, subject = (int(number[1]) for number in numbers)
        if not 1 <= subject <= SYSU_SUBJECTS:
            raise ClipError(f'has subject {subject}; expected 1 to {SYSU_SUBJECTS}')
        return Clip(f'a{action:02}_s{subject:02}', self.placed(read_folder(source)))


def placed(frames: np.ndarray, joints: int) -> np.ndarray:
    """Map frames (T, 20, 3) to NTU's joints if 25 are asked for, with NTU's origin; return (T, 1, V, 3) float32."""
    frames = checked_frames(frames, (1, JOINTS, 3))
    return translate(frames if joints == JOINTS else to_ntu_joints(frames))


def read_utd(path: Path) -> np.ndarray:
    """Read the skeleton in a file of UTD-MHAD, (T, 20, 3) in NW-UCLA's order; raise ClipError if there is none."""
    skeleton = read_matlab(path).get('d_skel')
    if not _is_skeleton(skeleton):
        raise ClipError(f'expected d_skel (20, 3, T), found {np.shape(skeleton)}')
    return time_first(skeleton)[:, UTD_TO_UCLA]


def read_folder(folder: Path) -> np.ndarray:
    """Return the one skeleton in a folder's .mat or .txt files, (T, 20, 3); raise ClipError if there are several."""
    found = [
        (f'{file.name} {key}', value)
        for file in sorted(folder.glob('*.mat'))
        for key, value in read_matlab(file).items()
        if _is_skeleton(value)
    ]
    skeletons = [time_first(value) for _, value in found] or [
        read_joint_text(file, JOINTS) for file in sorted(folder.glob('*.txt'))
    ]
    world = [frames for (title, _), frames in zip(found, skeletons) if 'world' in title.lower()]
    skeletons = world or skeletons
    if len(skeletons) != 1:
        raise ClipError(
            f'has {counted(len(skeletons), "skeleton")} (20, 3, T); expected one, or one with "world" in its name'
        )
    return skeletons[0]


def time_first(skeleton: np.ndarray) -> np.ndarray:
    """Turn (20, 3, T) into (T, 20, 3); MATLAB drops the last axis of a single frame."""
    return np.atleast_3d(skeleton).transpose(2, 0, 1)


def to_ntu_joints(frames: np.ndarray) -> np.ndarray:
    """Map Kinect v1's joints (T, M, 20, 3) to NTU's (T, M, 25, 3) by NTU_FROM_KINECT_V1."""
    mixture = np.zeros((25, JOINTS), np.float32)
    for joint, shares in NTU_FROM_KINECT_V1.items():
        for source, share in shares.items():
            mixture[joint, source] = share
    return mixture @ frames


def _is_skeleton(value: Any) -> bool:
    if not isinstance(value, np.ndarray) or value.dtype.kind not in 'fiu':
        return False
    return value.ndim in (2, 3) and value.shape[:2] == (JOINTS, 3)
