"""Arrays mapped from files, and what is said of a damaged .npy or .npz: one line, whatever the damage."""

import io
import pickle
import resource
import zipfile

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from feeders import mapped
from feeders.mapped import MappedArray, read_npy
from feeders.public_npz import open_npz
from feeders.skeleton_store import SkeletonStoreWriter, open_skeletons
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
    return tmp_path_factory.mktemp('files') / 'file'


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
def test_what_is_not_an_array_of_numbers_is_refused(path, content):
    path.write_bytes(content)
    for mapping in (False, True):
        with pytest.raises(InputError, match=r'is not a .npy array of numbers'):
            read_npy(path, mapping)


HUGE = '(10000000000, 2, 150)'


def with_shape(content, shape):
    """A .npy whose header claims another shape."""
    header = content.index(b'}') + 1
    text = content[10:header].decode().replace('(2, 3, 150)', shape)
    assert len(text) < 118
    return content[:10] + text.ljust(117).encode() + b'\n' + content[128:]


@pytest.mark.parametrize('shape', [HUGE, '(2, 3, 149)'])
def test_a_header_that_claims_other_than_what_follows_is_refused(path, shape):
    path.write_bytes(with_shape(NPY, shape))
    for mapping in (False, True):
        with pytest.raises(InputError, match=r'its header claims [\d,]+ bytes, but 3,600 follow'):
            read_npy(path, mapping)


@pytest.mark.parametrize('compression', [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
@pytest.mark.parametrize('key', ['x_test', 'y_test'])
def test_claims_of_a_npz_are_refused_before_memory_is_taken(path, compression, key):
    with zipfile.ZipFile(path, 'w', compression) as archive:
        for name in ('x_test', 'y_test'):
            content = saved(np.save, NUMBERS)
            archive.writestr(f'{name}.npy', with_shape(content, HUGE) if name == key else content)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(InputError, match='its header claims 12,000,000,000,000 bytes, but 3,600 follow'):
        open_npz(path, 'test')
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100_000  # kB


def test_an_array_that_is_compressed_beyond_belief_is_refused(path):
    with zipfile.ZipFile(path, 'w', zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        with archive.open('x_test.npy', 'w', force_zip64=True) as member:
            header = {'descr': '<f4', 'fortran_order': False, 'shape': (9000, 300, 150)}
            np.lib.format.write_array_header_1_0(member, header)
            for _ in range(90):
                member.write(bytes(100 * 300 * 150 * 4))
    with pytest.raises(InputError, match="'x_test' claims 1,620,000,128 bytes, but 7,"):
        open_npz(path, 'test')


def test_numbers_are_read_whole_or_mapped(path):
    path.write_bytes(NPY)
    for mapping in (False, True):
        array = read_npy(path, mapping)
        assert isinstance(array, np.memmap) == mapping and np.array_equal(array, NUMBERS)


# --- mapped arrays


@pytest.fixture
def frames(tmp_path):
    """The frames of a store, 11 of (2, 4, 3)."""
    rng = np.random.default_rng(0)
    with SkeletonStoreWriter(tmp_path / 'clips.h5', 'ours', (2, 4, 3)) as store:
        for length in (3, 1, 5, 2):
            store.add(f'clip of {length}', 0, rng.normal(size=(length, 2, 4, 3)))
    return open_skeletons(tmp_path / 'clips.h5').frames


def test_a_mapped_array_gives_rows_like_numpy(frames):
    assert isinstance(frames, MappedArray)
    whole = frames[:]
    assert len(frames) == len(whole) == 11
    rows = np.array([[7, 0], [3, 3]])
    for key in (2, slice(1, 4), rows, rows[0]):
        np.testing.assert_array_equal(frames[key], whole[key])
    np.testing.assert_array_equal(frames.reshape(11, 24)[4], whole[4].ravel())
    frames[2][:] = 5  # a copy: the file stays
    np.testing.assert_array_equal(frames[:], whole)


def test_a_mapped_array_pickles_as_its_place_in_the_file(frames):
    text = pickle.dumps(frames)
    assert len(text) < 500
    np.testing.assert_array_equal(pickle.loads(text)[:], frames[:])


def test_a_mapped_array_releases_its_pages_and_goes_on(frames, monkeypatch):
    whole = frames[:]
    monkeypatch.setattr(mapped, 'RESIDENT_BYTES', 2 * whole[0].nbytes)
    touched = []
    for row in range(len(whole)):
        np.testing.assert_array_equal(frames[row], whole[row])
        touched.append(frames._touched)
    assert max(touched) <= 2 * whole[0].nbytes and 0 in touched
