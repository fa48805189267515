"""HDF5 files whose format and keys are checked before anything is read from them."""

from pathlib import Path
from typing import NamedTuple

import h5py

from torchlight.errors import InputError
from torchlight.files import require_file

VERSION = 1


class Format(NamedTuple):
    """A format of stores: its name in the file, and {key: (number of dimensions, kinds of numpy type)}."""

    name: str
    keys: dict[str, tuple[int, str]]


def open_store(path: str | Path, format: Format) -> h5py.File:
    """Open a store of this format; raise InputError if the file is missing, damaged or of another format."""
    try:
        file = h5py.File(require_file(path), 'r')
    except OSError as error:
        raise InputError(f'{path} is not an HDF5 file, or it is cut short: {error}') from error
    try:
        _check(file, path, format)
    except BaseException:
        file.close()
        raise
    return file


def format_of(path: str | Path) -> str | None:
    """Return the name of the format that an HDF5 file states, or None for any other file."""
    if not h5py.is_hdf5(path):
        return None
    with h5py.File(path, 'r') as file:
        return file.attrs.get('format')


def read_texts(dataset: h5py.Dataset) -> list[str]:
    """Read all strings of a data set of one dimension, in less time than its `asstr()[:]`."""
    return [text.decode() for text in dataset[:].tolist()]


def _check(file: h5py.File, path: str | Path, format: Format) -> None:
    found, version = file.attrs.get('format'), file.attrs.get('version')
    if found != format.name or version != VERSION:
        raise InputError(
            f'{path} contains {found or "something else"!r} version {version}; expected {format.name!r} '
            f'version {VERSION}'
        )
    for key, (dimensions, kinds) in format.keys.items():
        data = file.get(key)
        if not isinstance(data, h5py.Dataset) or data.ndim != dimensions or data.dtype.kind not in kinds:
            raise InputError(f'{path} is damaged: {format.name!r} needs {key!r}, an array of {dimensions} dimensions')
