"""Arrays in files: what a damaged .npy or .npz gives is one line, whatever the damage."""

import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from feeders.arrays import read_npy
from feeders.stores import open_npz
from torchlight.errors import InputError


def saved(save, *arrays, **named):
    with io.BytesIO() as file:
        save(file, *arrays, **named)
        return file.getvalue()


NUMBERS = np.random.default_rng(0).normal(size=(2, 3, 150)).astype(np.float32)
NPY = saved(np.save, NUMBERS)
NPZ = {save: saved(save, x_test=NUMBERS, y_test=np.eye(2)) for save in (np.savez, np.savez_compressed)}


@pytest.fixture(scope='module')
def path(tmp_path_factory):
    return tmp_path_factory.mktemp('arrays') / 'file'


def damaged(data, cut, patches):
    """`data` with bytes replaced, counted from its start (its header) or its end (a .npz's table), and cut short."""
    data = bytearray(data)
    for place, value in patches:
        data[place % len(data)] = value
    return bytes(data[: len(data) - cut])


damage = {
    'cut': st.integers(0, 300),
    'patches': st.lists(st.tuples(st.integers(-300, 200), st.integers(0, 255)), max_size=3),
}


def check(read, path):
    """`read` gives an array or a store, or refuses the file in one line."""
    try:
        read(path)
    except InputError as error:
        assert str(path) in str(error) and '\n' not in str(error)


@given(**damage)
@settings(max_examples=150, deadline=None)
def test_a_damaged_npy_is_refused_in_one_line(path, cut, patches):
    path.write_bytes(damaged(NPY, cut, patches))
    check(read_npy, path)


@pytest.mark.parametrize('save', NPZ)
@given(**damage)
@settings(max_examples=150, deadline=None)
def test_a_damaged_npz_is_refused_in_one_line(save, path, cut, patches):
    path.write_bytes(damaged(NPZ[save], cut, patches))
    check(lambda path: open_npz(path, 'test'), path)


@pytest.mark.parametrize(
    'content',
    [
        b'',
        b'junk',
        NPY[:100],
        NPY[:-1],
        NPZ[np.savez],
        saved(np.save, np.array(['a'])),
        saved(np.save, np.array([{}])),
        saved(np.save, np.array([1j])),
        saved(np.save, np.array([True])),
    ],
)
def test_what_is_no_array_of_numbers_is_refused(path, content):
    path.write_bytes(content)
    for mapped in (False, True):
        with pytest.raises(InputError, match='is not a .npy array of numbers'):
            read_npy(path, mapped)


def test_numbers_are_read_whole_or_mapped(path):
    path.write_bytes(NPY)
    for mapped in (False, True):
        array = read_npy(path, mapped)
        assert isinstance(array, np.memmap) == mapped and np.array_equal(array, NUMBERS)


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
def test_public_arrays_of_other_shapes_are_refused(path, x, y):
    path.write_bytes(saved(np.savez, x_test=x, y_test=y))
    with pytest.raises(InputError, match=r'not \(N, T, 150\) and N labels'):
        open_npz(path, 'test')
