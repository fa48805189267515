"""Files that somebody made to do harm do none; and what would be harm is noticed."""

import os
import subprocess
import time

import h5py
import numpy as np
import pytest

from tests.fuzz import watch
from tests.fuzz.hostile import HOSTILE, KINDS
from tests.fuzz.watch import MADE, SECRET, Hostile, attempt, written
from torchlight.errors import InputError


@pytest.mark.parametrize('title', HOSTILE)
def test_a_hostile_file_does_nothing(title, tmp_path):
    said, failures = attempt(HOSTILE[title], tmp_path)
    assert not failures
    assert HOSTILE[title].says in said


def test_there_are_many_of_each_kind():
    assert len(HOSTILE) >= 40 and all(len(files) >= 3 for files in KINDS.values())


def make_a_store(folder):
    with h5py.File(folder / SECRET, 'w') as file:
        file['x'] = 1
    return folder / SECRET


def two_lines(path):
    raise InputError('one\ntwo')


HARM = {
    'runs code: os.system': lambda path: os.system('true'),
    'runs code: subprocess.Popen': lambda path: subprocess.run(['true']),
    'runs code': lambda path: (path.parent / MADE).touch(),
    'opens another file': lambda path: (path.parent / SECRET).read_bytes(),
    'MB of memory': lambda path: np.ones(1200 << 17).sum(),
    'longer than': lambda path: time.sleep(5),
    'ends the process with -9': lambda path: os.kill(os.getpid(), 9),
    'more than one line': two_lines,
    'ZeroDivisionError: division by zero': lambda path: 1 / 0,
}


@pytest.mark.parametrize('harm', HARM)
def test_harm_is_noticed(harm, tmp_path, monkeypatch):
    monkeypatch.setattr(watch, 'TIME', 1 if harm == 'longer than' else watch.TIME)
    _, failures = attempt(Hostile(written('x', ''), HARM[harm], ''), tmp_path)
    assert any(harm in failure for failure in failures), failures


@pytest.mark.skipif(os.uname().sysname != 'Linux', reason='only Linux says which files a library opens')
def test_a_file_that_a_library_opens_is_noticed(tmp_path):
    _, failures = attempt(Hostile(make_a_store, h5py.File, ''), tmp_path)
    assert failures == ['opens another file']
