"""Skeleton stores: the clips of one data set in one HDF5 file, ragged in time.

Legend: F frames of all clips, N clips, T frames of one clip, M persons, V joints, C coordinates.
"""

import copy
import hashlib
import tempfile
import zlib
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

import h5py
import numpy as np

from feeders.hdf5 import Format, read_store, require_digest, write_texts
from feeders.hdf5_writer import new_store
from feeders.integrity import clip_problems, faults, refuse
from feeders.mapped import MappedArray, read_npy
from torchlight.errors import InputError
from torchlight.files import atomic_path, make_folder, writing

FORMAT = Format(
    'mmcl skeletons',
    'frames',
    {'frames': (4, 'f'), 'offset': (1, 'iu'), 'name': (1, 'OS'), 'label': (1, 'iu'), 'person': (1, 'iu')},
    {'split': (1, 'OS'), 'crc32': (1, 'u'), 'class': (1, 'OS')},
)
FACTS = 'normalised', 'confidence'  # attributes that are true or false


class SkeletonStore:
    """Clips of one data set.

    Parameters
    ----------
    frames : (F, M, V, C) of any float type, an array or a MappedArray.
    start, length : (N,) int. Clip i is frames[start[i]:start[i] + length[i]].
    name : N str. The clips' names.
    label : (N,) int. Classes, -1 if unknown.
    person : (N,) int. Persons present.
    dataset : str. The data set's name, '' if unknown (default).
    split : N str, 'train' or 'test', or None if the store does not name its splits (default).
    path : path. Where it was read from, for messages (default '').
    crc32 : (N,) uint32. zlib.crc32 of each clip's frames when they were written, None if unknown (default).
    classes : str, one per label. The names of the classes, () if the store does not have them (default).
    normalised : bool. The clips were centred and scaled by the rule of feeders/recordings/normalise.py (default False).
    confidence : bool. The last coordinate is the confidence of a keypoint (default False).
    """

    def __init__(
        self,
        frames: np.ndarray | MappedArray,
        start: Sequence[int] | np.ndarray,
        length: Sequence[int] | np.ndarray,
        name: Sequence[str],
        label: Sequence[int] | np.ndarray,
        person: Sequence[int] | np.ndarray,
        dataset: str = '',
        split: list[str] | None = None,
        path: str | Path = '',
        crc32: np.ndarray | None = None,
        classes: Sequence[str] = (),
        normalised: bool = False,
        confidence: bool = False,
    ) -> None:
        self.frames, self.start, self.length = frames, np.asarray(start, np.int64), np.asarray(length, np.int64)
        self.name, self.label, self.person = list(name), np.asarray(label, np.int64), np.asarray(person, np.int64)
        self.dataset, self.split, self.path, self.crc32 = dataset, split, str(path), crc32
        self.classes, self.normalised, self.confidence = list(classes), normalised, confidence

    def __len__(self) -> int:
        return len(self.name)

    @property
    def layout(self) -> tuple[int, ...]:
        """(M, V, C)."""
        return self.frames.shape[1:]

    def clip(self, index: int) -> np.ndarray:
        """Return one whole clip, (T, M, V, C), in place."""
        first, last = int(self.start[index]), int(self.start[index] + self.length[index])
        return self.frames.view(first, last) if isinstance(self.frames, MappedArray) else self.frames[first:last]

    def positions(self, index: int) -> np.ndarray:
        """Return one whole clip without its confidences, (T, M, V, 2 or 3), in place."""
        return self.clip(index)[..., :-1] if self.confidence else self.clip(index)

    def select(self, mask: Sequence[bool] | np.ndarray) -> 'SkeletonStore':
        """Return the clips for which `mask` (N,) is true; the frames are not copied."""
        return self.take(np.flatnonzero(mask))

    def take(self, rows: np.ndarray) -> 'SkeletonStore':
        """Return the clips of these numbers (N,), in this order; the frames are not copied."""
        selected = copy.copy(self)
        selected.start, selected.length = self.start[rows], self.length[rows]
        selected.name, selected.label = [self.name[i] for i in rows], self.label[rows]
        selected.person, selected.split = self.person[rows], self.split and [self.split[i] for i in rows]
        selected.crc32 = None if self.crc32 is None else self.crc32[rows]
        return selected

    def problems(self) -> list[str]:
        """Return a line for each kind of problem that the clips have, besides their frames."""
        return clip_problems(self.name, self.label, self.person, self.layout[0], self.classes)

    def faults(self, rows: np.ndarray) -> list[str]:
        """Return a line for each kind of fault in the frames of these clips, (N,) int."""
        crc32 = None if self.crc32 is None else self.crc32[rows]
        return faults('clip', map(self.clip, rows), [self.name[i] for i in rows], crc32)

    def digests(self) -> list[str]:
        """Return N hex strings that are equal for clips of identical frames."""
        return [hashlib.sha256(self.clip(i).tobytes()).hexdigest() for i in range(len(self))]


class SkeletonStoreWriter:
    """Write a skeleton store clip by clip; memory stays flat, and the file appears when it is complete.

        with SkeletonStoreWriter('x.h5', dataset='ntu60', layout=(2, 25, 3)) as store:
            store.add('S001C001P001R001A001', 0, frames)

    Parameters
    ----------
    path : path. The store.
    dataset : str. The data set's name, kept as an attribute.
    layout : (M, V, C) of every frame.
    classes, normalised, confidence : what is true of all clips, as SkeletonStore has it.
    """

    def __init__(
        self,
        path: str | Path,
        dataset: str,
        layout: tuple[int, int, int],
        classes: Sequence[str] = (),
        normalised: bool = False,
        confidence: bool = False,
    ) -> None:
        self.path, self.dataset, self.layout = Path(path), dataset, tuple(layout)
        self.classes, self.normalised, self.confidence = list(classes), normalised, confidence
        self.name, self.label, self.person, self.split, self.length, self.crc32 = [], [], [], [], [], []

    def __enter__(self) -> 'SkeletonStoreWriter':
        make_folder(self.path.parent)
        self._frames = tempfile.TemporaryFile(dir=self.path.parent)
        return self

    def add(self, name: str, label: int, frames: np.ndarray, split: str = '') -> None:
        """Append one clip.

        Parameters
        ----------
        name : str. Its name.
        label : int. Its class.
        frames : (T, up to M persons, V, C). Kept as float32; the slots of absent persons are zero.
        split : str. 'train', 'test' or '' if a rule decides (default).
        """
        persons = frames.shape[1]
        if persons > self.layout[0] or frames.shape[2:] != self.layout[1:]:
            raise InputError(
                f'clip {name} has persons, joints, coordinates {frames.shape[1:]}; the store is for {self.layout}'
            )
        padded = np.zeros((len(frames), *self.layout), np.float32)
        padded[:, :persons] = frames
        with writing(self.path):
            self._frames.write(padded.data)
        columns = self.name, self.label, self.person, self.split, self.length, self.crc32
        for column, value in zip(columns, (name, label, persons, split, len(frames), zlib.crc32(padded))):
            column.append(value)

    def __exit__(
        self, error_type: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        with writing(self.path), self._frames:
            if error_type is None:
                self._finish()

    def _finish(self) -> None:
        offset = np.concatenate([[0], np.cumsum(self.length)]).astype(np.int64)
        label, person = np.asarray(self.label), np.asarray(self.person)
        refuse(self.path, clip_problems(self.name, label, person, self.layout[0], self.classes))
        with atomic_path(self.path) as temporary:
            longest = max((len(name.encode()) for name in self.name + self.classes), default=0)
            texts = (256 + 2 * longest) * (len(self.name) + len(self.classes))
            size = int(offset[-1] * np.prod(self.layout) * 4) + texts + 65536
            with new_store(temporary, FORMAT, size) as file:
                file.attrs.update(dataset=self.dataset, joints=self.layout[1])
                file.attrs.update({key: True for key in FACTS if getattr(self, key)})
                frames = file.create_dataset('frames', (offset[-1], *self.layout), np.float32)
                file['offset'] = offset
                file['label'] = label.astype(np.int64)
                file['person'] = person.astype(np.int64)
                file['crc32'] = np.asarray(self.crc32, np.uint32)
                write_texts(file, 'name', self.name)
                if any(self.split):
                    write_texts(file, 'split', self.split)
                if self.classes:
                    write_texts(file, 'class', self.classes)
                frames[:0] = np.zeros((0, *self.layout), np.float32)
                self._copy_frames(frames)

    def _copy_frames(self, frames: h5py.Dataset) -> None:
        self._frames.seek(0)
        size, row = int(np.prod(self.layout)), 0
        while data := self._frames.read(size * 4 * 65536):
            block = np.frombuffer(data, np.float32).reshape(-1, *self.layout)
            frames[row : row + len(block)] = block
            row += len(block)


def open_skeletons(path: str | Path) -> SkeletonStore:
    """Open a skeleton store, its frames mapped from the file; raise InputError if it is missing or cannot be used."""
    store = read_skeletons(path)
    refuse(path, store.problems())
    return store


def read_skeletons(path: str | Path) -> SkeletonStore:
    """Do what `open_skeletons` does, but leave it to the caller to look at the problems of the clips."""
    contents = read_store(path, FORMAT)
    frames, columns = contents.array, contents.columns
    offset, dataset = columns['offset'].astype(np.int64), contents.attributes.get('dataset', '')
    sizes = {len(values) for key, values in columns.items() if key not in ('offset', 'class')}
    in_order = len(offset) and offset[0] >= 0 and (offset[1:] >= offset[:-1]).all() and offset[-1] <= len(frames)
    if sizes != {len(offset) - 1} or not in_order or not all(frames.shape[1:]):
        raise InputError(f'{path} is damaged: offsets, names and labels do not fit its {len(frames)} frames')
    if any((columns[key] > np.iinfo(np.int64).max).any() for key in ('label', 'person')):
        raise InputError(f'{path} is damaged: it has labels or numbers of persons beyond {np.iinfo(np.int64).max}')
    if not isinstance(dataset, str):
        raise InputError(f'{path} is damaged: its attribute dataset is {dataset!r}; expected a text')
    facts = {key: contents.attributes.get(key, False) for key in FACTS}
    if not all(isinstance(value, (bool, np.bool_)) for value in facts.values()):
        raise InputError(f'{path} is damaged: its attributes {" and ".join(FACTS)} are {facts}; expected true or false')
    require_digest(path, contents)
    return SkeletonStore(
        frames,
        offset[:-1],
        np.diff(offset),
        *(columns[key] for key in ('name', 'label', 'person')),
        dataset,
        columns.get('split'),
        path,
        columns.get('crc32'),
        columns.get('class', ()),
        **{key: bool(value) for key, value in facts.items()},
    )


def open_clip(path: str | Path) -> SkeletonStore:
    """Open one clip, a .npy of (T, V, C) or (T, M, V, C), as a store; its label is unknown, -1."""
    with np.errstate(over='ignore'):  # what is too large for float32 becomes Inf, which is refused when it is used
        frames = read_npy(path).astype(np.float32)
    if frames.ndim == 3:
        frames = frames[:, None]
    if frames.ndim != 4 or not frames.size:
        raise InputError(f'{path} has shape {frames.shape}; expected (T, V, C) or (T, M, V, C)')
    return SkeletonStore(frames, [0], [len(frames)], [Path(path).stem], [-1], [frames.shape[1]], path=path)
