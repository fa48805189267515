"""HDF5 files that are written on a disk with room for them: the library crashes on a full one."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

import h5py

from feeders.hdf5 import LIBVER


@contextlib.contextmanager
def hdf5_file(path: Path, size: int) -> Iterator[h5py.File]:
    """Open a new HDF5 file for writing at the path of an existing file, such as `atomic_path` yields.

    Parameters
    ----------
    path : path.
    size : int. At least as many bytes as the file will have; they are reserved on the disk.

    Raises
    ------
    OSError
        If the disk, the quota or the limit of file sizes has no room.
    """
    _reserve(path, size)
    with h5py.File(path, 'w', libver=LIBVER, locking=False) as file:  # atomic_path has the lock
        _reserve(path, size)  # again, as opening the file has emptied it
        yield file
    h5py.File(path, 'r+', locking=False).close()  # which gives back the room that was not used


def _reserve(path: Path, size: int) -> None:
    if hasattr(os, 'posix_fallocate'):
        with open(path, 'r+b') as file:
            os.posix_fallocate(file.fileno(), 0, size)
