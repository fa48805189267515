"""The public NTU arrays, read and written: x_train (N, 300, 150), y_train one-hot, x_test, y_test.

They are what the public pipeline made, so nothing is filled into them when they are read.
Legend: N clips, T = 300 frames, 150 = 2 persons × 25 joints × xyz in metres.
"""

import zipfile
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from feeders.datasets import DATASETS
from feeders.integrity import LARGEST_LABEL, lines, refuse
from feeders.mapped import map_npz_member, read_npz_member
from feeders.skeleton_store import SkeletonStore, open_skeletons
from feeders.splits import names_of
from torchlight.errors import InputError, counted, first_few
from torchlight.files import atomic_path, require_file

FRAMES = 300  # of the longest NTU clip


def open_npz(path: str | Path, split: str, names: Sequence[str] | None = None) -> SkeletonStore:
    """Open one split of the public arrays as a store.

    Parameters
    ----------
    path : path. The .npz.
    split : str. 'train' or 'test'.
    names : N clip names, or None for <split>_0, <split>_1, … (default).

    Returns
    -------
    SkeletonStore. A clip's length is its number of frames with a non-zero sum.

    Raises
    ------
    InputError
        If the file is missing or not an NTU .npz, or if the number of names is another one.
    """
    path = require_file(path)
    try:
        x, y = map_npz_member(path, f'x_{split}'), read_npz_member(path, f'y_{split}')
    except Exception as error:  # on damage numpy, zipfile and zlib raise errors of many kinds
        raise InputError(
            f'{path} is not an NTU .npz with x_{split} (N, T, 150) and y_{split}: {" ".join(str(error).split())}'
        ) from error
    if len(x.shape) != 3 or x.shape[2] != 150 or y.ndim not in (1, 2) or len(y) != len(x):
        raise InputError(f'{path} has x_{split} {x.shape} and y_{split} {y.shape}; expected (N, T, 150) and N labels')
    clips, time, _ = x.shape
    name = list(names) if names is not None else [f'{split}_{i}' for i in range(clips)]
    if len(name) != clips:
        raise InputError(
            f'{counted(len(name), "name is", "names are")} given for {counted(clips, "clip")} of x_{split} in {path}'
        )
    length, person = np.zeros(clips, np.int64), np.ones(clips, np.int64)
    for first in range(0, clips, 256):
        block = x[first : first + 256].reshape(-1, time, 2, 75)
        length[first : first + 256] = (block.sum((2, 3)) != 0).sum(1)
        person[first : first + 256] += block[:, :, 1].any((1, 2))
    x, start = x.reshape(clips * time, 2, 25, 3), np.arange(clips) * time
    store = SkeletonStore(x, start, length, name, labels_of(y, name, path), person, path=path)
    refuse(path, store.problems())
    return store


def labels_of(y: np.ndarray, name: Sequence[str], path: str | Path) -> np.ndarray:
    """Return the labels (N,) int64 that y has, one-hot (N, classes) or plain (N,) of any type."""
    if y.ndim == 2:
        wrong = ((y != 0).sum(1) != 1) | ((y == 1).sum(1) != 1)
        refuse(path, _labels('that is not one-hot', [name[i] for i in np.flatnonzero(wrong)]))
        return y.argmax(1)
    wrong = ~((y >= -1) & (y <= LARGEST_LABEL) & (y % 1 == 0))
    refuse(path, _labels('of no class', [f'{name[i]} ({y[i]})' for i in np.flatnonzero(wrong)]))
    return y.astype(np.int64)


def _labels(fault: str, names: list[str]) -> list[str]:
    return lines((f'clip has a label {fault}', f'clips have a label {fault}', names))


class BothSplits(SkeletonStore):
    """Both splits of a public .npz as one store, to be read clip by clip: their frames are in two arrays."""

    def __init__(self, path: str | Path) -> None:
        self.parts = [open_npz(path, split) for split in ('train', 'test')]
        start, length, name, label, person = (
            np.concatenate([getattr(part, key) for part in self.parts])
            for key in ('start', 'length', 'name', 'label', 'person')
        )
        classes = read_npz_member(path, 'y_test').shape[1:]
        rows = (row.name for row in DATASETS.values() for p in row.protocols.values() if p.npz)
        dataset = next((name for name in rows if classes == (DATASETS[name].num_class,)), '')
        split = ['train'] * len(self.parts[0]) + ['test'] * len(self.parts[1])
        super().__init__(self.parts[0].frames, start, length, name, label, person, dataset, split, path)

    def take(self, rows: np.ndarray) -> SkeletonStore:
        """Raise TypeError: a selection shares the frames, which are not in one array here."""
        raise TypeError('both splits of a .npz have no common frames to select from; open one split')

    def clip(self, index: int) -> np.ndarray:
        """Return one whole clip, (T, 2, 25, 3) float32."""
        first = len(self.parts[0])
        return self.parts[0].clip(index) if index < first else self.parts[1].clip(index - first)


def write_public_npz(store_path: str | Path, folder: str | Path) -> None:
    """Write the arrays of all protocols of an NTU store into `folder`, clip by clip, uncompressed as the public ones.

    Raises
    ------
    InputError
        If a clip is longer than 300 frames.
    """
    store = open_skeletons(store_path)
    refuse(store_path, store.faults(np.arange(len(store))))
    too_long = [name for name, length in zip(store.name, store.length) if length > FRAMES]
    if too_long:
        raise InputError(
            f'{counted(len(too_long), "clip is", "clips are")} longer than the {FRAMES} frames of the public .npz: '
            f'{first_few(too_long)}; the store {store_path} is complete, but no .npz is written'
        )
    row = {name: index for index, name in enumerate(store.name)}
    dataset = DATASETS[store.dataset]
    for benchmark, protocol in dataset.protocols.items():
        path = Path(folder) / protocol.npz
        with atomic_path(path) as temporary, zipfile.ZipFile(temporary, 'w') as archive:
            for split in ('train', 'test'):
                names = dataset.public_order(names_of(store, benchmark, split == 'train'), benchmark)
                rows = [row[name] for name in names]
                shape = len(rows), FRAMES, 150
                _write_member(archive, f'x_{split}', shape, np.float32, (padded(store, index) for index in rows))
                one_hot = np.eye(dataset.num_class)[store.label[rows]]
                _write_member(archive, f'y_{split}', one_hot.shape, np.float64, [one_hot])
        print(f'{path}: {counted(len(store), "clip")}')


def padded(store: SkeletonStore, index: int) -> np.ndarray:
    """Return a clip as the public arrays have it, (300, 150) float32."""
    frames = np.zeros((FRAMES, 2, 25, 3), np.float32)
    frames[: store.length[index]] = store.clip(index)
    if DATASETS[store.dataset].copies_person and store.person[index] == 1:
        frames[:, 1] = frames[:, 0]
    return frames.reshape(FRAMES, 150)


def _write_member(
    archive: zipfile.ZipFile, key: str, shape: tuple[int, ...], dtype: type, blocks: Iterable[np.ndarray]
) -> None:
    with archive.open(f'{key}.npy', 'w', force_zip64=True) as member:
        header = {'descr': np.lib.format.dtype_to_descr(np.dtype(dtype)), 'fortran_order': False, 'shape': shape}
        np.lib.format.write_array_header_1_0(member, header)
        for block in blocks:
            member.write(block.tobytes())
