"""Damage in the texts of an HDF5 file, which could keep HDF5 busy for ever, is found before they are read."""

import h5py
import numpy as np
import pytest

from feeders.hdf5 import format_of
from feeders.hdf5_heap import MAGIC
from feeders.skeleton_store import SkeletonStoreWriter, open_skeletons
from torchlight.errors import InputError


@pytest.fixture
def path(tmp_path):
    with SkeletonStoreWriter(tmp_path / 'x.h5', 'ours', (1, 4, 3)) as store:
        store.add('a', 0, np.ones((2, 1, 4, 3)))
    return tmp_path / 'x.h5'


@pytest.mark.parametrize('byte, bit', [(24, 7), (25, 2), (25, 3), (31, 7), (14, 6)])
def test_a_collection_whose_objects_do_not_follow_one_another_is_refused(path, byte, bit):
    content = bytearray(path.read_bytes())
    content[content.index(MAGIC) + byte] ^= 1 << bit
    path.write_bytes(content)
    for read in (open_skeletons, format_of):
        with pytest.raises(InputError, match=r'x.h5 is damaged: the storage of its texts is$'):
            read(path)


def test_frames_that_look_like_a_collection_are_read(tmp_path):
    frames = np.frombuffer(MAGIC * 6, np.float32).reshape(1, 1, 4, 3)
    with SkeletonStoreWriter(tmp_path / 'x.h5', 'ours', (1, 4, 3)) as store:
        store.add('a', 0, frames)
    np.testing.assert_array_equal(open_skeletons(tmp_path / 'x.h5').clip(0), frames)


def test_many_texts_of_other_programs_are_read(tmp_path):
    texts = [f'{i} ' * (i % 50) for i in range(3000)]
    with h5py.File(tmp_path / 'x.h5', 'w') as file:
        file['texts'], file.attrs['format'] = texts, 'mine'
    assert format_of(tmp_path / 'x.h5') == 'mine'
