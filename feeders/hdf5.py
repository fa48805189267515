"""HDF5 files whose form is checked before anything is read from them, and whose columns are checked against a digest.

A store has one large array, such as the frames of all clips, and columns: what is known of each clip. Its attribute
`sha256` is of everything but that array, whose clips have a checksum each in the column `crc32`; a trailer covers the
bytes of the file that hold nothing of these too. Stores of other programs or older versions have none of the three.
"""

import hashlib
import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import h5py
import numpy as np

from feeders.hdf5_claims import read_attributes, require_bounded_chunks, texts_at_a_time
from feeders.hdf5_heap import require_sound_texts
from feeders.hdf5_trailer import require_trailer
from feeders.integrity import SMALL, require_stored
from feeders.mapped import MappedArray, map_dataset
from torchlight.errors import InputError
from torchlight.files import require_file

VERSION = 1
FILTERS = {1: 'gzip', 2: 'shuffle', 3: 'fletcher32', 4: 'szip', 5: 'nbit', 6: 'scaleoffset', 32000: 'lzf'}  # of h5py


class Format(NamedTuple):
    """A format of stores.

    Attributes
    ----------
    name : str. Its name in the file.
    array : str. The key of the large array.
    keys, optional : {key: (number of dimensions, kinds of numpy type)}. What a store must have, and what it may have.
    """

    name: str
    array: str
    keys: dict[str, tuple[int, str]]
    optional: dict[str, tuple[int, str]]


class Contents(NamedTuple):
    """What a store contains: its large array, its columns (numbers, or lists of texts) and its attributes."""

    array: np.ndarray | MappedArray
    columns: dict[str, Any]
    attributes: dict[str, Any]


def read_store(path: str | Path, format: Format) -> Contents:
    """Read a store, its large array mapped from the file where possible.

    Raises
    ------
    InputError
        If the file is missing, damaged or of another format, if it keeps its contents in other files, or if it claims
        more of them than it has.
    """
    try:
        file = h5py.File(require_file(path), 'r')
    except (OSError, RuntimeError) as error:
        raise InputError(f'{path} is not an HDF5 file, or it is cut short: {_one_line(error)}') from error
    with file:
        try:
            require_sound_texts(file, path, format.array)
            attributes = read_attributes(file)
            _check_format(attributes, path, format)
            if 'sha256' in attributes:
                require_trailer(file, path, format.array)
            datasets = _datasets(file, path, format)
            array = map_dataset(path, datasets[format.array])
            return Contents(array, _columns(datasets, format), attributes)
        except InputError:
            raise
        except Exception as error:  # on a damaged object HDF5 raises errors of many kinds
            raise InputError(f'{path} is damaged: {_one_line(error)}') from error


def write_texts(file: h5py.File, key: str, texts: Sequence[str]) -> None:
    """Write texts, padded to one length: those of varying length are stored without a checksum of HDF5's own."""
    encoded = [text.encode() for text in texts]
    file[key] = np.array(encoded, h5py.string_dtype(length=max(map(len, encoded), default=1)))


def seal(file: h5py.File, format: Format) -> None:
    """Give a store that has just been written its digest."""
    columns = _columns({key: file[key] for key in (*format.keys, *format.optional) if key in file}, format)
    file.attrs['sha256'] = np.bytes_(digest(Contents(file[format.array], columns, read_attributes(file))))


def digest(contents: Contents) -> str:
    """Return the SHA-256 of the columns, the attributes, and the form of the large array."""
    attributes = {key: np.asarray(value).tolist() for key, value in contents.attributes.items() if key != 'sha256'}
    result = hashlib.sha256(json.dumps(attributes, sort_keys=True, default=str).encode())
    result.update(f'{contents.array.shape} {contents.array.dtype.str}'.encode())
    for key, values in sorted(contents.columns.items()):
        if isinstance(values, list):
            head, data = 'texts', '\0'.join(values).encode()
        else:
            head, data = values.dtype.str, values.tobytes()
        result.update(f'{key} {head} {len(values)}'.encode() + data)
    return result.hexdigest()


def require_digest(path: str | Path, contents: Contents) -> None:
    """Raise InputError if a store that has checksums is not as it was written."""
    stated = contents.attributes.get('sha256', b'')
    is_stated = not isinstance(stated, bytes) or stated or 'crc32' in contents.columns
    if is_stated and (not isinstance(stated, bytes) or stated != digest(contents).encode()):
        raise InputError(f'{path} is damaged: what it says about its clips has changed since it was written')


def format_of(path: str | Path) -> str | None:
    """Return the name of the format that an HDF5 file states, or None for any other file or one that is damaged."""
    if not h5py.is_hdf5(path):
        return None
    try:
        with h5py.File(path, 'r') as file:
            require_sound_texts(file, path)
            return read_attributes(file).get('format')
    except InputError:
        raise
    except Exception:  # on a damaged object HDF5 raises errors of many kinds
        return None


def read_texts(dataset: h5py.Dataset) -> list[str]:
    """Read all strings of a data set of one dimension, in less time than its `asstr()[:]`."""
    texts, left = [], max(SMALL, dataset.file.id.get_filesize())
    step = texts_at_a_time(dataset)
    for first in range(0, len(dataset), step):
        block = dataset[first : first + step].tolist()
        left -= sum(map(len, block))
        if left < 0:
            raise ValueError(f'the texts of {dataset.name} are longer than the file')
        texts += block
    return [text.decode() for text in texts]


def _check_format(attributes: dict[str, Any], path: str | Path, format: Format) -> None:
    found, version = (attributes.get(key) for key in ('format', 'version'))
    if not isinstance(found, str) or found != format.name or np.ndim(version) or version != VERSION:
        raise InputError(
            f'{path} contains {found or "something else"!r} version {version}; expected {format.name!r} '
            f'version {VERSION}'
        )


def _datasets(file: h5py.File, path: str | Path, format: Format) -> dict[str, h5py.Dataset]:
    """Return the data sets of a format by key; raise InputError for a wrong one, before anything is read from it."""
    datasets = {}
    for key, (dimensions, kinds) in (format.keys | format.optional).items():
        link = file.get(key, getlink=True)
        if link is None and key in format.optional:
            continue
        if link is not None and not isinstance(link, h5py.HardLink):
            raise InputError(f'{path} is refused: {key!r} is a link to another place; a store must be whole in itself')
        data = None if link is None else file[key]
        if not isinstance(data, h5py.Dataset) or data.ndim != dimensions or not _is_of(data, kinds):
            raise InputError(f'{path} is damaged: {format.name!r} needs {key!r}, an array of {dimensions} dimensions')
        _check_storage(data, path, key)
        datasets[key] = data
    return datasets


def _is_of(data: h5py.Dataset, kinds: str) -> bool:
    """Whether the numbers or texts of a data set are of one of numpy's kinds, and no longer than 8 bytes if numbers."""
    if data.dtype.kind not in kinds:
        return False
    return h5py.check_string_dtype(data.dtype) is not None if data.dtype.kind in 'OS' else data.dtype.itemsize <= 8


def _check_storage(data: h5py.Dataset, path: str | Path, key: str) -> None:
    if data.external or data.is_virtual:
        raise InputError(f'{path} is refused: {key!r} is stored in other files; a store must be whole in itself')
    settings = data.id.get_create_plist()
    filters = [settings.get_filter(i)[0] for i in range(settings.get_nfilters())]
    unknown = [number for number in filters if number not in FILTERS]
    if unknown:
        raise InputError(f'{path} is refused: {key!r} needs the HDF5 filter {unknown[0]}, which is not one of h5py')
    stored, width = data.id.get_storage_size(), data.id.get_type().get_size()
    require_stored(path, key, math.prod(data.shape) * width, stored, bool(filters))
    require_stored(path, key, math.prod(data.chunks or ()) * width, stored, True)
    require_bounded_chunks(data, path, key)


def _columns(datasets: dict[str, h5py.Dataset], format: Format) -> dict[str, Any]:
    columns = {key: data for key, data in datasets.items() if key != format.array}
    return {key: read_texts(data) if data.dtype.kind in 'OS' else data[:] for key, data in columns.items()}


def _one_line(error: Exception) -> str:
    return ' '.join(str(error).split()) or type(error).__name__
