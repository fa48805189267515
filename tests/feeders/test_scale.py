"""The scale of coordinates: pixels and millimetres are noticed, metres are not."""

import numpy as np
import pytest

from feeders.feeder_ucla import read_all_sqe
from feeders.sample import make_sample
from feeders.scale import LARGEST, median_size, scale_warning
from feeders.skeleton_store import SkeletonStoreWriter, open_skeletons


def store_of(path, *clips):
    with SkeletonStoreWriter(path, 'custom', (2, *clips[0].shape[2:])) as store:
        for number, clip in enumerate(clips):
            store.add(str(number), 0, clip)
    return open_skeletons(path)


def test_the_median_is_that_of_the_joints_that_are_there(tmp_path):
    clip = np.zeros((30, 1, 5, 2), np.float32)
    clip[:, :, 0] = [-3, 5]
    assert median_size(store_of(tmp_path / 'x.h5', clip, clip[:1])) == 4
    assert median_size(store_of(tmp_path / 'y.h5', 0 * clip)) == 0


@pytest.mark.parametrize('scale, warns', [(1, False), (4, False), (1000, True), (100, True)])
def test_millimetres_and_pixels_are_noticed_and_metres_are_not(tmp_path, scale, warns):
    clip = scale * np.random.default_rng(0).normal(size=(90, 2, 17, 3))
    warning = scale_warning(store_of(tmp_path / 'x.h5', clip))
    assert bool(warning) == warns and ('x.h5 are beyond' in warning) == warns


def test_the_sample_is_not_noticed(tmp_path):
    make_sample(tmp_path, clips_per_class=1)
    assert 0 < median_size(open_skeletons(tmp_path / 'skeletons.h5')) < LARGEST / 4


def test_real_clips_are_not_noticed(shared):
    assert 0 < median_size(read_all_sqe(shared / 'data' / 'NW-UCLA' / 'all_sqe')) < LARGEST / 4
