"""The rule that normalises clips: what the result does not depend on, and what it keeps."""

import numpy as np
import pytest

from feeders.recordings.clips import ClipError
from feeders.recordings.normalise import normalise


@pytest.fixture
def clip():
    """(T, M, V, C) = (20, 2, 17, 2): two persons of one unit of size."""
    return np.random.default_rng(0).normal(size=(20, 2, 17, 2)).astype(np.float32)


def scored(clip, score=0.5):
    return np.concatenate([clip, np.full_like(clip[..., :1], score)], -1)


def test_the_centre_is_zero_and_the_size_of_the_body_is_one(clip):
    found = normalise(clip * 90 + 500, False).astype(float)
    np.testing.assert_allclose(np.median(found.reshape(-1, 2), 0), 0, atol=1e-6)
    size = np.sqrt(((found - found.mean(2, keepdims=True)) ** 2).sum(-1).mean(-1))
    assert np.median(size) == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize('scale, shift', [(1000, 0), (0.01, 0), (300, 960), (2, -30)])
def test_place_and_unit_do_not_matter(clip, scale, shift):
    np.testing.assert_allclose(normalise(clip * scale + shift, False), normalise(clip, False), atol=2e-5)


def test_ways_and_distances_between_persons_are_kept(clip):
    found = normalise(clip, False)
    size = np.ptp(clip[..., 0]) / np.ptp(found[..., 0])
    np.testing.assert_allclose(np.diff(found, axis=0) * size, np.diff(clip, axis=0), atol=1e-5)
    np.testing.assert_allclose((found[:, 0] - found[:, 1]) * size, clip[:, 0] - clip[:, 1], atol=1e-5)


def test_a_few_wrong_joints_change_little(clip):
    wrong = clip.copy()
    wrong[3, 0, 5] = 900
    found, expected = normalise(wrong, False), normalise(clip, False)
    found[3, 0, 5] = expected[3, 0, 5]
    np.testing.assert_allclose(found, expected, atol=0.05)


def test_joints_that_were_not_found_do_not_count(clip):
    half = scored(clip + 50)
    half[::2, 0, 3:5] = [77, 77, 0]  # a place without confidence
    half[5:, 1] = 0  # a person who leaves
    found = normalise(half, True)
    missing = half[..., 2] == 0
    assert not found[missing][:, :2].any()
    there = found[~missing][:, :2], half[~missing][:, :2]
    np.testing.assert_allclose(np.median(there[0], 0), 0, atol=1e-5)
    sizes = [
        np.sqrt(((each - each.mean(0)) ** 2).sum(1).mean())
        for each in (frame[frame[:, 2] > 0][:, :2].astype(float) for frame in found.reshape(-1, 17, 3))
        if len(each)
    ]
    assert np.median(sizes) == pytest.approx(1, abs=1e-5)


def test_a_confidence_stays_as_it_is(clip):
    given = scored(clip * 90)
    given[..., 2] = np.random.default_rng(1).uniform(0.1, 1, given.shape[:3])
    found = normalise(given, True)
    np.testing.assert_array_equal(found[..., 2], given[..., 2])
    np.testing.assert_array_equal(found[..., :2], normalise(given[..., :2].copy(), False))
    assert found.dtype == np.float32


@pytest.mark.parametrize('value, problem', [(0, 'no joints'), (0.1, 'at one place'), (900, 'at one place')])
def test_a_clip_without_a_body_is_refused(clip, value, problem):
    with pytest.raises(ClipError, match=problem):
        normalise(np.full_like(clip, value), False)
    with pytest.raises(ClipError, match='at one place'):
        normalise(1 + clip * 1e-6, False)
