"""MATLAB files of version 5, which MATLAB writes unless it is told to write HDF5: the arrays of numbers in them.

SciPy's reader is not used, because a damaged file can end the process: an unknown type of data crashes SciPy 1.17.

Legend: a file is a list of elements, each with its type and size. An array is an element whose content is a list too:
flags, shape, name, numbers.
"""

import struct
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from feeders.integrity import SMALL
from feeders.recordings.clips import ClipError

HEADER = 128  # bytes
ORDER = {b'\x00\x01IM': '<', b'\x01\x00MI': '>'}  # version 1.0 of the format, and the order of bytes
TYPES = {1: 'i1', 2: 'u1', 3: 'i2', 4: 'u2', 5: 'i4', 6: 'u4', 7: 'f4', 9: 'f8', 12: 'i8', 13: 'u8'}  # of numbers
ARRAY, COMPRESSED = 14, 15  # the other types of elements
CLASSES = dict(enumerate(('f8', 'f4', 'i1', 'u1', 'i2', 'u2', 'i4', 'u4', 'i8', 'u8'), 6))  # of arrays in MATLAB
COMPLEX = 0x800  # flag


def read_matlab(path: Path) -> dict[str, np.ndarray]:
    """Return the real arrays of numbers by name; texts, cells and structures are left out.

    Raises
    ------
    ClipError
        If the file is of another kind or damaged, or if its arrays take more than 256 MB.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ClipError(f'cannot be read: {error.strerror}') from error
    order = ORDER.get(data[HEADER - 4 : HEADER])
    if order is None:
        raise ClipError('is not a MATLAB file of version 5')
    arrays = {}
    try:
        for kind, content in _elements(data[HEADER:], order):
            if kind == COMPRESSED:
                kind, content = next(_elements(_decompress(content), order))
            if kind == ARRAY:
                arrays |= _array(content, order)
            if sum(array.nbytes for array in arrays.values()) > SMALL:
                raise ValueError('its arrays are too large')
    except (ValueError, LookupError, StopIteration, struct.error, zlib.error) as error:
        raise ClipError(f'is a damaged MATLAB file: {error}') from error
    return arrays


def _elements(data: bytes, order: str) -> Iterator[tuple[int, bytes]]:
    """Yield the type and the content of each element."""
    at = 0
    while at < len(data):
        kind, size = struct.unpack_from(f'{order}II', data, at)
        start, end = at + 8, at + 8 + size
        if kind >> 16:  # an element of at most four bytes, whose type and size have two bytes each
            kind, size = kind & 0xFFFF, kind >> 16
            start, end = at + 4, at + 4 + min(size, 4)
        if end - start < size or end > len(data):
            raise ValueError(f'an element claims {size:,} bytes, more than there are')
        yield kind, data[start:end]
        at = end if kind == COMPRESSED else end + -end % 8


def _decompress(data: bytes) -> bytes:
    found = zlib.decompressobj().decompress(data, SMALL)
    if len(found) == SMALL:
        raise ValueError('a compressed array is too large')
    return found


def _array(content: bytes, order: str) -> dict[str, np.ndarray]:
    """Return {name: array}, or {} for what is not an array of real numbers."""
    elements = _elements(content, order)
    flags = struct.unpack_from(f'{order}I', next(elements)[1])[0]
    if flags & 0xFF not in CLASSES or flags & COMPLEX:
        return {}
    shape = np.frombuffer(next(elements)[1], f'{order}i4')
    name = next(elements)[1].decode('latin-1')
    kind, numbers = next(elements)
    if (shape < 0).any():
        raise ValueError(f'the array {name!r} has the shape {shape.tolist()}')
    values, dtype = np.frombuffer(numbers, f'{order}{TYPES[kind]}').reshape(shape, order='F'), CLASSES[flags & 0xFF]
    if values.size * np.dtype(dtype).itemsize > SMALL:
        raise ValueError(f'the array {name!r} is too large')
    return {name: values.astype(dtype)}
