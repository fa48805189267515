"""Texts of varying length in HDF5 files: their storage has no checksum, and damage there can keep HDF5 busy for ever.

They are the objects of collections, each of which begins with MAGIC. An object has a header of 16 bytes: its number (2
bytes, 0 for free space), 6 that do not matter here, and its size (8 bytes, for free space with the header).
"""

import mmap
import struct
from pathlib import Path

import h5py

from feeders.hdf5_trailer import place_of
from torchlight.errors import InputError

MAGIC = b'GCOL\1\0\0\0'


def require_sound_texts(file: h5py.File, path: str | Path, array: str = '') -> None:
    """Raise InputError if the objects of a collection do not follow one another; call it before any text is read.

    Parameters
    ----------
    file : File. The open file.
    path : path. Where it is.
    array : str. The key of a large array, which is not searched if it is stored in one piece.
    """
    first, last = place_of(file, array)
    with open(path, 'rb') as opened, mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ) as content:
        for start, stop in ((0, first), (last, len(content))):
            place = content.find(MAGIC, start, stop)
            while place >= 0:
                end = place + int.from_bytes(content[place + 8 : place + 16], 'little')
                if not _in_steps(content, place + 16, end):
                    raise InputError(f'{path} is damaged: the storage of its texts is')
                place = content.find(MAGIC, max(end, place + 16), stop)


def _in_steps(content: mmap.mmap, place: int, end: int) -> bool:
    """Return whether the objects from `place` on lead to the end of their collection."""
    if end > len(content):
        return False
    while place + 16 <= end:
        number, size = struct.unpack_from('<H6xQ', content, place)
        step = 16 + (size + 7) // 8 * 8 if number else size
        if step < 16:
            return False
        place += step
    return place <= end
