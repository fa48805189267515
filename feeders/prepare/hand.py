"""Hand gestures: SHREC'17 Track and DHG-14/28, 22 joints in the order of graph/hand.py.

Both readers follow the published layout and have not been tried on the original recordings. Clips get NTU's origin, the
second joint in the first frame, which here is the palm: the feeder for them does not centre clips.

Legend: T frames, M = 1 hand, V joints, xyz in metres.
"""

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from feeders.datasets import DATASETS, Dataset
from feeders.prepare import store_builder
from feeders.recordings.clips import Clip, ClipError, LeftOut, checked_frames, find_files
from feeders.recordings.denoise import translate
from feeders.recordings.joint_text import read_joint_text
from torchlight.errors import InputError, counted, first_few
from torchlight.files import require_file

JOINTS = DATASETS['shrec17'].layout[1]
FOLDERS = re.compile(r'gesture_(\d+)/finger_(\d+)/subject_(\d+)/essai_(\d+)/[^/]+$')
SPLITS = {'train': 'train_gestures.txt', 'test': 'test_gestures.txt'}
TRIMMING = 'informations_troncage_sequences.txt'
# How the lines of a split file may number the 28 classes: gesture by gesture, or all of one finger first.
NUMBERINGS = (
    lambda gesture, finger: 2 * gesture + finger - 2,
    lambda gesture, finger: gesture + 14 * (finger - 1),
)


class HandReader(store_builder.Reader):
    """Reads the texts in folders gesture_<g>/finger_<f>/subject_<s>/essai_<e>, in the order of the clips' names.

    A data set may come with a list of its clips: what it does not name is left out, and what it names must be there,
    unless --allow-missing says otherwise.

    Attributes
    ----------
    list_title : str. The name of that list.
    subjects : int. They are numbered from 1 to this.
    """

    pattern = 'skeleton*_world.txt'
    list_title: str
    subjects: int

    def listed(self) -> dict | None:
        """Return {clip: what its list says of it}, or None (default) if there is no list."""
        return None

    def sources(self) -> list:
        """Return the files; those in other folders and those that are not listed are left out."""
        found = {file: clip_name(file) for file in find_files(self.args.raw, self.pattern)}
        listed = self.listed()
        absent = sorted(set(listed or ()) - set(found.values()))
        if absent and not self.args.allow_missing:
            raise InputError(
                f'{self.list_title} names {counted(len(absent), "clip that is", "clips that are")} not in '
                f'{", ".join(map(str, self.args.raw))}: {first_few(absent)}; --allow-missing leaves them out'
            )
        sources = [LeftOut(name, f'is named by {self.list_title}, but is not there') for name in absent]
        for file, name in sorted(found.items(), key=lambda pair: (pair[1], pair[0])):
            if not re.fullmatch(self.dataset.pattern, name):
                sources.append(LeftOut(str(file), f'is not of the form {self.dataset.recordings}'))
            elif not 1 <= (subject := self.dataset.fields(name)['subject']) <= self.subjects:
                sources.append(LeftOut(str(file), f'has subject {subject}; expected 1 to {self.subjects}'))
            elif listed is not None and name not in listed:
                sources.append(LeftOut(str(file), f'is not named by {self.list_title}'))
            else:
                sources.append(file)
        return sources


class SHRECReader(HandReader):
    """Reads SHREC'17 Track, whose split files name the training and the test clips."""

    list_title = ' or '.join(SPLITS.values())
    subjects = 28

    def listed(self) -> dict[str, str]:
        """Return {clip: its split}."""
        self.splits: dict[str, str] = {}
        for split, title in SPLITS.items():
            path = _one(self.args.raw, title)
            for name in read_split(path, self.dataset):
                if self.splits.setdefault(name, split) != split:
                    raise InputError(f'{path} names {name}, which {SPLITS["train"]} names as well')
        return self.splits

    def read(self, source: Path) -> Clip:
        """Read one file."""
        name = clip_name(source)
        return Clip(name, read_hand(source), split=self.splits[name])


class DHGReader(HandReader):
    """Reads DHG-14/28; clips are cut to the frames that the file TRIMMING names, if it is in a folder of --raw.

    Its first and last frame are taken to be counted from 0, both within the gesture.
    """

    list_title = TRIMMING
    subjects = 20

    def listed(self) -> dict[str, tuple[int, int]] | None:
        """Return {clip: its first and last frame}, or None if there is no such file; print which is the case.

        Raises
        ------
        InputError
            If a split file of SHREC'17 Track is there.
        """
        others = _below(self.args.raw, *SPLITS.values())
        if others:
            raise InputError(f"{others[0]} comes with SHREC'17 Track, which the command shrec17 prepares")
        files = _below(self.args.raw, TRIMMING)
        print(f'{files[0]}: clips are cut to these frames' if files else f'there is no {TRIMMING}: clips are whole')
        self.ends = read_trimming(_one(self.args.raw, TRIMMING), self.dataset) if files else None
        return self.ends

    def read(self, source: Path) -> Clip:
        """Read one file, and cut it."""
        name = clip_name(source)
        frames = read_hand(source, self.ends[name] if self.ends else None)
        return Clip(name, frames)


def clip_name(path: Path) -> str:
    """Return a clip's name, g01_f1_s01_e01, by the folders that its file is in; '' if these have other names."""
    numbers = FOLDERS.search(path.absolute().as_posix())
    return '' if numbers is None else _name(*map(int, numbers.groups()))


def read_hand(path: Path, ends: tuple[int, int] | None = None) -> np.ndarray:
    """Read a recording, (T, 1, V, 3) float32 around the palm of its first frame; raise ClipError if it is damaged.

    Parameters
    ----------
    path : path. A text of 66 numbers per frame.
    ends : (first, last) frame to keep, or None for all (default).
    """
    frames = checked_frames(read_joint_text(path, JOINTS), (1, JOINTS, 3))
    if ends:
        first, last = ends
        if last > len(frames):
            raise ClipError(f'has {counted(len(frames), "frame")}, but {TRIMMING} names frames {first} to {last}')
        frames = frames[first : last + 1]
    return translate(frames)


def read_split(path: Path, dataset: Dataset) -> list[str]:
    """Return the clips that a split file names; raise InputError for a line that is wrong or contradicts itself.

    A line has seven numbers: gesture, finger, subject, essai, label among 14 and among 28 classes, frames. The labels
    must be those that the gesture and the finger mean; the last number is not compared with the clip.
    """
    names, numberings = {}, list(NUMBERINGS)
    for number, (gesture, finger, *who, label14, label28, _) in _rows(path, 7):
        name = _known_name(path, number, dataset, gesture, finger, *who)
        numberings = [numbering for numbering in numberings if numbering(gesture, finger) == label28]
        if label14 != gesture or not numberings:
            raise InputError(
                f'{path} line {number} has the labels {label14} and {label28}, which contradict gesture {gesture} and '
                f'finger {finger}'
            )
        if name in names:
            raise InputError(f'{path} names {name} in line {names[name]} and in line {number}')
        names[name] = number
    return list(names)


def read_trimming(path: Path, dataset: Dataset) -> dict[str, tuple[int, int]]:
    """Return {clip: its first and last frame} of a file of lines gesture, finger, subject, essai, first, last."""
    ends = {}
    for number, (gesture, finger, subject, essai, first, last) in _rows(path, 6):
        name = _known_name(path, number, dataset, gesture, finger, subject, essai)
        if first > last:
            raise InputError(f'{path} line {number}: the first frame, {first}, is after the last one, {last}')
        if name in ends:
            raise InputError(f'{path} names {name} again in line {number}')
        ends[name] = first, last
    return ends


def _below(folders: Sequence[str | Path], *titles: str) -> list[Path]:
    """Return the files of these names below the folders."""
    return [file for folder in folders for title in titles for file in sorted(Path(folder).rglob(title))]


def _one(folders: Sequence[str | Path], title: str) -> Path:
    """Return the only file of this name below the folders; raise InputError if there is none, or another."""
    files = find_files(folders, title)
    if len(files) > 1:
        raise InputError(f'--raw has several {title}: {first_few(files)}; give the folder of one data set')
    return files[0]


def _rows(path: Path, count: int) -> list[tuple[int, list[int]]]:
    """Return the number of each line that is not empty, and its `count` integers."""
    rows = []
    for number, line in enumerate(require_file(path).read_text(errors='replace').splitlines(), 1):
        words = line.split()
        if words and (len(words) != count or not all(word.isdecimal() and len(word) < 10 for word in words)):
            raise InputError(f'{path} line {number} is {line[:60]!r}; expected {count} whole numbers')
        if words:
            rows.append((number, list(map(int, words))))
    return rows


def _name(gesture: int, finger: int, subject: int, essai: int) -> str:
    return f'g{gesture:02}_f{finger}_s{subject:02}_e{essai:02}'


def _known_name(path: Path, line: int, dataset: Dataset, *numbers: int) -> str:
    """Return the name of the clip of four numbers; raise InputError if the data set has no such clips."""
    name = _name(*numbers)
    try:
        dataset.label(name)
    except InputError as error:
        raise InputError(f'{path} line {line}: {error}') from error
    return name
