"""Stores that are written on a disk with room for them, as HDF5 crashes on a full one, and sealed with checksums."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

import h5py

from feeders.hdf5 import VERSION, Format, seal
from feeders.hdf5_trailer import append_trailer

LIBVER = 'v110', 'v110'  # the first version of the format in which every object has a checksum of HDF5's own


@contextlib.contextmanager
def new_store(path: Path, format: Format, size: int) -> Iterator[h5py.File]:
    """Open a new store for writing at the path of an existing file, such as `atomic_path` yields; seal it at the end.

    Parameters
    ----------
    path : path.
    format : Format. What it will contain.
    size : int. At least as many bytes as the file will have; they are reserved on the disk.

    Raises
    ------
    OSError
        If the disk, the quota or the limit of file sizes has no room.
    """
    _reserve(path, size)
    with h5py.File(path, 'w', libver=LIBVER, locking=False) as file:  # atomic_path has the lock
        _reserve(path, size)  # again, as opening the file has emptied it
        file.attrs.update(format=format.name, version=VERSION)
        yield file
        seal(file, format)
    h5py.File(path, 'r+', locking=False).close()  # which gives back the room that was not used
    append_trailer(path, format.array)


def _reserve(path: Path, size: int) -> None:
    if hasattr(os, 'posix_fallocate'):
        with open(path, 'r+b') as file:
            os.posix_fallocate(file.fileno(), 0, size)
