"""Stores are written on a disk with room for them."""

import os
import resource

import h5py
import numpy as np
import pytest

from feeders.hdf5 import Format
from feeders.hdf5_writer import new_store

FORMAT = Format('ours', 'x', {'x': (1, 'i')}, {})


def test_the_room_that_was_not_used_is_given_back(tmp_path):
    path = tmp_path / 'x.h5'
    path.touch()
    with new_store(path, FORMAT, 1 << 20) as file:
        file['x'] = np.arange(100)
    assert path.stat().st_size < 10_000
    with h5py.File(path) as file:
        assert (file['x'][:] == np.arange(100)).all()


@pytest.mark.skipif(not hasattr(os, 'posix_fallocate'), reason='this system reserves no room')
def test_a_file_that_would_be_too_large_is_refused_before_it_is_written(tmp_path):
    path = tmp_path / 'x.h5'
    path.touch()
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, limits[1]))
    try:
        with pytest.raises(OSError, match='File too large'), new_store(path, FORMAT, 1 << 30):
            pytest.fail('not reached')
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
