"""MATLAB files: what SciPy reads of them, and refusals where it crashes."""

import zlib

import numpy as np
import pytest
from scipy.io import loadmat, savemat

from feeders.recordings.clips import ClipError
from feeders.recordings.matlab_file import HEADER, SMALL, TYPES, _decompress, read_matlab

TYPE = HEADER + 8 + 16 + 24 + 16  # place of the type of the numbers in a file of one array (20, 3, T) named `d_skel`


@pytest.fixture
def path(tmp_path):
    savemat(tmp_path / 'x.mat', {'d_skel': np.random.default_rng(0).normal(size=(20, 3, 4))})
    return tmp_path / 'x.mat'


def require_same(path):
    found, expected = read_matlab(path), loadmat(path)
    numbers = {k: v for k, v in expected.items() if isinstance(v, np.ndarray) and v.dtype.kind in 'iuf'}
    assert found.keys() == numbers.keys()
    assert all(np.array_equal(found[key], values) for key, values in numbers.items())
    return found


@pytest.mark.parametrize('compressed', [False, True])
def test_arrays_of_every_type_are_read_and_other_things_left_out(tmp_path, compressed):
    values = np.arange(24).reshape(2, 3, 4)
    arrays = {f'of_{kind}': values.astype(kind) for kind in TYPES.values()}
    others = {'text': 'walk', 'cell': np.array([1, 'a'], object), 'record': {'a': 1}, 'complex': values + 1j}
    savemat(tmp_path / 'x.mat', {**others, **arrays, 'one': 5, 'a': 2.5, 'none': []}, do_compression=compressed)
    found = require_same(tmp_path / 'x.mat')
    assert len(found) == len(arrays) + 3 and all(found[f'of_{kind}'].dtype == kind for kind in TYPES.values())


def test_numbers_may_be_stored_in_a_smaller_type_than_that_of_their_array_and_in_the_other_order(tmp_path):
    def element(kind, data):
        return np.array([kind, len(data)], '>u4').tobytes() + data + bytes(-len(data) % 8)

    short = np.array([4 << 16 | 2], '>u4').tobytes() + bytes([1, 2, 3, 4])
    shape = element(5, np.array([2, 2], '>i4').tobytes())
    array = element(6, np.array([6, 0], '>u4').tobytes()) + shape + element(1, b'd_skel') + short
    (tmp_path / 'x.mat').write_bytes(b' ' * (HEADER - 4) + b'\x01\x00MI' + element(14, array))
    found = require_same(tmp_path / 'x.mat')['d_skel']
    assert found.dtype == np.float64 and found.tolist() == [[1, 3], [2, 4]]


def test_real_recordings_are_read_as_scipy_does(shared):
    for path in sorted((shared / 'data' / 'UTD-MHAD').rglob('*_skeleton.mat'))[::40]:
        assert 'd_skel' in require_same(path)


def test_an_unknown_type_of_numbers_is_refused(path):
    data = bytearray(path.read_bytes())
    assert data[TYPE] == 9
    for kind in (0, 8, 14, 19, 255):
        data[TYPE] = kind
        path.write_bytes(data)
        with pytest.raises(ClipError, match='is a damaged MATLAB file'):
            read_matlab(path)


@pytest.mark.parametrize(
    'change, text',
    [
        (lambda data: b'', 'is not a MATLAB file of version 5'),
        (lambda data: data[:124] + b'\x00\x02IM' + data[128:], 'is not a MATLAB file of version 5'),
        (lambda data: data[:-40], r'claims [\d,]+ bytes, more than there are'),
        (lambda data: data[: HEADER + 5], 'is a damaged MATLAB file'),
        (lambda data: data[: HEADER + 32] + b'\xff' * 4 + data[HEADER + 36 :], r'has the shape \[-1, 3, 4\]'),
        (lambda data: data[: HEADER + 32] + b'\x15' + data[HEADER + 33 :], 'cannot reshape'),
        (lambda data: data[:HEADER] + b'\x0f\0\0\0\4\0\0\0xxxx', 'is a damaged MATLAB file'),
    ],
)
def test_damage_is_refused_in_one_line(path, change, text):
    path.write_bytes(change(path.read_bytes()))
    with pytest.raises(ClipError, match=text) as error:
        read_matlab(path)
    assert '\n' not in str(error.value)


def test_a_small_file_does_not_become_a_large_array():
    with pytest.raises(ValueError, match='too large'):
        _decompress(zlib.compress(bytes(SMALL + 1), 1))


def test_small_numbers_do_not_become_a_large_array(tmp_path, monkeypatch):
    monkeypatch.setattr('feeders.recordings.matlab_file.SMALL', 5000)
    savemat(tmp_path / 'x.mat', {'a': np.ones(600)})
    assert len(read_matlab(tmp_path / 'x.mat')['a'].ravel()) == 600
    savemat(tmp_path / 'x.mat', {'a': np.ones(600), 'b': np.ones(600)})
    with pytest.raises(ClipError, match='its arrays are too large'):
        read_matlab(tmp_path / 'x.mat')
    savemat(tmp_path / 'x.mat', {'a': np.ones(700)})
    with pytest.raises(ClipError, match='is too large'):
        read_matlab(tmp_path / 'x.mat')
