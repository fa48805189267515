"""Windows cover every frame of a recording, are of one length, and keep what is known of it."""

import numpy as np
import pytest

from feeders.prepare.windows import check, cut
from feeders.skeleton_store import SkeletonStore
from torchlight.errors import InputError


@pytest.fixture
def store():
    """Two recordings, of 10 and 3 frames, whose frames are numbered."""
    frames = np.arange(13, dtype=np.float32)[:, None, None, None] * np.ones((1, 1, 2, 3), np.float32)
    return SkeletonStore(frames, [0, 10], [10, 3], ['long', 'short'], [4, -1], [1, 1], 'x', path='x.h5')


def test_windows_are_of_the_kind_of_their_recordings(store):
    store.confidence = store.normalised = True
    found = cut(store, 4).store
    assert found.confidence and found.normalised and found.dataset == 'x' and found.path == 'x.h5'


@pytest.mark.parametrize(
    'window, stride, firsts', [(4, 3, [0, 3, 6]), (4, 4, [0, 4, 6]), (4, None, [0, 2, 4, 6]), (1, 9, [0, 9])]
)
def test_windows_begin_every_stride_and_the_last_ends_with_the_recording(store, window, stride, firsts):
    found = cut(store, window, stride)
    own = found.clip == 0
    assert found.first[own].tolist() == firsts and found.last[own].max() == 9
    for number in np.flatnonzero(own):
        first, last = found.frames[number]
        clip = found.store.clip(number)
        assert clip[:, 0, 0, 0].tolist() == list(range(first, last + 1)) and len(clip) == window
        assert found.store.name[number] == f'long[{first}:{last + 1}]' and found.store.label[number] == 4


def test_a_recording_shorter_than_a_window_is_one_window_and_noted(store):
    found = cut(store, 5)
    assert found.name[-1] == 'short' and found.frames[-1].tolist() == [0, 2] and len(found.store.clip(-1)) == 3
    assert '1 clip has fewer frames than --window 5: short (3)' in found.note
    assert '2 clips have fewer frames than --window 20: long (10), short (3)' in cut(store, 20).note
    assert cut(store, 3).note == ''


def test_without_a_length_recordings_are_as_they_were(store):
    found = cut(store, None)
    assert found.store is store and found.frames is None and found.note == '' and found.name == store.name


def test_damage_is_found_although_windows_have_no_checksums(store):
    store.frames[5] = np.nan
    with pytest.raises(InputError, match=r'x\.h5.*long'):
        cut(store, 4)


def test_one_figure_is_of_one_recording_of_a_store(store):
    check(None, None, None)
    check(cut(store, 4), 4, None)
    with pytest.raises(InputError, match='--figure draws one clip, but --input has 2'):
        check(cut(store, None), None, 'x.gif')
    with pytest.raises(InputError, match='--window and --figure work with feeders'):
        check(None, 4, None)
