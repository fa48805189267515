"""Arrays in files, read whole or mapped: a mapped one costs the pages that a batch touches, whatever its size."""

import mmap
import struct
import zipfile

import numpy as np

from torchlight.errors import InputError
from torchlight.files import require_file

# How much is picked between two releases of a mapped array. Around each clip the system maps up to 2 MB, so that 16 MB
# of clips keep up to 0.4 GB resident; a smaller number costs time (tests/benchmarks/bench_store.py).
RESIDENT_BYTES = 16 << 20


class MappedArray:
    """A read-only array in a file, picked row by row; it pickles as its place in the file.

    Args:
        path: the file. offset: the first byte of the array. shape, dtype: as numpy's (C order).
    """

    def __init__(self, path, offset, shape, dtype):
        self.path, self.offset, self.shape, self.dtype = str(path), offset, tuple(shape), np.dtype(dtype)
        count = int(np.prod(self.shape))
        with open(self.path, 'rb') as file:
            self._map = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        self._array = np.frombuffer(self._map, self.dtype, count, self.offset).reshape(self.shape)
        self._touched = 0

    def __len__(self):
        return self.shape[0]

    def __getitem__(self, rows):
        picked = self._array[rows]
        if picked.base is not None:  # a view of the map, which the release below would make slow, not wrong
            picked = picked.copy()
        self._touched += picked.nbytes
        if self._touched > RESIDENT_BYTES and hasattr(mmap, 'MADV_DONTNEED'):
            self._map.madvise(mmap.MADV_DONTNEED)
            self._touched = 0
        return picked

    def __reduce__(self):
        return MappedArray, (self.path, self.offset, self.shape, self.dtype)

    def reshape(self, *shape):
        """The same bytes under another shape (no -1)."""
        return MappedArray(self.path, self.offset, shape, self.dtype)


def read_npy(path, mapped=False):
    """The numbers in a .npy file; raises InputError for a file of any other form."""
    path = require_file(path)
    try:
        array = np.load(path, mmap_mode='r' if mapped else None, allow_pickle=False)
    except Exception as error:  # on a damaged header numpy raises errors of many kinds
        raise InputError(f'{path} is not a .npy array of numbers: {" ".join(str(error).split())}') from error
    if not isinstance(array, np.ndarray) or array.dtype.kind not in 'fiu':
        raise InputError(f'{path} is not a .npy array of numbers')
    return array


def map_dataset(path, dataset):
    """An h5py data set of the file at `path`: mapped where it lies in one piece, read otherwise."""
    if dataset.chunks is None and dataset.id.get_offset() is not None:
        return MappedArray(path, dataset.id.get_offset(), dataset.shape, dataset.dtype)
    return dataset[:]


def map_npz_member(path, key):
    """The float32 array under `key` of a .npz: mapped where the archive is uncompressed, read otherwise."""
    with zipfile.ZipFile(path) as archive:
        info = archive.getinfo(f'{key}.npy')
        with archive.open(info) as member:
            version = np.lib.format.read_magic(member)
            read_header = {1: np.lib.format.read_array_header_1_0, 2: np.lib.format.read_array_header_2_0}
            shape, fortran, dtype = read_header[version[0]](member)
            header = member.tell()
    if info.compress_type != zipfile.ZIP_STORED or fortran or dtype != np.float32:
        return np.load(path)[key].astype(np.float32, copy=False)
    with open(path, 'rb') as file:
        file.seek(info.header_offset + 26)
        name_length, extra_length = struct.unpack('<HH', file.read(4))
    return MappedArray(path, info.header_offset + 30 + name_length + extra_length + header, shape, dtype)
