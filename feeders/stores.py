"""The files that hold a data set: skeleton stores, feature stores, and the public .npz.

Legend: F frames of all clips, N clips, M persons, V joints, C coordinates, D feature width.
"""

import hashlib
import os
import tempfile
from pathlib import Path

import h5py
import numpy as np

from feeders.arrays import MappedArray, map_dataset, map_npz_member, read_npy
from feeders.features import FeatureStore, feature_statistics
from torchlight.errors import InputError
from torchlight.files import atomic_path, make_folder, require_file

SKELETON_FORMAT, FEATURE_FORMAT, VERSION = 'mmcl skeletons', 'mmcl features', 1
KEYS = {  # of each format, {key: (number of dimensions, kinds of numpy type)}
    SKELETON_FORMAT: {
        'frames': (4, 'f'),
        'offset': (1, 'iu'),
        'name': (1, 'OS'),
        'label': (1, 'iu'),
        'person': (1, 'iu'),
    },
    FEATURE_FORMAT: {'name': (1, 'OS'), 'feature': (2, 'f')},
}


class SkeletonStore:
    """Clips of one data set, ragged in time.

    Attributes:
        frames: (F, M, V, C) float32, an array or a MappedArray.
        start, length: (N,) int64; clip i is frames[start[i]:start[i] + length[i]].
        name: list of N str. label: (N,) int64. person: (N,) int64, persons present.
        dataset: its name, '' where unknown. split: list of N str ('train', 'test'), or None.
    """

    def __init__(self, frames, start, length, name, label, person, dataset='', split=None):
        self.frames, self.start, self.length = frames, np.asarray(start, np.int64), np.asarray(length, np.int64)
        self.name, self.label, self.person = list(name), np.asarray(label, np.int64), np.asarray(person, np.int64)
        self.dataset, self.split = dataset, split

    def __len__(self):
        return len(self.name)

    @property
    def layout(self):
        """(M, V, C)."""
        return self.frames.shape[1:]

    def clip(self, index):
        """(T, M, V, C) float32: one whole clip."""
        return self.frames[self.start[index] : self.start[index] + self.length[index]]

    def select(self, mask):
        """The clips for which `mask` (N,) is true; the frames stay where they are."""
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

    def digests(self):
        """N hex strings, equal for clips of identical frames."""
        return [hashlib.sha256(self.clip(i).tobytes()).hexdigest() for i in range(len(self))]


class SkeletonStoreWriter:
    """Write a skeleton store clip by clip; memory stays flat, and the file appears only when whole.

    with SkeletonStoreWriter('x.h5', dataset='ntu60', layout=(2, 25, 3)) as store:
        store.add('S001C001P001R001A001', 0, frames)

    Args:
        path: the store. dataset: its name, kept as an attribute. layout: (M, V, C) of every frame.
    """

    def __init__(self, path, dataset, layout):
        self.path, self.dataset, self.layout = Path(path), dataset, tuple(layout)
        self.name, self.label, self.person, self.split, self.length = [], [], [], [], []

    def __enter__(self):
        make_folder(self.path.parent)
        self._frames = tempfile.TemporaryFile(dir=self.path.parent)
        return self

    def add(self, name, label, frames, split=''):
        """Append one clip: frames (T, persons ≤ M, V, C), kept as float32 with empty slots zero."""
        persons = frames.shape[1]
        if persons > self.layout[0] or frames.shape[2:] != self.layout[1:]:
            raise InputError(
                f'clip {name} has persons, joints, coordinates {frames.shape[1:]}, and the store holds {self.layout}'
            )
        padded = np.zeros((len(frames), *self.layout), np.float32)
        padded[:, :persons] = frames
        self._frames.write(padded.tobytes())
        for column, value in zip(
            (self.name, self.label, self.person, self.split, self.length), (name, label, persons, split, len(frames))
        ):
            column.append(value)

    def __exit__(self, error_type, error, traceback):
        with self._frames:
            if error_type is None:
                self._finish()

    def _finish(self):
        offset = np.concatenate([[0], np.cumsum(self.length)]).astype(np.int64)
        with atomic_path(self.path) as temporary:
            self._require_room(temporary, offset[-1])
            with h5py.File(temporary, 'w') as file:
                file.attrs.update(format=SKELETON_FORMAT, version=VERSION, dataset=self.dataset, joints=self.layout[1])
                frames = file.create_dataset('frames', (offset[-1], *self.layout), np.float32)
                file['offset'] = offset
                file['label'] = np.asarray(self.label, np.int64)
                file['person'] = np.asarray(self.person, np.int64)
                file.create_dataset('name', data=self.name, dtype=h5py.string_dtype())
                if any(self.split):
                    file.create_dataset('split', data=self.split, dtype=h5py.string_dtype())
                frames[:0] = np.zeros((0, *self.layout), np.float32)
                self._copy_frames(frames)

    def _require_room(self, path, frames):
        """Raise OSError where the disk has no room for the store; HDF5 itself would crash on that."""
        if hasattr(os, 'posix_fallocate'):
            size = int(frames * np.prod(self.layout) * 4) + 256 * len(self.name) + 65536
            with open(path, 'r+b') as file:
                os.posix_fallocate(file.fileno(), 0, size)

    def _copy_frames(self, frames):
        self._frames.seek(0)
        size, row = int(np.prod(self.layout)), 0
        while block := self._frames.read(size * 4 * 65536):
            block = np.frombuffer(block, np.float32).reshape(-1, *self.layout)
            frames[row : row + len(block)] = block
            row += len(block)


def open_skeletons(path):
    """Open a skeleton store.

    Returns: SkeletonStore, its frames mapped from the file.
    Raises InputError where the file is missing or something else.
    """
    with _open_h5(path, SKELETON_FORMAT) as file:
        offset, frames = file['offset'][:].astype(np.int64), map_dataset(path, file['frames'])
        length = np.diff(offset)
        if (
            {len(file[key]) for key in ('name', 'label', 'person', *{'split'} & set(file))} != {len(length)}
            or (length < 0).any()
            or offset[0] < 0
            or offset[-1] > len(frames)
        ):
            raise InputError(f'{path} is damaged: its offsets, names and labels do not fit its {len(frames)} frames')
        return SkeletonStore(
            frames,
            offset[:-1],
            length,
            file['name'].asstr()[:],
            file['label'][:],
            file['person'][:],
            file.attrs.get('dataset', ''),
            list(file['split'].asstr()[:]) if 'split' in file else None,
        )


def open_clip(path):
    """Open one clip, (T, V, C) or (T, M, V, C) in a .npy file, as a store; its label is unknown, -1."""
    frames = read_npy(path).astype(np.float32)
    if frames.ndim == 3:
        frames = frames[:, None]
    if frames.ndim != 4 or not len(frames):
        raise InputError(f'{path} has shape {frames.shape}, not (T, V, C) or (T, M, V, C)')
    return SkeletonStore(frames, [0], [len(frames)], [Path(path).stem], [-1], [frames.shape[1]])


def open_npz(path, split, names=None):
    """Open one split of the public NTU arrays: x_<split> (N, T, 150), 150 = person × joint × xyz.

    Args:
        split: 'train' or 'test'. names: N clip names, or None for <split>_0, <split>_1, ….
    Returns: SkeletonStore; a clip's length is its number of frames with a non-zero sum.
    """
    path = require_file(path)
    try:
        x, y = map_npz_member(path, f'x_{split}'), np.load(path)[f'y_{split}']
    except Exception as error:  # on damage numpy, zipfile and zlib raise errors of many kinds
        raise InputError(
            f'{path} is not an NTU .npz with x_{split} (N, T, 150) and y_{split}: {" ".join(str(error).split())}'
        ) from error
    if len(x.shape) != 3 or x.shape[2] != 150 or y.ndim not in (1, 2) or len(y) != len(x):
        raise InputError(f'{path} has x_{split} {x.shape} and y_{split} {y.shape}, not (N, T, 150) and N labels')
    clips, time, _ = x.shape
    frames = x.reshape(clips * time, 2, 25, 3)
    name = list(names) if names is not None else [f'{split}_{i}' for i in range(clips)]
    if len(name) != clips:
        raise InputError(f'{len(name)} names are given for the {clips} clips of x_{split} in {path}')
    length, person = np.zeros(clips, np.int64), np.ones(clips, np.int64)
    for first in range(0, clips, 256):
        block = x[first : first + 256].reshape(-1, time, 2, 75)
        length[first : first + 256] = (block.sum((2, 3)) != 0).sum(1)
        person[first : first + 256] += block[:, :, 1].any((1, 2))
    label = y.argmax(1) if y.ndim == 2 else y
    return SkeletonStore(frames, np.arange(clips) * time, length, name, label, person)


def read_names(path):
    """The clip names in a text file, one a line (any line ending)."""
    return require_file(path).read_text(errors='replace').split()


def write_features(path, name, feature, answer=None, **attributes):
    """Write a feature store: feature (N, D), one row for each of the N names, and the answers, where there are."""
    feature = np.asarray(feature, np.float32)
    with atomic_path(path) as temporary:
        with h5py.File(temporary, 'w') as file:
            file.attrs.update(format=FEATURE_FORMAT, version=VERSION, **attributes)
            file.create_dataset('name', data=list(name), dtype=h5py.string_dtype())
            file['feature'] = feature
            if len(feature):
                file['mean'], file['std'] = feature_statistics(feature)
            if answer is not None:
                file.create_dataset('answer', data=list(answer), dtype=h5py.string_dtype())


def open_features(path):
    """Open a feature store, or a folder of <name>.npy files of one width (each is flattened).

    Raises InputError where the path is missing, something else, empty, or of several widths.
    """
    if Path(path).is_dir():
        files = sorted(Path(path).glob('*.npy'))
        features = [read_npy(file).astype(np.float32).ravel() for file in files]
        widths = sorted({len(feature) for feature in features})
        if len(widths) != 1:
            raise InputError(
                f'the folder {path} holds {len(files)} .npy features of widths {widths}; expected one width'
            )
        return FeatureStore(path, [file.stem for file in files], np.stack(features), {})
    with _open_h5(path, FEATURE_FORMAT) as file:
        statistics = (file['mean'][:], file['std'][:]) if 'mean' in file and 'std' in file else None
        return FeatureStore(
            path,
            file['name'].asstr()[:],
            map_dataset(path, file['feature']),
            dict(file.attrs),
            statistics,
            list(file['answer'].asstr()[:]) if 'answer' in file else None,
        )


def _open_h5(path, kind):
    """An open store of this kind; its keys are checked here, once."""
    try:
        file = h5py.File(require_file(path), 'r')
    except OSError as error:
        raise InputError(f'{path} is not an HDF5 file, or is cut short: {error}') from error
    found, version = file.attrs.get('format'), file.attrs.get('version')
    if found != kind or version != VERSION:
        file.close()
        raise InputError(
            f'{path} holds {found or "something else"!r} version {version}, not {kind!r} version {VERSION}'
        )
    for key, (dimensions, kinds) in KEYS[kind].items():
        data = file.get(key)
        if not isinstance(data, h5py.Dataset) or data.ndim != dimensions or data.dtype.kind not in kinds:
            file.close()
            raise InputError(
                f'{path} is damaged: as {kind!r} it should have {key!r}, an array of {dimensions} dimensions'
            )
    return file
