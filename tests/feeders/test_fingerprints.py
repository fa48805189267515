"""What identifies the data of a run."""

import json
import os
from argparse import Namespace

import numpy as np
import pytest

from feeders import fingerprints
from feeders.fingerprints import changed, fingerprint
from feeders.skeleton_store import SkeletonStoreWriter
from torchlight import record


def store(path, value=0.0):
    with SkeletonStoreWriter(path, 'x', (1, 2, 3)) as writer:
        writer.add('a', 0, np.full((4, 1, 2, 3), value))


def npz(path, value=0.0):
    np.savez(path, x=np.full(3, value))


def text(path, value=0.0):
    path.write_text(str(value))


def folder(path, value=0.0):
    path.mkdir(exist_ok=True)
    (path / 'a.json').write_text(json.dumps(value))


@pytest.mark.parametrize(('make', 'name'), [(store, 'x.h5'), (npz, 'x.npz'), (text, 'x.npy'), (folder, 'all_sqe')])
def test_the_same_contents_have_the_same_fingerprint_and_others_another(tmp_path, make, name):
    (tmp_path / 'b').mkdir()
    make(tmp_path / name)
    make(tmp_path / 'b' / name)
    os.utime(tmp_path / 'b' / name, (1, 1))
    assert fingerprint(tmp_path / name) == fingerprint(tmp_path / 'b' / name)
    make(tmp_path / 'b' / name, 1.0)
    assert fingerprint(tmp_path / name) != fingerprint(tmp_path / 'b' / name)


def test_a_file_that_has_changed_since_the_run_is_named(tmp_path):
    arguments = {
        'train': {'data_path': tmp_path / 'a.h5', 'video_path': None},
        'test': {'data_path': tmp_path / 'b.h5'},
    }
    store(tmp_path / 'a.h5')
    store(tmp_path / 'b.h5')
    now = fingerprints.fingerprints(arguments)
    assert list(now) == [str(tmp_path / 'a.h5'), str(tmp_path / 'b.h5')]
    arg = Namespace(weights=tmp_path / 'best.pt')
    assert changed(arg, now) == ''
    record.write(tmp_path, 'finished', [{'data': now}, {'data': {}}])
    assert changed(arg, now) == ''
    store(tmp_path / 'b.h5', 1.0)
    message = changed(arg, fingerprints.fingerprints(arguments))
    assert message == f'not what it was when {tmp_path}/best.pt was trained: {tmp_path}/b.h5'
