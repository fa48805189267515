"""The lock of a folder: one holder, or several that share it, and none after its process ends."""

import errno
import fcntl
import os
import signal
import subprocess
import sys
import time

import pytest

from tests.helpers import ROOT
from torchlight.errors import InputError
from torchlight.lock import locked

HOLD = 'import sys, time\nfrom torchlight.lock import locked\n'
HOLD += 'with locked(sys.argv[1], sys.argv[2] == "shared"):\n    print("held", flush=True)\n    time.sleep(60)\n'


@pytest.fixture
def holder(tmp_path):
    """holder(how) → another process that holds the lock of the folder."""
    processes = []

    def start(how='alone'):
        command = [sys.executable, '-c', HOLD, tmp_path, how]
        processes.append(subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True))
        assert processes[-1].stdout.readline() == 'held\n'
        return processes[-1]

    yield start
    for process in processes:
        process.kill()
        process.communicate()


def test_a_second_holder_is_told_who_the_first_is(holder, tmp_path):
    process = holder()
    for shared in (False, True):
        with pytest.raises(InputError) as error, locked(tmp_path, shared):
            pass
        text = f'{tmp_path} is in use by process {process.pid} on {os.uname().nodename}; wait for it'
        assert str(error.value).startswith(text)


def test_those_who_share_it_keep_out_only_those_who_do_not(holder, tmp_path):
    holder('shared')
    with locked(tmp_path, shared=True):
        pass
    with pytest.raises(InputError, match='is in use'), locked(tmp_path):
        pass


def test_kill_releases_it(holder, tmp_path):
    process = holder()
    process.send_signal(signal.SIGKILL)
    process.wait()
    with locked(tmp_path):
        pass


def test_the_data_loading_processes_of_a_killed_one_do_not_keep_it(tmp_path):
    fork = '    import os\n    child = os.fork()\n    if not child: time.sleep(60)\n    print(child, flush=True)'
    command = [sys.executable, '-c', HOLD.replace('    print("held", flush=True)', fork), tmp_path, 'alone']
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        child = int(process.stdout.readline())
        process.kill()
        process.wait()
        try:
            for attempt in range(100):  # the child may not have come so far yet
                try:
                    with locked(tmp_path):
                        break
                except InputError:
                    assert attempt < 99
                    time.sleep(0.1)
            os.kill(child, 0)  # it is still there
        finally:
            os.kill(child, signal.SIGKILL)


def test_a_file_system_without_locks_is_used_with_a_warning(tmp_path, monkeypatch, capsys):
    def unsupported(*_):
        raise OSError(errno.ENOLCK, 'No locks available')

    monkeypatch.setattr(fcntl, 'flock', unsupported)
    with locked(tmp_path):
        assert 'on a file system without locks' in capsys.readouterr().err


def test_a_folder_that_cannot_be_written_is_one_line(tmp_path):
    (tmp_path / 'file').write_text('')
    with pytest.raises(InputError, match='cannot make the folder'), locked(tmp_path / 'file' / 'x'):
        pass
