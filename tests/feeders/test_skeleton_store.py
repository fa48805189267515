"""Skeleton stores give back what was written, and refuse in one line what they cannot read."""

import hashlib
import pickle
import re

import h5py
import numpy as np
import pytest

from feeders import hdf5_writer
from feeders.skeleton_store import SkeletonStoreWriter, open_clip, open_skeletons
from tests.helpers import without_checksums
from torchlight.errors import InputError

LENGTH, PERSONS = (3, 1, 5, 2), (1, 2, 2, 1)


@pytest.fixture
def clips():
    """Four clips (T, persons, 4 joints, 3 coordinates)."""
    rng = np.random.default_rng(0)
    return [rng.normal(size=(t, m, 4, 3)).astype(np.float32) for t, m in zip(LENGTH, PERSONS)]


@pytest.fixture
def path(tmp_path, clips):
    path = tmp_path / 'made' / 'clips.h5'
    with SkeletonStoreWriter(path, 'ours', (2, 4, 3)) as store:
        for i, clip in enumerate(clips):
            store.add(f'clip {i} é', i % 3, clip, split='test' if i == 2 else 'train')
    return path


def test_a_store_gives_back_what_was_written(path, clips):
    store = open_skeletons(path)
    assert store.name == [f'clip {i} é' for i in range(4)] and store.label.tolist() == [0, 1, 2, 0]
    assert store.length.tolist() == list(LENGTH) and store.person.tolist() == list(PERSONS)
    assert store.dataset == 'ours' and store.layout == (2, 4, 3)
    assert store.split == ['train', 'train', 'test', 'train']
    for i, clip in enumerate(clips):
        np.testing.assert_array_equal(store.clip(i)[:, : clip.shape[1]], clip)
        assert not store.clip(i)[:, clip.shape[1] :].any()


def test_a_store_without_splits_has_none(tmp_path, clips):
    with SkeletonStoreWriter(tmp_path / 'x.h5', 'ours', (2, 4, 3)) as store:
        store.add('a', 0, clips[0])
    assert open_skeletons(tmp_path / 'x.h5').split is None


def test_a_store_says_what_is_true_of_all_its_clips(tmp_path, clips):
    facts = {'classes': ['sit', 'wave é'], 'normalised': True, 'confidence': True}
    with SkeletonStoreWriter(tmp_path / 'x.h5', 'ours', (2, 4, 3), **facts) as store:
        store.add('a', 1, clips[0])
        store.add('b', 0, clips[1])
    for store in (open_skeletons(tmp_path / 'x.h5'), open_skeletons(tmp_path / 'x.h5').select([False, True])):
        assert {key: getattr(store, key) for key in facts} == facts
    with SkeletonStoreWriter(tmp_path / 'y.h5', 'ours', (2, 4, 3)) as store:
        store.add('a', 1, clips[0])
    store = open_skeletons(tmp_path / 'y.h5')
    assert not store.classes and not store.normalised and not store.confidence


@pytest.mark.parametrize('classes, problem', [(['a'], 'a label outside -1 to 0'), (['a', 'a'], 'more than once: a')])
def test_names_that_do_not_fit_the_labels_are_refused(tmp_path, clips, classes, problem):
    with pytest.raises(InputError, match=problem):
        with SkeletonStoreWriter(tmp_path / 'x.h5', 'ours', (2, 4, 3), classes) as store:
            store.add('a', 1, clips[0])
    assert not (tmp_path / 'x.h5').exists()


def test_names_of_classes_that_have_changed_are_refused(tmp_path, clips):
    with SkeletonStoreWriter(tmp_path / 'x.h5', 'ours', (2, 4, 3), ['sit', 'wave']) as store:
        store.add('a', 1, clips[0])
    whole = (tmp_path / 'x.h5').read_bytes()
    (tmp_path / 'x.h5').write_bytes(whole.replace(b'wave', b'Wave'))
    with pytest.raises(InputError, match=r'x.h5 is damaged: '):
        open_skeletons(tmp_path / 'x.h5')
    (tmp_path / 'x.h5').write_bytes(whole)
    without_checksums(tmp_path / 'x.h5')
    with h5py.File(tmp_path / 'x.h5', 'r+') as file:
        file['class'][1] = b'sit'
    with pytest.raises(InputError, match=r'x.h5 cannot be used: 1 name of a class occurs more than once: sit'):
        open_skeletons(tmp_path / 'x.h5')
    with h5py.File(tmp_path / 'x.h5', 'r+') as file:
        file['class'][1], file.attrs['normalised'] = b'wave', 'yes'
    with pytest.raises(InputError, match=r'expected true or false'):
        open_skeletons(tmp_path / 'x.h5')


def test_a_store_larger_than_one_block_is_whole(tmp_path):
    frames = np.arange(70000 * 3, dtype=np.float32).reshape(-1, 1, 1, 3)
    with SkeletonStoreWriter(tmp_path / 'x.h5', 'ours', (1, 1, 3)) as store:
        store.add('a', 0, frames[:69999])
        store.add('b', 0, frames[69999:])
    np.testing.assert_array_equal(open_skeletons(tmp_path / 'x.h5').frames[:], frames)


def test_select_keeps_every_column_in_step(path):
    store = open_skeletons(path)
    part = store.select([False, True, False, True])
    assert part.name == [store.name[1], store.name[3]] and part.label.tolist() == [1, 0]
    assert part.person.tolist() == [2, 1] and part.split == ['train', 'train'] and part.frames is store.frames
    for i, old in enumerate((1, 3)):
        np.testing.assert_array_equal(part.clip(i), store.clip(old))


def test_digests_are_equal_only_for_equal_frames(tmp_path, clips):
    with SkeletonStoreWriter(tmp_path / 'x.h5', 'ours', (2, 4, 3)) as store:
        for i, clip in enumerate([*clips, clips[2], clips[2] + 1e-6]):
            store.add(str(i), i, clip)
    digests = open_skeletons(tmp_path / 'x.h5').digests()
    assert digests[4] == digests[2] and len(set(digests)) == 5


def test_digest_is_of_the_frames_themselves(path, clips):
    assert open_skeletons(path).digests()[2] == hashlib.sha256(clips[2].tobytes()).hexdigest()


def test_a_failing_writer_leaves_nothing_behind(tmp_path, clips):
    (tmp_path / 'x.h5').write_text('older')
    with pytest.raises(ZeroDivisionError):
        with SkeletonStoreWriter(tmp_path / 'x.h5', 'ours', (2, 4, 3)) as store:
            store.add('a', 0, clips[0])
            raise ZeroDivisionError
    assert [file.name for file in tmp_path.iterdir()] == ['x.h5'] and (tmp_path / 'x.h5').read_text() == 'older'


def test_a_full_disk_leaves_nothing_behind(tmp_path, clips, monkeypatch):
    def no_room(*_):
        raise OSError(28, 'No space left on device')

    monkeypatch.setattr(hdf5_writer.os, 'posix_fallocate', no_room, raising=False)
    with pytest.raises(InputError, match=r'cannot write .*x\.h5: No space left on device; no partial file is left'):
        with SkeletonStoreWriter(tmp_path / 'x.h5', 'ours', (2, 4, 3)) as store:
            store.add('a', 0, clips[0])
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize('shape', [(3, 3, 4, 3), (3, 1, 5, 3), (3, 1, 4, 2)])
def test_a_clip_of_another_layout_is_refused_by_name(tmp_path, shape):
    with pytest.raises(InputError, match=re.escape(f'clip odd has persons, joints, coordinates {shape[1:]}')):
        with SkeletonStoreWriter(tmp_path / 'x.h5', 'ours', (2, 4, 3)) as store:
            store.add('odd', 0, np.zeros(shape))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    'key, value, text',
    [
        ('label', None, "needs 'label', an array of 1 dimensions"),
        ('frames', np.zeros((11, 4, 3)), "needs 'frames', an array of 4 dimensions"),
        ('offset', ['a'], "needs 'offset'"),
        ('offset', [0, 3, 4, 9, 12], 'do not fit its 11 frames'),
        ('offset', [0, 4, 3, 9, 11], 'do not fit'),
        ('offset', [-1, 3, 4, 9, 11], 'do not fit'),
        ('offset', [0, 3, 4, 9], 'do not fit'),
        ('person', [1, 2], 'do not fit'),
        ('split', ['train'], 'do not fit'),
    ],
)
def test_a_damaged_store_is_refused(path, key, value, text):
    with h5py.File(path, 'r+') as file:
        del file[key]
        if value is not None:
            file[key] = value
    with pytest.raises(InputError, match=f'clips.h5 is damaged: .*{text}') as error:
        open_skeletons(path)
    assert '\n' not in str(error.value)


def test_one_clip_is_a_store(tmp_path):
    clip = np.random.default_rng(0).normal(size=(5, 4, 3))
    np.save(tmp_path / 'wave.npy', clip)
    store = open_clip(tmp_path / 'wave.npy')
    assert store.name == ['wave'] and store.layout == (1, 4, 3) and store.label.tolist() == [-1]
    np.testing.assert_array_equal(store.clip(0)[:, 0], clip.astype(np.float32))
    for shape in ((5, 4), (0, 4, 3), (1, 1, 1, 1, 1)):
        np.save(tmp_path / 'wave.npy', np.zeros(shape))
        with pytest.raises(InputError, match=r'expected \(T, V, C\) or \(T, M, V, C\)'):
            open_clip(tmp_path / 'wave.npy')
    for content in (b'hello', pickle.dumps([1])):
        (tmp_path / 'wave.npy').write_bytes(content)
        with pytest.raises(InputError, match=r'wave.npy is not a .npy array of numbers'):
            open_clip(tmp_path / 'wave.npy')
