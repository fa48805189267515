"""The trailer of a store covers every byte but those of the large array."""

import h5py
import numpy as np
import pytest

from feeders.hdf5_trailer import HEAD, place_of
from feeders.skeleton_store import SkeletonStoreWriter, open_skeletons
from torchlight.errors import InputError

TRAILER = len(HEAD) + 64


@pytest.fixture
def path(tmp_path):
    with SkeletonStoreWriter(tmp_path / 'x.h5', 'ours', (1, 4, 3)) as store:
        store.add('a', 0, np.ones((9, 1, 4, 3)))
    return tmp_path / 'x.h5'


def test_every_byte_outside_the_frames_is_covered(path):
    content = path.read_bytes()
    with h5py.File(path) as file:
        first, last = place_of(file, 'frames')
    assert last - first == 9 * 4 * 3 * 4
    for place in {*range(0, len(content), 11), *range(len(content) - TRAILER, len(content))} - {*range(first, last)}:
        path.write_bytes(content[:place] + bytes([content[place] ^ 16]) + content[place + 1 :])
        with pytest.raises(InputError, match=r'x\.h5'):
            open_skeletons(path)


def test_h5py_reads_past_it(path):
    assert path.read_bytes()[-TRAILER:].startswith(HEAD)
    with h5py.File(path) as file:
        assert (file['frames'][:] == 1).all()


def test_other_bytes_at_the_end_are_refused(path):
    content = path.read_bytes()
    for more in (b'x', content[-TRAILER:], b'\0' * (2 << 20)):
        path.write_bytes(content + more)
        with pytest.raises(InputError, match=r'x\.h5 is damaged: it does not have the SHA-256 that was recorded'):
            open_skeletons(path)


def test_other_stores_may_have_any_end(path):
    with h5py.File(path, 'r+') as file:
        del file.attrs['sha256'], file['crc32']
        file.attrs['tags'] = ['a', 'b']
    path.write_bytes(path.read_bytes() + b'x')
    assert (open_skeletons(path).frames[:] == 1).all()


def test_a_store_that_another_program_rewrote_has_none(path, tmp_path):
    with h5py.File(path) as source, h5py.File(tmp_path / 'y.h5', 'w', libver='latest') as copy:
        copy.attrs.update(source.attrs)
        for key in source:
            source.copy(key, copy)
    assert (open_skeletons(tmp_path / 'y.h5').frames[:] == 1).all()
