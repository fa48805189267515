"""Files that are either complete or absent, whatever instant the program is killed at and however full the disk is.

A file is written as a part, `.NAME.<8 letters>.part` in the same folder, and renamed when it is on the disk. Its writer
keeps a lock on the part, which ends with the process: a part that can be locked was left by a killed writer.
"""

import contextlib
import csv
import errno
import fcntl
import os
import re
import stat
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from torchlight.errors import InputError
from torchlight.tables import as_cells

PART = re.compile(r'\..+\.[a-z0-9_]{8}\.part')  # as tempfile.mkstemp names them
NO_LOCKS = {errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP}  # from file systems that have no locks
_locks: set[int] = set()  # descriptors that hold the locks of this process
_searched: set[str] = set()  # folders in which this process has looked for abandoned parts


@contextlib.contextmanager
def writing(path: str | Path) -> Iterator[None]:
    """Convert an OSError while `path` is written, such as a full disk, into an InputError."""
    try:
        yield
    except OSError as error:
        elsewhere = error.filename and Path(error.filename).parent != Path(path).parent
        place = f' ({error.filename})' if elsewhere else ''
        reason = os.strerror(error.errno) if error.errno else ' '.join(str(error).split())
        raise InputError(f'cannot write {path}: {reason}{place}; no partial file is left behind') from error


@contextlib.contextmanager
def atomic_path(path: str | Path) -> Iterator[Path]:
    """Yield the path of a part to write to; rename it to `path` after success, remove it otherwise.

    A symbolic link stays, and what it points to is written. A writer that locks files itself, as HDF5 does, must not
    lock the part: this function does.

    Raises
    ------
    InputError
        If `path` is a folder, a device or a pipe, or if it cannot be written.
    """
    make_folder(Path(path).parent)
    with writing(path):
        target = _require_replaceable(path)
        _search_once(target.parent)
        with _locked_part(target) as part:
            yield part
            with open(part, 'rb') as written:
                os.fsync(written.fileno())
            part.chmod(0o666 & ~_umask())
            part.replace(target)
            _sync_folder(target.parent)


def remove_abandoned(folder: str | Path) -> int:
    """Remove the parts that killed writers left in a folder, if it exists; return their number.

    A part whose writer is alive stays. On a file system without locks that is not known, so all stay.
    """
    folder = Path(folder)
    with writing(folder):
        parts = [path for path in folder.glob('.*.part') if PART.fullmatch(path.name) and path.is_file()]
        return sum(map(_remove_if_abandoned, parts))


def write_bytes(path: str | Path, data: bytes | memoryview) -> None:
    """Write `data` to `path` in one step.

    Libraries that report a full disk in ways of their own can write into memory first, and leave the disk to this.
    """
    with atomic_path(path) as part:
        part.write_bytes(data)


def write_text(path: str | Path, text: str) -> None:
    """Write `text` to `path` in one step; paths in it that are not UTF-8 are written as they are."""
    with atomic_path(path) as part:
        part.write_text(text, errors='surrogateescape')


def write_csv(path: str | Path, rows: Iterable[Iterable[Any]]) -> None:
    """Write rows of cells to `path` as a CSV table in one step; no cell is a formula (see torchlight.tables)."""
    with atomic_path(path) as part, open(part, 'w', newline='') as file:
        csv.writer(file).writerows(as_cells(rows))


def require_file(path: str | Path) -> Path:
    """Return `path` as a Path; raise InputError if there is no such file."""
    path = Path(path)
    if not path.is_file():
        raise InputError(f'{path} does not exist or is not a file')
    return path


def require_writable(path: str | Path) -> None:
    """Raise InputError if `path` cannot be written, before the work that leads to what is written; leave nothing."""
    with writing(path):
        target = _require_replaceable(path).absolute()
        tempfile.TemporaryFile(dir=next(folder for folder in target.parents if folder.exists())).close()


def require_ending(path: str | Path, *endings: str, flag: str) -> None:
    """Raise InputError, with the flag that gave the path, if its name ends in none of these endings, such as '.csv'.

    Capitals are other endings: whoever reads the file later tells its kind by the ending, too.
    """
    if Path(path).suffix not in endings:
        raise InputError(f'{flag} is {path}; expected a name that ends in {" or ".join(endings)}')


def make_folder(path: str | Path) -> None:
    """Make the folder `path` and its parents; raise InputError if that is not possible."""
    try:
        Path(path).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f'cannot make the folder {path}: {error.strerror}') from error


def _require_replaceable(path: str | Path) -> Path:
    """Return what is to be replaced: `path`, or what it links to; raise InputError unless that is a file or absent."""
    path = Path(path)
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        mode = stat.S_IFREG
    if not stat.S_ISREG(mode):
        kind = 'folder' if stat.S_ISDIR(mode) else 'pipe' if stat.S_ISFIFO(mode) else 'device or a socket'
        raise InputError(f'cannot write {path}: it is a {kind}; give the path of a file')
    return Path(os.path.realpath(path)) if path.is_symlink() else path


@contextlib.contextmanager
def _locked_part(target: Path) -> Iterator[Path]:
    """Yield a new, locked part of `target`; at the end remove it, if it is still there, and its lock."""
    while True:
        handle, name = tempfile.mkstemp(prefix=f'.{target.name}.', suffix='.part', dir=target.parent)
        part = Path(name)
        _locks.add(handle)
        _lock(handle, fcntl.LOCK_EX)
        if part.exists():  # another process may have taken it for abandoned just before the lock
            break
        _unlock(handle)
    try:
        yield part
    finally:
        if handle in _locks:  # not in a forked child
            part.unlink(missing_ok=True)
            _unlock(handle)


def _lock(handle: int, how: int) -> bool:
    """Lock a file; return whether it is locked now: not if another process holds the lock, or if there are no locks."""
    try:
        fcntl.flock(handle, how)
    except OSError as error:
        if error.errno not in {errno.EWOULDBLOCK, *NO_LOCKS}:
            raise
        return False
    return True


def _unlock(handle: int) -> None:
    _locks.discard(handle)
    os.close(handle)


def _forget_locks() -> None:
    """Close a forked child's copies of the locks: a data-loading worker may outlive a killed parent."""
    for handle in _locks:
        os.close(handle)
    _locks.clear()


os.register_at_fork(after_in_child=_forget_locks)


def _search_once(folder: Path) -> None:
    """Remove abandoned parts at this process's first write to a folder, so that many writes take linear time."""
    place = os.path.abspath(folder)
    if place not in _searched:
        _searched.add(place)
        remove_abandoned(folder)


def _remove_if_abandoned(part: Path) -> bool:
    """Remove a part unless a living process has its lock; return whether it was removed."""
    try:
        with open(part, 'r+b') as file:
            abandoned = _lock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
            if abandoned:
                part.unlink()
            return abandoned
    except (FileNotFoundError, PermissionError):  # its writer has finished meanwhile, or it is another user's
        return False


def _sync_folder(folder: Path) -> None:
    """Make a rename in a folder last through a power failure."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno != errno.EINVAL:  # from file systems that do this by themselves
            raise
    finally:
        os.close(handle)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
