"""Stores give back what was written, and refuse in one line what they cannot read."""

import hashlib
import pickle
import re

import h5py
import numpy as np
import pytest

from feeders import arrays, stores
from feeders.arrays import MappedArray
from feeders.stores import SkeletonStoreWriter, open_clip, open_features, open_npz, open_skeletons, write_features
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


def one_line(error):
    text = str(error.value)
    assert '\n' not in text
    return text


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


def test_a_store_larger_than_one_block_is_whole(tmp_path):
    frames = np.arange(70000 * 3, dtype=np.float32).reshape(-1, 1, 1, 3)
    with SkeletonStoreWriter(tmp_path / 'x.h5', 'ours', (1, 1, 3)) as store:
        store.add('a', 0, frames[:69999])
        store.add('b', 0, frames[69999:])
    np.testing.assert_array_equal(open_skeletons(tmp_path / 'x.h5').frames[:], frames)


def test_a_mapped_array_gives_rows_like_numpy(path):
    frames = open_skeletons(path).frames
    assert isinstance(frames, MappedArray)
    whole = frames[:]
    assert len(frames) == len(whole) == sum(LENGTH)
    rows = np.array([[7, 0], [3, 3]])
    for key in (2, slice(1, 4), rows, rows[0]):
        np.testing.assert_array_equal(frames[key], whole[key])
    np.testing.assert_array_equal(frames.reshape(11, 24)[4], whole[4].ravel())
    frames[2][:] = 5  # a copy: the file stays
    np.testing.assert_array_equal(frames[:], whole)


def test_a_mapped_array_pickles_as_its_place_in_the_file(path):
    frames = open_skeletons(path).frames
    text = pickle.dumps(frames)
    assert len(text) < 500
    np.testing.assert_array_equal(pickle.loads(text)[:], frames[:])


def test_a_mapped_array_releases_its_pages_and_goes_on(path, monkeypatch):
    frames = open_skeletons(path).frames
    whole = frames[:]
    monkeypatch.setattr(arrays, 'RESIDENT_BYTES', 2 * whole[0].nbytes)
    touched = []
    for row in range(len(whole)):
        np.testing.assert_array_equal(frames[row], whole[row])
        touched.append(frames._touched)
    assert max(touched) <= 2 * whole[0].nbytes and 0 in touched


def test_select_keeps_every_column_in_step(path):
    store = open_skeletons(path)
    part = store.select([False, True, False, True])
    assert part.name == [store.name[1], store.name[3]] and part.label.tolist() == [1, 0]
    assert part.person.tolist() == [2, 1] and part.split == ['train', 'train'] and part.frames is store.frames
    for i, old in enumerate((1, 3)):
        np.testing.assert_array_equal(part.clip(i), store.clip(old))


def test_digests_are_equal_for_equal_frames_alone(tmp_path, clips):
    with SkeletonStoreWriter(tmp_path / 'x.h5', 'ours', (2, 4, 3)) as store:
        for i, clip in enumerate([*clips, clips[2], clips[2] + 1e-6]):
            store.add(str(i), i, clip)
    digests = open_skeletons(tmp_path / 'x.h5').digests()
    assert digests[4] == digests[2] and len(set(digests)) == 5


def test_a_failing_writer_leaves_nothing_behind(tmp_path, clips):
    (tmp_path / 'x.h5').write_text('older')
    with pytest.raises(ZeroDivisionError):
        with SkeletonStoreWriter(tmp_path / 'x.h5', 'ours', (2, 4, 3)) as store:
            store.add('a', 0, clips[0])
            1 / 0
    assert [file.name for file in tmp_path.iterdir()] == ['x.h5'] and (tmp_path / 'x.h5').read_text() == 'older'


def test_a_full_disk_leaves_nothing_behind(tmp_path, clips, monkeypatch):
    def no_room(*_):
        raise OSError(28, 'No space left on device')

    monkeypatch.setattr(stores.os, 'posix_fallocate', no_room, raising=False)
    with pytest.raises(OSError, match='No space'):
        with SkeletonStoreWriter(tmp_path / 'x.h5', 'ours', (2, 4, 3)) as store:
            store.add('a', 0, clips[0])
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize('shape', [(3, 3, 4, 3), (3, 1, 5, 3), (3, 1, 4, 2)])
def test_a_clip_of_another_layout_is_refused_by_name(tmp_path, shape):
    with pytest.raises(InputError, match=re.escape(f'clip odd has persons, joints, coordinates {shape[1:]}')):
        with SkeletonStoreWriter(tmp_path / 'x.h5', 'ours', (2, 4, 3)) as store:
            store.add('odd', 0, np.zeros(shape))
    assert not list(tmp_path.iterdir())


def test_what_is_no_store_is_refused_in_one_line(tmp_path, path):
    for opened in (open_skeletons, open_features):
        with pytest.raises(InputError, match='none.h5 does not exist or is not a file') as error:
            opened(tmp_path / 'none.h5')
        one_line(error)
        (tmp_path / 'text.h5').write_text('hello')
        with pytest.raises(InputError, match='text.h5 is not an HDF5 file, or is cut short') as error:
            opened(tmp_path / 'text.h5')
        one_line(error)
    (tmp_path / 'cut.h5').write_bytes(path.read_bytes()[:-100])
    with pytest.raises(InputError, match='cut.h5 is not an HDF5 file, or is cut short') as error:
        open_skeletons(tmp_path / 'cut.h5')
    one_line(error)


def test_another_format_or_version_is_refused(tmp_path, path):
    write_features(tmp_path / 'video.h5', ['a'], np.zeros((1, 2)))
    with pytest.raises(InputError, match="holds 'mmcl features' version 1, not 'mmcl skeletons' version 1"):
        open_skeletons(tmp_path / 'video.h5')
    with pytest.raises(InputError, match="holds 'mmcl skeletons' version 1, not 'mmcl features' version 1"):
        open_features(path)
    with h5py.File(tmp_path / 'other.h5', 'w') as file:
        file['x'] = [1]
    with pytest.raises(InputError, match="holds 'something else' version None"):
        open_skeletons(tmp_path / 'other.h5')
    with h5py.File(path, 'r+') as file:
        file.attrs['version'] = 2
    with pytest.raises(InputError, match='version 2, not .* version 1'):
        open_skeletons(path)


@pytest.mark.parametrize(
    'key, value, text',
    [
        ('label', None, "should have 'label', an array of 1 dimensions"),
        ('frames', np.zeros((11, 4, 3)), "should have 'frames', an array of 4 dimensions"),
        ('offset', ['a'], "should have 'offset'"),
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
    one_line(error)


def public_arrays(clips=7, time=6):
    """x (N, T, 150), zeros after each clip's end; y one-hot of 5 classes; the lengths."""
    rng = np.random.default_rng(1)
    x, length = rng.normal(size=(clips, time, 150)).astype(np.float32), 1 + np.arange(clips) % time
    x[np.arange(time) >= length[:, None]] = 0
    x[::2, :, 75:] = 0
    return x, np.eye(5)[np.arange(clips) % 5], length


@pytest.mark.parametrize('save', [np.savez, np.savez_compressed])
def test_the_public_arrays_are_read_as_they_are(tmp_path, save):
    x, y, length = public_arrays()
    save(tmp_path / 'x.npz', x_train=x + 1, y_train=y, x_test=x, y_test=y)
    store = open_npz(tmp_path / 'x.npz', 'test')
    assert isinstance(store.frames, MappedArray) == (save is np.savez)
    assert store.length.tolist() == length.tolist() and store.label.tolist() == y.argmax(1).tolist()
    assert store.person.tolist() == [1, 2, 1, 2, 1, 2, 1] and store.layout == (2, 25, 3)
    assert store.name == [f'test_{i}' for i in range(7)] and store.split is None
    for i, (clip, frames) in enumerate(zip(x, length)):
        np.testing.assert_array_equal(store.clip(i), clip[:frames].reshape(-1, 2, 25, 3))
    np.testing.assert_array_equal(open_npz(tmp_path / 'x.npz', 'train').frames[:].reshape(x.shape), x + 1)


def test_a_clip_ends_after_as_many_frames_as_have_a_sum(tmp_path):
    x, y, _ = public_arrays(2)
    x[:] = 1
    x[0, 1], x[0, 4, :2], x[0, 4, 2:] = 0, (3, -3), 0  # an empty frame, and one that sums to zero
    np.savez(tmp_path / 'x.npz', x_test=x, y_test=y)
    store = open_npz(tmp_path / 'x.npz', 'test')
    assert store.length.tolist() == [4, 6]
    np.testing.assert_array_equal(store.clip(0), x[0, :4].reshape(4, 2, 25, 3))  # a prefix, as published


def test_other_kinds_of_public_arrays(tmp_path):
    x, y, length = public_arrays()
    np.savez(
        tmp_path / 'x.npz', x_test=x.astype(np.float64), y_test=y.argmax(1), x_train=np.asfortranarray(x), y_train=y
    )
    double, fortran = open_npz(tmp_path / 'x.npz', 'test'), open_npz(tmp_path / 'x.npz', 'train')
    assert double.frames.dtype == np.float32 and double.label.tolist() == fortran.label.tolist()
    np.testing.assert_array_equal(double.frames[:], fortran.frames[:])


def test_names_of_public_arrays(tmp_path):
    x, y, _ = public_arrays(3)
    np.savez(tmp_path / 'x.npz', x_test=x, y_test=y)
    (tmp_path / 'names.txt').write_bytes(b'one\r\ntwo\nthree')
    names = stores.read_names(tmp_path / 'names.txt')
    assert open_npz(tmp_path / 'x.npz', 'test', names).name == ['one', 'two', 'three']
    with pytest.raises(InputError, match='2 names are given for the 3 clips of x_test'):
        open_npz(tmp_path / 'x.npz', 'test', names[:2])


def test_other_npz_files_are_refused(tmp_path):
    x, y, _ = public_arrays(3)
    wrong = {
        'no split': dict(x_train=x, y_train=y),
        'no labels': dict(x_test=x),
        'width': dict(x_test=x[..., :75], y_test=y),
        'labels': dict(x_test=x, y_test=y[:2]),
        'shape': dict(x_test=x.reshape(3, -1, 2, 25, 3), y_test=y),
    }
    for name, arrays in wrong.items():
        np.savez(tmp_path / 'x.npz', **arrays)
        with pytest.raises(InputError, match=r'x_test.*\(N, T, 150\)') as error:
            open_npz(tmp_path / 'x.npz', 'test')
        one_line(error)
    np.savez(tmp_path / 'x.npz', x_test=x, y_test=y)
    (tmp_path / 'cut.npz').write_bytes((tmp_path / 'x.npz').read_bytes()[:-50])
    with pytest.raises(InputError, match='cut.npz is not an NTU .npz'):
        open_npz(tmp_path / 'cut.npz', 'test')


def test_features_come_back_under_their_names(tmp_path):
    feature = np.random.default_rng(0).normal(size=(3, 4)).astype(np.float32)
    write_features(tmp_path / 'x.h5', ['a', 'b', 'c'], feature, kind='video', encoder='e')
    store = open_features(tmp_path / 'x.h5')
    assert store.width == 4 and store.attributes['encoder'] == 'e' and isinstance(store.feature, MappedArray)
    np.testing.assert_array_equal(store.feature[store.rows(['c', 'a', 'c'], 'video')], feature[[2, 0, 2]])


def test_a_folder_of_arrays_is_a_feature_store(tmp_path):
    feature = np.random.default_rng(0).normal(size=(3, 4)).astype(np.float32)
    for name, row in zip('bca', feature):
        np.save(tmp_path / f'{name}.npy', row.astype(np.float64)[None])  # stored as (1, D)
    store = open_features(tmp_path)
    np.testing.assert_array_equal(store.feature[store.rows(['b', 'c', 'a'], 'text')], feature)
    assert store.feature.dtype == np.float32


def test_feature_folders_that_do_not_fit_are_refused(tmp_path):
    with pytest.raises(InputError, match='holds 0 .npy features'):
        open_features(tmp_path)
    np.save(tmp_path / 'a.npy', np.zeros(3))
    np.save(tmp_path / 'b.npy', np.zeros(5))
    with pytest.raises(InputError, match=r'holds 2 .npy features of widths \[3, 5\]; expected one width') as error:
        open_features(tmp_path)
    one_line(error)
    (tmp_path / 'b.npy').write_text('hello')
    with pytest.raises(InputError, match='b.npy is not a .npy array of numbers') as error:
        open_features(tmp_path)
    one_line(error)


def test_missing_features_are_counted_and_the_first_five_named(tmp_path):
    write_features(tmp_path / 'x.h5', ['c2'], np.zeros((1, 4)))
    with pytest.raises(InputError) as error:
        open_features(tmp_path / 'x.h5').rows([f'c{i}' for i in range(8)], 'video')
    assert one_line(error).startswith('7 of 8 clips have no video feature in ')
    assert one_line(error).endswith('; the first: c0, c1, c3, c4, c5')


def test_one_clip_is_a_store(tmp_path):
    clip = np.random.default_rng(0).normal(size=(5, 4, 3))
    np.save(tmp_path / 'wave.npy', clip)
    store = open_clip(tmp_path / 'wave.npy')
    assert store.name == ['wave'] and store.layout == (1, 4, 3) and store.label.tolist() == [-1]
    np.testing.assert_array_equal(store.clip(0)[:, 0], clip.astype(np.float32))
    for shape in ((5, 4), (0, 4, 3), (1, 1, 1, 1, 1)):
        np.save(tmp_path / 'wave.npy', np.zeros(shape))
        with pytest.raises(InputError, match=r'not \(T, V, C\) or \(T, M, V, C\)'):
            open_clip(tmp_path / 'wave.npy')
    for content in (b'hello', pickle.dumps([1])):
        (tmp_path / 'wave.npy').write_bytes(content)
        with pytest.raises(InputError, match='wave.npy is not a .npy array of numbers'):
            open_clip(tmp_path / 'wave.npy')


def test_digest_is_of_the_frames_themselves(path, clips):
    assert open_skeletons(path).digests()[2] == hashlib.sha256(clips[2].tobytes()).hexdigest()
