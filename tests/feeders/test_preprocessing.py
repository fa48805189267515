"""A feeder's preprocessing as a module makes of each clip what the feeder makes of it."""

import numpy as np
import pytest
import torch

from feeders import feeder_MMCL, feeder_ucla
from feeders.exports import raw_clip
from feeders.feeder import Feeder
from feeders.skeleton_store import SkeletonStore, open_skeletons
from feeders.transforms import STREAMS
from tests.feeders.clips import write_clips


def assert_same(feeder, atol=1e-6):
    module, batch = feeder.preprocessing(), feeder.__getitems__(list(range(len(feeder)))).skeleton
    for row, expected in enumerate(batch):
        made = module(raw_clip(feeder.store.clip(row), feeder.layout[0]))
        torch.testing.assert_close(made, expected[None], rtol=0, atol=atol)
    return module


@pytest.fixture(scope='module')
def store(tmp_path_factory):
    """Clips of 1 to 120 frames and of one or two persons."""
    folder = tmp_path_factory.mktemp('clips')
    write_clips(folder)
    return folder / 'clips.h5'


@pytest.mark.parametrize('stream', STREAMS)
@pytest.mark.parametrize('missing_person', ['zero', 'copy'])
def test_ntu_clips_become_what_the_feeder_makes_of_them(store, stream, missing_person):
    settings = {'window_size': 20, 'missing_person': missing_person, **STREAMS[stream]}
    module = assert_same(feeder_MMCL.Feeder(store, 'all', **settings))
    words = {'zero': 'an absent person is all zeros', 'copy': 'second person is a copy of the first'}
    assert 'int(0.05 * frames / 2) frames' in module.description and words[missing_person] in module.description
    assert 'to 20 frames' in module.description and module.normalisation.startswith('none')


@pytest.mark.parametrize('stream', STREAMS)
def test_confidences_stay_what_they_are(store, stream):
    clips = open_skeletons(store)
    clips.confidence = True
    assert_same(feeder_MMCL.Feeder(clips, 'all', window_size=20, **STREAMS[stream]))


def test_a_slot_for_a_third_person_stays_empty(store):
    assert_same(feeder_MMCL.Feeder(store, 'all', num_person=3, missing_person='copy', p_interval=[0.5]))


@pytest.mark.parametrize('window', [1, 13, 52])
@pytest.mark.parametrize('stream', STREAMS)
def test_ucla_clips_become_what_the_feeder_makes_of_them(stream, window):
    length = np.array([1, 2, 30, 77])
    frames = np.random.default_rng(0).normal(3, 2, (length.sum(), 1, 20, 3))
    frames[5:40, ..., 1] = 7  # a coordinate that does not change in clip 2
    names, start = [f'a01_s01_e0{i}_v03' for i in range(4)], np.cumsum(length) - length
    store = SkeletonStore(frames, start, length, names, [0] * 4, [1] * 4, 'nw-ucla')
    module = assert_same(feeder_ucla.Feeder(store, 'test', window, **STREAMS[stream]))
    assert f'{window} evenly spaced frames' in module.description and '[-1, 1]' in module.normalisation


def test_real_ucla_clips_do_too(shared, tmp_path):
    for clip in sorted((shared / 'data/NW-UCLA/all_sqe').glob('*_v03.json'))[::25]:
        (tmp_path / clip.name).symlink_to(clip)
    assert_same(feeder_ucla.Feeder(tmp_path, 'test', bone=True), atol=1e-5)  # the files have 64 bits, a program 32


def test_there_is_none_of_what_is_random_or_not_defined(store):
    assert feeder_MMCL.Feeder(store, 'all', p_interval=[0.5, 1]).preprocessing() is None
    assert feeder_MMCL.Feeder(store, 'all', random_rot=True).preprocessing() is None
    clips = SkeletonStore(np.ones((9, 1, 20, 3)), [0], [9], ['a01_s01_e00_v03'], [0], [1], 'nw-ucla')
    assert feeder_ucla.Feeder(clips, 'test', 4, random_rot=True).preprocessing() is None
    assert Feeder().preprocessing() is None
