"""What identifies the data of a run: a digest of each file, and whether it is still that of the run that trained."""

import argparse
import hashlib
import os
import zipfile
from collections.abc import Mapping
from pathlib import Path

import h5py

from torchlight import record
from torchlight.errors import InputError

SMALL = 64 << 20  # bytes
KEYS = 'data_path', 'sample_path', 'video_path', 'text_path', 'object_path'  # arguments of feeders that name files


def fingerprint(path: str | Path) -> str:
    """Return a digest of a file or of a folder's files.

    A store has its own, and a zip file (.npz) the checksums of its members, so that gigabytes are not read for it. Of
    an older store, the arrays beyond 64 MB count only with their shape.
    """
    path, digest = Path(path), hashlib.sha256()
    if path.is_dir():
        for file in sorted(file for file in path.iterdir() if file.is_file()):
            digest.update(file.name.encode() + b'\0' + hashlib.sha256(file.read_bytes()).digest())
    elif h5py.is_hdf5(path):
        with h5py.File(path, 'r') as file:
            stated = file.attrs.get('sha256')
            if isinstance(stated, bytes):
                return stated.decode('ascii', 'replace')
            for key, data in sorted(file.items()):
                digest.update(f'{key} {data.shape} {data.dtype}'.encode())
                digest.update(repr(data[:].tolist()).encode() if data.nbytes <= SMALL else b'')
    elif zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            members = [f'{member.filename} {member.file_size} {member.CRC}' for member in archive.infolist()]
        digest.update('\n'.join(members).encode())
    else:
        digest.update(path.read_bytes())
    return digest.hexdigest()


def fingerprints(parts: Mapping[str, Mapping[str, object]]) -> dict[str, str]:
    """Map the absolute path of each file that feeders read to its fingerprint.

    Parameters
    ----------
    parts : {part: arguments of its feeder}.
    """
    paths = {str(arguments[key]) for arguments in parts.values() for key in KEYS if arguments.get(key)}
    return {os.path.abspath(path): fingerprint(path) for path in sorted(paths) if os.path.exists(path)}


def changed(arg: argparse.Namespace, now: Mapping[str, str]) -> str:
    """Return a warning that files differ from those of the run that made the weights; '' if none is known to."""
    try:
        sessions = record.read(Path(arg.weights).parent).get('sessions', [])
    except InputError as error:  # another program's file of that name
        return str(error)
    recorded = [session['data'] for session in sessions if isinstance(session.get('data'), dict)]
    then = {path: digest for data in recorded for path, digest in data.items()}
    names = [path for path, digest in now.items() if path in then and then[path] != digest]
    return f'not what it was when {arg.weights} was trained: {", ".join(names)}' if names else ''
