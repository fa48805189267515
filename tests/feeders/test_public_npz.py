"""The public NTU arrays are read as they are, written as they are published, and refused in one line otherwise."""

import numpy as np
import pytest

from feeders.feeder_MMCL import Feeder
from feeders.label_table import read_names
from feeders.mapped import MappedArray
from feeders.public_npz import BothSplits, open_npz, write_public_npz
from feeders.skeleton_store import SkeletonStoreWriter
from torchlight.errors import InputError


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
    x, y, _length = public_arrays()
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
    names = read_names(tmp_path / 'names.txt')
    assert open_npz(tmp_path / 'x.npz', 'test', names).name == ['one', 'two', 'three']
    with pytest.raises(InputError, match='2 names are given for 3 clips of x_test'):
        open_npz(tmp_path / 'x.npz', 'test', names[:2])


def test_other_npz_files_are_refused(tmp_path):
    x, y, _ = public_arrays(3)
    wrong = {
        'no split': {'x_train': x, 'y_train': y},
        'no labels': {'x_test': x},
        'width': {'x_test': x[..., :75], 'y_test': y},
        'labels': {'x_test': x, 'y_test': y[:2]},
        'shape': {'x_test': x.reshape(3, -1, 2, 25, 3), 'y_test': y},
    }
    for arrays in wrong.values():
        np.savez(tmp_path / 'x.npz', **arrays)
        with pytest.raises(InputError, match=r'x_test.*\(N, T, 150\)') as error:
            open_npz(tmp_path / 'x.npz', 'test')
        assert '\n' not in str(error.value)
    np.savez(tmp_path / 'x.npz', x_test=x, y_test=y)
    (tmp_path / 'cut.npz').write_bytes((tmp_path / 'x.npz').read_bytes()[:-50])
    with pytest.raises(InputError, match=r'cut.npz is not an NTU .npz'):
        open_npz(tmp_path / 'cut.npz', 'test')


NUMBERS = np.random.default_rng(0).normal(size=(2, 3, 150)).astype(np.float32)


@pytest.mark.parametrize(
    'x, y',
    [
        (NUMBERS.reshape(6, 150), np.eye(6)),
        (NUMBERS.reshape(2, 3, 2, 75), np.eye(2)),
        (NUMBERS[0, 0], np.eye(2)),
        (NUMBERS[..., :75], np.eye(2)),
        (NUMBERS, np.eye(3)),
        (NUMBERS, np.zeros((2, 3, 4))),
        (NUMBERS, np.float32(1)),
    ],
)
def test_public_arrays_of_other_shapes_are_refused(tmp_path, x, y):
    np.savez(tmp_path / 'x.npz', x_test=x, y_test=y)
    with pytest.raises(InputError, match=r'expected \(N, T, 150\) and N labels'):
        open_npz(tmp_path / 'x.npz', 'test')


def test_both_splits_are_one_store(tmp_path):
    x, y, length = public_arrays()
    np.savez(tmp_path / 'x.npz', x_train=x, y_train=y, x_test=x[:2] + 1, y_test=y[:2])
    store = BothSplits(tmp_path / 'x.npz')
    assert len(store) == 9 and store.split == ['train'] * 7 + ['test'] * 2
    assert store.length.tolist() == [*length, 6, 6] and store.dataset == ''
    np.testing.assert_array_equal(store.clip(3), x[3, : length[3]].reshape(-1, 2, 25, 3))
    np.testing.assert_array_equal(store.clip(8), (x[1] + 1).reshape(-1, 2, 25, 3))


def test_only_one_person_clips_are_copied_into_slot_2(tmp_path):
    frames = np.random.default_rng(0).normal(size=(4, 2, 25, 3)).astype(np.float32)
    frames[:, 1] = 0
    with SkeletonStoreWriter(tmp_path / 'x.h5', 'ntu120', (2, 25, 3)) as store:
        store.add('S001C001P001R001A001', 0, frames[:, :1])
        store.add('S001C001P001R001A050', 49, frames)
    write_public_npz(tmp_path / 'x.h5', tmp_path)
    slots = open_npz(tmp_path / 'NTU120_CSet.npz', 'test')
    assert np.array_equal(slots.clip(0)[:, 1], frames[:, 0]) and not slots.clip(1)[:, 1].any()
    fed = Feeder(str(tmp_path / 'x.h5'), 'test', 'xset', missing_person='copy').__getitems__([0, 1]).skeleton
    assert fed[0, ..., 1].equal(fed[0, ..., 0]) and not fed[1, ..., 1].any()
