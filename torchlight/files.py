"""Files that are either whole or not there."""

import contextlib
import os
import tempfile
from pathlib import Path

from torchlight.errors import InputError


@contextlib.contextmanager
def atomic_path(path):
    """Give a temporary path beside `path`; on a clean exit it takes `path`'s name, on an error it goes."""
    path = Path(path)
    make_folder(path.parent)
    try:
        handle, temporary = tempfile.mkstemp(prefix=f'.{path.name}.', suffix='.part', dir=path.parent)
    except OSError as error:
        raise InputError(f'cannot write {path}: {error.strerror}') from error
    os.close(handle)
    temporary = Path(temporary)
    try:
        yield temporary
        with open(temporary, 'rb') as written:
            os.fsync(written.fileno())
        temporary.chmod(0o666 & ~_umask())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def write_text(path, text):
    """Write `text` to `path` as one step."""
    with atomic_path(path) as temporary:
        temporary.write_text(text)


def require_file(path):
    """`path` as a Path; raises InputError where it is no file."""
    path = Path(path)
    if not path.is_file():
        raise InputError(f'{path} does not exist or is not a file')
    return path


def make_folder(path):
    """Make `path` and its parents; raise InputError where that is not possible."""
    try:
        Path(path).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f'cannot make the folder {path}: {error.strerror}') from error


def _umask():
    mask = os.umask(0)
    os.umask(mask)
    return mask
