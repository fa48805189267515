"""The scale of coordinates: pixels and millimetres are noticed, metres are not."""

import numpy as np
import pytest

from feeders.feeder_ucla import read_all_sqe
from feeders.sample import make_sample
from feeders.scale import LARGEST, looks_like_confidence, median_size, scale_warning
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


def test_a_confidence_does_not_count(tmp_path):
    clip = np.concatenate([np.full((9, 1, 5, 1), 900.0), np.zeros((9, 1, 5, 2)) + 0.1], -1)
    with SkeletonStoreWriter(tmp_path / 'x.h5', 'custom', (1, 5, 3), confidence=True) as store:
        store.add('a', 0, clip)
    assert median_size(open_skeletons(tmp_path / 'x.h5')) == pytest.approx((900 + 0.1) / 2)


def test_pixels_with_a_confidence_are_recognised():
    rng = np.random.default_rng(0)
    pixels, score = 500 + 99 * rng.normal(size=(9, 17, 2)), rng.uniform(size=(9, 17, 1))
    assert looks_like_confidence(np.concatenate([pixels, score], -1))
    for other in (pixels, np.concatenate([pixels, 2 * score], -1), rng.uniform(size=(9, 17, 3)), np.zeros((0, 17, 3))):
        assert not looks_like_confidence(other)


def test_the_sample_is_not_noticed(tmp_path):
    make_sample(tmp_path, clips_per_class=1)
    assert 0 < median_size(open_skeletons(tmp_path / 'skeletons.h5')) < LARGEST / 4


def test_real_clips_are_not_noticed(shared):
    assert 0 < median_size(read_all_sqe(shared / 'data' / 'NW-UCLA' / 'all_sqe')) < LARGEST / 4
