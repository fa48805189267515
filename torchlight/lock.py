"""The lock of a folder: one run writes there, or several read and add to it."""

import contextlib
import fcntl
import os
import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

from torchlight.errors import InputError
from torchlight.files import NO_LOCKS, make_folder

NAME = '.lock'
_held: set[TextIO] = set()


@contextlib.contextmanager
def locked(folder: str | Path, shared: bool = False) -> Iterator[None]:
    """Hold the lock of a folder, which is made if need be; the system releases it however this process ends.

    Parameters
    ----------
    folder : path.
    shared : bool. Others may hold it too, if all of them share it (default False).

    Raises
    ------
    InputError
        If another process holds it, with that process's number and host; or if the folder cannot be written.
    """
    folder = Path(folder)
    make_folder(folder)
    try:
        file = open(folder / NAME, 'a+')
    except OSError as error:
        raise InputError(f'cannot write in {folder}: {error.strerror}') from error
    with file:
        try:
            fcntl.flock(file, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
        except BlockingIOError as error:
            file.seek(0)
            holder = file.read().strip() or 'another process'
            raise InputError(
                f'{folder} is in use by {holder}; wait for it, stop it, or give another --work-dir'
            ) from error
        except OSError as error:
            if error.errno not in NO_LOCKS:
                raise
            print(f'warning: {folder} is on a file system without locks; start no second run there', file=sys.stderr)
        file.truncate(0)
        others = 'tests, the last of them ' if shared else ''
        file.write(f'{others}process {os.getpid()} on {socket.gethostname()}\n')
        file.flush()
        _held.add(file)
        try:
            yield
        finally:
            _held.discard(file)
            with contextlib.suppress(OSError):  # where there are no locks
                fcntl.flock(file, fcntl.LOCK_UN)  # whoever else has a copy of the file


def _release_in_child() -> None:
    """Close the copies that a data-loading process has, which would keep the lock after a crash of its parent."""
    while _held:
        _held.pop().close()


os.register_at_fork(after_in_child=_release_in_child)
