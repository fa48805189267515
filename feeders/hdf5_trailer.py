"""The trailer of a store: the SHA-256 of every byte but those of its large array, whose clips have checksums.

HDF5 passes over what follows the end of its data, so any program reads such a file. One that rewrites it drops the
trailer; what the digest among the attributes covers (feeders/hdf5.py) is then checked all the same.
"""

import hashlib
from pathlib import Path

import h5py

from torchlight.errors import InputError

HEAD = b'sha256 '
SIGNATURE = b'\x89HDF\r\n\x1a\n'  # begins the superblock; bytes 28 to 36 are where the data end, from its version 2 on
BLOCK = 1 << 20  # bytes that are read at a time


def append_trailer(path: str | Path, array: str) -> None:
    """Append the trailer to a store that is complete and closed.

    Parameters
    ----------
    path : path. The store.
    array : str. The key of its large array.
    """
    with h5py.File(path, 'r', locking=False) as file:
        place = place_of(file, array)
    with open(path, 'ab') as opened:
        opened.write(HEAD + _sha256(path, place, opened.tell()))


def require_trailer(file: h5py.File, path: str | Path, array: str) -> None:
    """Raise InputError if bytes follow the end of the data that are not the trailer of this store."""
    with open(path, 'rb') as opened:
        superblock, size = opened.read(36), opened.seek(0, 2)
        if not superblock.startswith(SIGNATURE) or superblock[8] < 2:
            return
        end = int.from_bytes(superblock[28:36], 'little')
        opened.seek(min(end, size))
        trailer = opened.read(BLOCK)
    if trailer and trailer != HEAD + _sha256(path, place_of(file, array), end):
        raise InputError(f'{path} is damaged: it does not have the SHA-256 that was recorded at its end')


def place_of(file: h5py.File, key: str) -> tuple[int, int]:
    """Return where the data set of this key begins and ends in the file; (0, 0) if it is not in one piece."""
    data = file[key] if isinstance(file.get(key, getlink=True), h5py.HardLink) else None
    start = data.id.get_offset() if isinstance(data, h5py.Dataset) and data.chunks is None else None
    return (0, 0) if start is None or data.external else (start, start + data.id.get_storage_size())


def _sha256(path: str | Path, place: tuple[int, int], end: int) -> bytes:
    """Return the digest of the first `end` bytes of a file without those at a place, in hexadecimal."""
    result = hashlib.sha256()
    with open(path, 'rb') as file:
        for start, stop in ((0, place[0]), (place[1], end)):
            file.seek(start)
            while start < stop and (block := file.read(min(BLOCK, stop - start))):
                result.update(block)
                start += len(block)
    return result.hexdigest().encode()
