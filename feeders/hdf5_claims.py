"""What HDF5 files claim inside chunks, texts and attributes, found before HDF5 takes the memory for it.

A gzip chunk may inflate to a thousand times its size, whatever the size of the data set says, and many texts of varying
length may be one text, which the file has once and HDF5 copies as often as it is named.
"""

import math
import zlib
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from feeders.integrity import SMALL
from torchlight.errors import InputError

INFLATES = 1032  # at most, for zlib
TEXTS = 128  # texts that are read at a time, which is faster than one by one
REFERENCE = np.dtype([('length', '<u4'), ('object', 'V12')])  # to a text of varying length


def require_bounded_chunks(data: h5py.Dataset, path: str | Path, key: str) -> None:
    """Raise InputError if a chunk inflates to more than SMALL bytes, and to more than the data set says."""
    settings = data.id.get_create_plist()
    filters = [settings.get_filter(i)[0] for i in range(settings.get_nfilters())]
    if data.chunks is None or h5py.h5z.FILTER_DEFLATE not in filters:
        return
    size = math.prod(data.chunks) * data.dtype.itemsize
    chunks: list[Any] = []
    data.id.chunk_iter(chunks.append)  # far sooner than one by one
    for chunk in chunks:
        if chunk.size * INFLATES <= SMALL:
            continue
        if filters not in ([1], [2, 1], [1, 3], [2, 1, 3]):  # shuffle before it, and a checksum after it
            raise InputError(f'{path} is refused: {key!r} has large chunks with other filters than gzip')
        _, stored = data.id.read_direct_chunk(chunk.chunk_offset)
        if not chunk.filter_mask and len(zlib.decompressobj().decompress(stored, size + 1)) > size:
            raise InputError(f'{path} is damaged: a chunk of {key!r} inflates to more than its {size:,} bytes')


def texts_at_a_time(data: h5py.Dataset) -> int:
    """Return how many texts of a data set can be read at once; raise ValueError if all are longer than the file."""
    place, size = data.id.get_offset(), data.file.id.get_filesize()
    if data.dtype.kind != 'O':
        return TEXTS
    if data.chunks is not None or place is None or data.id.get_storage_size() != len(data) * REFERENCE.itemsize:
        return max(1, min(TEXTS, SMALL // size))  # each may be as long as the file
    with open(data.file.filename, 'rb') as file:
        file.seek(place)
        lengths = np.fromfile(file, REFERENCE, len(data))['length']
    if lengths.sum(dtype=np.int64) > max(SMALL, size):
        raise ValueError(f'the texts of {data.name} are longer than the file')
    return TEXTS


def read_attributes(file: h5py.File) -> dict[str, Any]:
    """Read the attributes of a file that are texts or numbers; raise ValueError if they are longer than the file."""
    found, left = {}, max(SMALL, file.id.get_filesize())
    for name in file.attrs:
        kind = file.attrs.get_id(name)
        if kind.dtype.kind not in 'biufSO' or (kind.dtype.kind == 'O' and kind.shape):
            continue
        found[name] = file.attrs[name]
        left -= len(found[name]) if isinstance(found[name], (str, bytes)) else np.asarray(found[name]).nbytes
        if left < 0:
            raise ValueError('its attributes are longer than the file')
    return found
