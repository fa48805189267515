"""Skeleton stores: the clips of one data set in one HDF5 file, ragged in time.

Legend: F frames of all clips, N clips, T frames of one clip, M persons, V joints, C coordinates.
"""

import hashlib
import tempfile
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

import h5py
import numpy as np

from feeders.hdf5 import VERSION, Format, open_store, read_texts
from feeders.hdf5_writer import hdf5_file
from feeders.mapped import MappedArray, map_dataset, read_npy
from torchlight.errors import InputError
from torchlight.files import atomic_path, make_folder, writing

FORMAT = Format(
    'mmcl skeletons',
    {'frames': (4, 'f'), 'offset': (1, 'iu'), 'name': (1, 'OS'), 'label': (1, 'iu'), 'person': (1, 'iu')},
)


class SkeletonStore:
    """Clips of one data set.

    Parameters
    ----------
    frames : (F, M, V, C) float32, an array or a MappedArray.
    start, length : (N,) int. Clip i is frames[start[i]:start[i] + length[i]].
    name : N str. The clips' names.
    label : (N,) int. Classes, -1 if unknown.
    person : (N,) int. Persons present.
    dataset : str. The data set's name, '' if unknown (default).
    split : N str, 'train' or 'test', or None if the store does not name its splits (default).
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
    ) -> None:
        self.frames, self.start, self.length = frames, np.asarray(start, np.int64), np.asarray(length, np.int64)
        self.name, self.label, self.person = list(name), np.asarray(label, np.int64), np.asarray(person, np.int64)
        self.dataset, self.split = dataset, split

    def __len__(self) -> int:
        return len(self.name)

    @property
    def layout(self) -> tuple[int, ...]:
        """(M, V, C)."""
        return self.frames.shape[1:]

    def clip(self, index: int) -> np.ndarray:
        """Return one whole clip, (T, M, V, C) float32."""
        return self.frames[self.start[index] : self.start[index] + self.length[index]]

    def select(self, mask: Sequence[bool] | np.ndarray) -> 'SkeletonStore':
        """Return the clips for which `mask` (N,) is true; the frames are not copied."""
        rows = np.flatnonzero(mask)
        return SkeletonStore(
            self.frames,
            self.start[rows],
            self.length[rows],
            [self.name[i] for i in rows],
            self.label[rows],
            self.person[rows],
            self.dataset,
            self.split and [self.split[i] for i in rows],
        )

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
    """

    def __init__(self, path: str | Path, dataset: str, layout: tuple[int, int, int]) -> None:
        self.path, self.dataset, self.layout = Path(path), dataset, tuple(layout)
        self.name, self.label, self.person, self.split, self.length = [], [], [], [], []

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
            self._frames.write(padded.tobytes())
        columns = self.name, self.label, self.person, self.split, self.length
        for column, value in zip(columns, (name, label, persons, split, len(frames))):
            column.append(value)

    def __exit__(
        self, error_type: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        with writing(self.path), self._frames:
            if error_type is None:
                self._finish()

    def _finish(self) -> None:
        offset = np.concatenate([[0], np.cumsum(self.length)]).astype(np.int64)
        with atomic_path(self.path) as temporary:
            size = int(offset[-1] * np.prod(self.layout) * 4) + 256 * len(self.name) + 65536
            with hdf5_file(temporary, size) as file:
                file.attrs.update(format=FORMAT.name, version=VERSION, dataset=self.dataset, joints=self.layout[1])
                frames = file.create_dataset('frames', (offset[-1], *self.layout), np.float32)
                file['offset'] = offset
                file['label'] = np.asarray(self.label, np.int64)
                file['person'] = np.asarray(self.person, np.int64)
                file.create_dataset('name', data=self.name, dtype=h5py.string_dtype())
                if any(self.split):
                    file.create_dataset('split', data=self.split, dtype=h5py.string_dtype())
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
    """Open a skeleton store, its frames mapped from the file; raise InputError if it is missing or of another kind."""
    with open_store(path, FORMAT) as file:
        offset, frames = file['offset'][:].astype(np.int64), map_dataset(path, file['frames'])
        length = np.diff(offset)
        sizes = {len(file[key]) for key in ('name', 'label', 'person', *({'split'} & set(file)))}
        if sizes != {len(length)} or (length < 0).any() or offset[0] < 0 or offset[-1] > len(frames):
            raise InputError(f'{path} is damaged: offsets, names and labels do not fit its {len(frames)} frames')
        return SkeletonStore(
            frames,
            offset[:-1],
            length,
            read_texts(file['name']),
            file['label'][:],
            file['person'][:],
            file.attrs.get('dataset', ''),
            read_texts(file['split']) if 'split' in file else None,
        )


def open_clip(path: str | Path) -> SkeletonStore:
    """Open one clip, a .npy of (T, V, C) or (T, M, V, C), as a store; its label is unknown, -1."""
    frames = read_npy(path).astype(np.float32)
    if frames.ndim == 3:
        frames = frames[:, None]
    if frames.ndim != 4 or not len(frames):
        raise InputError(f'{path} has shape {frames.shape}; expected (T, V, C) or (T, M, V, C)')
    return SkeletonStore(frames, [0], [len(frames)], [Path(path).stem], [-1], [frames.shape[1]])
