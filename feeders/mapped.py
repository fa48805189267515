"""Arrays in files, mapped into memory where possible: a mapped array costs the pages that a batch touches."""

import math
import mmap
import struct
import warnings
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any

import h5py
import numpy as np
import torch
from numpy.typing import DTypeLike
from torch import Tensor

from feeders.integrity import require_stored
from torchlight.errors import InputError
from torchlight.files import require_file

# How much is picked between two releases of a mapped array. Around each clip the system maps up to 2 MB, so that 16 MB
# of clips keep up to 0.4 GB resident; a smaller number costs time (tests/benchmarks/store.py).
RESIDENT_BYTES = 16 << 20


class MappedArray:
    """A read-only array in a file, read row by row; it pickles as its place in the file.

    Parameters
    ----------
    path : path. The file.
    offset : int. The first byte of the array.
    shape : ints. As numpy's, in C order.
    dtype : numpy dtype.
    """

    def __init__(self, path: str | Path, offset: int, shape: Sequence[int], dtype: DTypeLike) -> None:
        self.path, self.offset, self.shape, self.dtype = str(path), offset, tuple(shape), np.dtype(dtype)
        count = math.prod(self.shape)
        with open(self.path, 'rb') as file:
            self._map = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        self._array = np.frombuffer(self._map, self.dtype, count, self.offset).reshape(self.shape)
        self._touched, self._tensor = 0, None

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, rows: Any) -> np.ndarray:
        picked = self._array[rows]
        return self._counted(picked if picked.base is None else picked.copy())

    def view(self, start: int, stop: int) -> np.ndarray:
        """Return rows in place; the release below makes them slow, not wrong."""
        return self._counted(self._array[start:stop])

    def take(self, rows: np.ndarray, axis: int = 0) -> np.ndarray:
        """Return the rows of these numbers, which is faster than indexing."""
        return self._counted(self._array.take(rows, axis))

    def tensor(self, touched: int) -> Tensor | None:
        """Return the whole array as a tensor over the map, for reading `touched` bytes of it.

        None if it is not of aligned float32, as in most .npz files.
        """
        if self.dtype != np.float32 or not self._array.flags.aligned:
            return None
        if self._tensor is None:
            with warnings.catch_warnings():
                warnings.simplefilter('ignore', UserWarning)  # that it must not be written to
                self._tensor = torch.from_numpy(self._array)
        self._release_after(touched)
        return self._tensor

    def _counted(self, picked: np.ndarray) -> np.ndarray:
        self._release_after(picked.nbytes)
        return picked

    def _release_after(self, touched: int) -> None:
        self._touched += touched
        if self._touched > RESIDENT_BYTES and hasattr(mmap, 'MADV_DONTNEED'):
            self._map.madvise(mmap.MADV_DONTNEED)
            self._touched = 0

    def __reduce__(self) -> tuple:
        return MappedArray, (self.path, self.offset, self.shape, self.dtype)

    def reshape(self, *shape: int) -> 'MappedArray':
        """Return the same bytes under another shape, without -1."""
        return MappedArray(self.path, self.offset, shape, self.dtype)


def read_npy(path: str | Path, mapped: bool = False) -> np.ndarray:
    """Read or map the numbers in a .npy file; raise InputError for a file of any other form."""
    path = require_file(path)
    try:
        with open(path, 'rb') as file:
            shape, _, dtype = _read_header(file)
            _require_whole(shape, dtype, path.stat().st_size - file.tell())
        array = np.load(path, mmap_mode='r' if mapped else None, allow_pickle=False)
    except Exception as error:  # on a damaged header numpy raises errors of many kinds
        raise InputError(f'{path} is not a .npy array of numbers: {" ".join(str(error).split())}') from error
    if not isinstance(array, np.ndarray) or array.dtype.kind not in 'fiu':
        raise InputError(f'{path} is not a .npy array of numbers')
    return array


def map_dataset(path: str | Path, dataset: h5py.Dataset) -> np.ndarray | MappedArray:
    """Map a data set of the HDF5 file at `path` if it is stored in one piece; read it otherwise."""
    if dataset.chunks is None and dataset.id.get_offset() is not None:
        return MappedArray(path, dataset.id.get_offset(), dataset.shape, dataset.dtype)
    return dataset[:]


def read_npz_member(path: str | Path, key: str) -> np.ndarray:
    """Read the numbers under `key` of a .npz, once their size has been compared with what is stored."""
    _find_member(path, key)
    return np.load(path)[key]


def map_npz_member(path: str | Path, key: str) -> np.ndarray | MappedArray:
    """Map the float32 array under `key` of a .npz if it is not compressed; read it otherwise."""
    info, header, shape, fortran, dtype = _find_member(path, key)
    if info.compress_type != zipfile.ZIP_STORED or fortran or dtype != np.float32:
        with np.errstate(over='ignore'):  # what is too large for float32 becomes Inf, which is refused when it is used
            return np.load(path)[key].astype(np.float32, copy=False)
    with open(path, 'rb') as file:
        file.seek(info.header_offset + 26)
        name_length, extra_length = struct.unpack('<HH', file.read(4))
    return MappedArray(path, info.header_offset + 30 + name_length + extra_length + header, shape, dtype)


def _find_member(path: str | Path, key: str) -> tuple[zipfile.ZipInfo, int, tuple[int, ...], bool, np.dtype]:
    """Return where the array under `key` of a .npz is, the length of its header, and its shape, order and type."""
    with zipfile.ZipFile(path) as archive:
        info = archive.getinfo(f'{key}.npy')
        require_stored(path, key, info.file_size, info.compress_size, info.compress_type != zipfile.ZIP_STORED)
        with archive.open(info) as member:
            shape, fortran, dtype = _read_header(member)
            _require_whole(shape, dtype, info.file_size - member.tell())
            return info, member.tell(), shape, fortran, dtype


def _read_header(file: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype]:
    """Read the header of a .npy: the shape, whether the order is Fortran's, and the type."""
    version = np.lib.format.read_magic(file)
    read_header = {1: np.lib.format.read_array_header_1_0, 2: np.lib.format.read_array_header_2_0}
    return read_header[version[0]](file)


def _require_whole(shape: tuple[int, ...], dtype: np.dtype, size: int) -> None:
    """Raise ValueError if the header of a .npy claims other than the `size` bytes that follow it, or no numbers."""
    if dtype.kind not in 'fiub':
        raise ValueError(f'it contains {dtype}')
    if math.prod(shape) * dtype.itemsize != size:
        raise ValueError(f'its header claims {math.prod(shape) * dtype.itemsize:,} bytes, but {size:,} follow')
