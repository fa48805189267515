"""A hostile file, and what reading it does: it is read in a process of its own, which is watched."""

import contextlib
import ctypes
import gc
import multiprocessing
import os
import resource
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from feeders.recordings.clips import ClipError
from tests.fuzz.damage import MEMORY
from torchlight.errors import InputError

TIME = 10  # seconds
MADE = 'made'  # the file that code in a hostile file makes
SECRET = 'secret'  # the file that a hostile file wants to have read
RUNS = {'os.system', 'os.exec', 'os.posix_spawn', 'os.fork', 'subprocess.Popen', 'socket.connect', 'ctypes.dlopen'}
IN_OPEN = 0x20  # of inotify
FORK = multiprocessing.get_context('fork')


class Hostile(NamedTuple):
    """A hostile file.

    Attributes
    ----------
    make : folder → the file. Beside it are SECRET and the package `evil`, whose import makes MADE.
    read : file → what the program takes from it.
    says : part of the refusal, or, after 'read', of what is read, where that does no harm.
    """

    make: Callable[[Path], Path]
    read: Callable[[Path], Any]
    says: str


def written(name, content):
    """A maker of a file of these bytes or this text; it may be a function of the folder."""

    def make(folder):
        data = content(folder) if callable(content) else content
        (folder / name).write_bytes(data.encode() if isinstance(data, str) else data)
        return folder / name

    return make


def attempt(hostile, folder):
    """Make a hostile file and read it; return what the reader says, and a list of what it did and must not do."""
    (folder / SECRET).write_bytes(b'secret! ' * 4096)
    (folder / 'evil').mkdir()
    (folder / 'evil' / '__init__.py').write_text(f"open({str(folder / MADE)!r}, 'w')\nclass Feeder:\n    pass\n")
    path = hostile.make(folder)
    with _opened(folder / SECRET) as is_opened:
        said, failures = _in_a_process(hostile.read, path, folder)
        failures += ['opens another file'] * is_opened()
    return said, failures + ['runs code'] * (folder / MADE).exists()


def _in_a_process(read, path, folder):
    receive, send = FORK.Pipe(duplex=False)
    process = FORK.Process(target=_read, args=(read, path, folder, send))
    process.start()
    send.close()
    try:
        return receive.recv() if receive.poll(TIME) else ('', [f'takes longer than {TIME} s'])
    except EOFError:
        process.join()
        return '', [f'ends the process with {process.exitcode}']
    finally:
        process.kill()
        process.join()


def _read(read, path, folder, send):
    failures, secret = [], str(folder / SECRET)

    def hook(event, arguments):
        if event in RUNS:
            failures.append(f'runs code: {event}')
        elif event == 'open' and arguments[0] == secret:
            failures.append('opens another file')

    gc.disable()  # which would copy the memory of the parent
    sys.addaudithook(hook)
    os.chdir(folder)
    sys.path.insert(0, str(folder))
    _limit_memory()
    before, said = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, ''
    try:
        said = f'read {read(path)!r}'
    except (InputError, ClipError) as error:
        said = str(error)
        failures += ['says more than one line'] * ('\n' in said)
    except BaseException as error:
        failures.append(f'{type(error).__name__}: {error}')
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024
    send.send((said, failures + [f'takes {grown >> 20} MB of memory'] * (grown > MEMORY)))


def _limit_memory():
    """Let this process take a little more than it may, where the system says what it has, and no more."""
    statm = Path('/proc/self/statm')
    if statm.exists():
        limit = int(statm.read_text().split()[0]) * resource.getpagesize() + 3 * MEMORY
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))


@contextlib.contextmanager
def _opened(path):
    """Yield a function: whether any library has opened the file since then (on Linux; elsewhere it does not know)."""
    if sys.platform != 'linux':
        yield lambda: False
        return
    system = ctypes.CDLL(None)
    handle = system.inotify_init1(os.O_NONBLOCK)

    def is_opened():
        with contextlib.suppress(BlockingIOError):
            return bool(os.read(handle, 4096))
        return False

    try:
        assert handle >= 0 and system.inotify_add_watch(handle, os.fsencode(path), IN_OPEN) >= 0
        yield is_opened
    finally:
        os.close(handle)
