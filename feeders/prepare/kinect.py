"""The Kinect v1 data sets: NW-UCLA, UTD-MHAD and SYSU 3D HOI, 20 joints in NW-UCLA's order.

UTD-MHAD and SYSU are for the NTU feeder, which does not centre, and get NTU's origin: the middle of the spine in the
first frame. NW-UCLA stays as published, for its own feeder normalises each clip. SYSU's reader follows the published
layout and was not tried on the original recordings.

Legend: T frames, P = 1 person, V joints, xyz in metres.
"""

import json
import re
from functools import partial
from pathlib import Path

import numpy as np
from scipy.io import loadmat

from feeders.prepare.build import Clip, add_arguments, build_store
from feeders.prepare.denoise import translate
from feeders.prepare.skeleton_file import ClipError
from feeders.splits import parse_utd, ucla_label
from torchlight.errors import InputError

JOINTS = 20
UTD_TO_UCLA = [3, 2, 1, 0, *range(4, 20)]  # UTD-MHAD counts from the head down to the hip centre
UTD_CLASSES, SYSU_CLASSES, SYSU_SUBJECTS = 27, 12, 40

# NTU's 25 joints (Kinect v2) as mixtures of Kinect v1's 20: a rule of ours, for transfer between the two.
# Measured on both: v2's base of the spine lies between the hips (v1's hip centre 7 cm higher); v2's neck lies
# 11 cm above the shoulders, as v1's shoulder centre does, and its joint 21 3 cm above them; the middle of the spine
# divides base to 21 at 0.57; a finger tip lies at 1.7 times wrist to hand. The thumb's side is unknown: it is
# put at the hand. {NTU joint: {v1 joint: share}}, both counted from 0; joints 3 to 19 are the same in both.
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


def add_parsers(commands):
    """The commands `ucla`, `utd-mhad` and `sysu`."""
    for dataset, text in (
        ('ucla', 'NW-UCLA: all_sqe/*.json'),
        ('utd-mhad', 'UTD-MHAD: Skeleton/*_skeleton.mat'),
        ('sysu', 'SYSU 3D HOI: folders …<action>/…<subject>/ with a .mat or .txt'),
    ):
        parser = commands.add_parser(dataset, help=f'{text} → store')
        parser.add_argument('--raw', required=True, metavar='DIR', help='the folder that holds them')
        if dataset != 'ucla':
            parser.add_argument(
                '--joints',
                type=int,
                choices=(20, 25),
                default=20,
                help="25: mapped to NTU's joints, for transfer (a rule of ours)",
            )
        add_arguments(parser)
        parser.set_defaults(run={'ucla': run_ucla, 'utd-mhad': run_utd, 'sysu': run_sysu}[dataset])


def run_ucla(args):
    files = find_files(args.raw, '*.json')
    return build_store(args, 'nw-ucla', (1, JOINTS, 3), files, read_ucla)


def run_utd(args):
    files = find_files(args.raw, '*_skeleton.mat')
    return build_store(args, 'utd-mhad', layout_of(args.joints), files, partial(read_utd, args.joints))


def run_sysu(args):
    folders = sorted({file.parent for file in find_files(args.raw, '*.[mt][ax]t')})
    return build_store(args, 'sysu', layout_of(args.joints), folders, partial(read_sysu, args.joints, Path(args.raw)))


def layout_of(joints):
    """(M, V, C) of a store; NTU's joints come with NTU's second person, who is absent."""
    return (1 if joints == JOINTS else 2, joints, 3)


def find_files(folder, pattern):
    """All files of that form below `folder`, by path; raises InputError where there is none."""
    if not Path(folder).is_dir():
        raise InputError(f'{folder} is not a folder; --raw takes the folder that holds the clips')
    files = sorted(Path(folder).rglob(pattern))
    if not files:
        raise InputError(f'no {pattern} in {folder}; --raw takes the folder that holds the clips')
    return files


def read_ucla(path):
    """One NW-UCLA file: {"skeletons": T × 20 × 3, "label": from 1} → Clip."""
    label = ucla_label(path.stem)
    try:
        record = json.loads(path.read_bytes())
        frames, stated = np.array(record['skeletons'], np.float32), record['label']
    except json.JSONDecodeError as error:
        raise ClipError(f'no JSON: {error.msg}', error.lineno) from error
    except OSError as error:
        raise ClipError(f'cannot be read: {error.strerror}') from error
    except (KeyError, TypeError, ValueError, RecursionError) as error:
        raise ClipError(f'expected skeletons (T × 20 × 3 numbers) and label: {error!r}') from error
    if stated != label + 1:
        raise ClipError(f'states label {stated}, and its name means {label + 1}')
    return Clip(path.stem, label, one_person(frames))


def read_utd(joints, path):
    """One UTD-MHAD file: d_skel (20, 3, T) → Clip of 20 joints or of NTU's 25, with NTU's origin."""
    name = path.stem.removesuffix('_skeleton')
    label = parse_utd(name).action - 1
    if label >= UTD_CLASSES:
        raise ClipError(f'action {label + 1} is not among the {UTD_CLASSES} of this data set')
    skeleton = read_mat(path).get('d_skel')
    if not _is_skeleton(skeleton):
        raise ClipError(f'expected d_skel (20, 3, T), found {np.shape(skeleton)}')
    frames = one_person(time_first(skeleton)[:, UTD_TO_UCLA])
    return Clip(name, label, placed(frames, joints))


def read_sysu(joints, root, folder):
    """One recording's folder, …<action number>/…<subject number>: its (20, 3, T) world coordinates → Clip."""
    numbers = [re.search(r'(\d+)$', part) for part in folder.relative_to(root).parts[-2:]]
    if len(numbers) < 2 or not all(numbers):
        raise ClipError('is not a folder …<action number>/…<subject number>')
    action, subject = (int(number[1]) for number in numbers)
    if not (1 <= action <= SYSU_CLASSES and 1 <= subject <= SYSU_SUBJECTS):
        raise ClipError(f'action {action}, subject {subject}: expected 1–{SYSU_CLASSES} and 1–{SYSU_SUBJECTS}')
    found = [
        (f'{file.name} {key}', value)
        for file in sorted(folder.glob('*.mat'))
        for key, value in read_mat(file).items()
        if _is_skeleton(value)
    ]
    skeletons = [time_first(value) for _, value in found] or [read_text(file) for file in sorted(folder.glob('*.txt'))]
    world = [frames for (title, _), frames in zip(found, skeletons) if 'world' in title.lower()]
    skeletons = world or skeletons
    if len(skeletons) != 1:
        raise ClipError(f'holds {len(skeletons)} skeletons (20, 3, T); expected one, or one with "world" in its name')
    return Clip(f'a{action:02}_s{subject:02}', action - 1, placed(one_person(skeletons[0]), joints))


def read_mat(path):
    """The variables of a MATLAB file; raises ClipError where it is none."""
    try:
        return loadmat(path)
    except Exception as error:  # on damaged files scipy raises errors of a dozen kinds
        raise ClipError(f'no MATLAB file that can be read: {error}') from error


def read_text(path):
    """A text of 60 numbers a frame → (T, 20, 3); raises ClipError with the line that is wrong."""
    rows = []
    try:
        lines = path.read_bytes().splitlines()
    except OSError as error:
        raise ClipError(f'{path.name} cannot be read: {error.strerror}') from error
    for number, line in enumerate(lines, 1):
        try:
            rows.append([float(token) for token in line.replace(b',', b' ').split()])
        except ValueError as error:
            raise ClipError(f'{path.name}: {error}', number) from error
        if len(rows[-1]) != 3 * JOINTS:
            raise ClipError(f'{path.name}: {len(rows[-1])} numbers, expected {3 * JOINTS}', number)
    return np.array(rows).reshape(-1, JOINTS, 3)


def time_first(skeleton):
    """(20, 3, T) → (T, 20, 3); MATLAB drops the last axis of a single frame."""
    return np.atleast_3d(skeleton).transpose(2, 0, 1)


def one_person(frames):
    """(T, 20, 3) → (T, 1, 20, 3) float32; raises ClipError for another shape and for NaN or Inf."""
    if frames.ndim != 3 or frames.shape[1:] != (JOINTS, 3) or not len(frames):
        raise ClipError(f'frames of shape {frames.shape}, expected (T, {JOINTS}, 3)')
    if not np.isfinite(frames).all():
        raise ClipError('holds NaN or Inf')
    return frames[:, None].astype(np.float32)


def placed(frames, joints):
    """(T, P, 20, 3) → (T, P, joints, 3), mapped where joints is 25, with NTU's origin."""
    return translate(frames if joints == JOINTS else to_ntu_joints(frames))


def to_ntu_joints(frames):
    """(T, P, 20, 3) Kinect v1 → (T, P, 25, 3) by NTU_FROM_KINECT_V1."""
    mixture = np.zeros((25, JOINTS), np.float32)
    for joint, shares in NTU_FROM_KINECT_V1.items():
        for source, share in shares.items():
            mixture[joint, source] = share
    return mixture @ frames


def _is_skeleton(value):
    return (
        isinstance(value, np.ndarray)
        and value.ndim in (2, 3)
        and value.shape[:2] == (JOINTS, 3)
        and value.dtype.kind in 'fiu'
    )
