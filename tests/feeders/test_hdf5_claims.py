"""What HDF5 files claim is found before memory is taken for it, and honest files are read."""

import zlib
from types import SimpleNamespace

import h5py
import numpy as np
import pytest

from feeders import hdf5_claims
from feeders.hdf5_claims import read_attributes, require_bounded_chunks, texts_at_a_time
from torchlight.errors import InputError


@pytest.fixture
def file(tmp_path):
    with h5py.File(tmp_path / 'x.h5', 'w') as file:
        yield file


@pytest.mark.parametrize(
    'filters', [{}, {'shuffle': True}, {'fletcher32': True}, {'shuffle': True, 'fletcher32': True}]
)
def test_chunks_that_inflate_to_their_size_are_accepted(file, filters, monkeypatch):
    monkeypatch.setattr(hdf5_claims, 'SMALL', 0)  # so that each is inflated
    file.create_dataset('x', data=np.arange(1000.0), chunks=(300,), compression='gzip', **filters)
    require_bounded_chunks(file['x'], 'x.h5', 'x')
    np.testing.assert_array_equal(file['x'][:], np.arange(1000.0))


def test_a_chunk_that_inflates_to_more_is_refused(file, monkeypatch):
    monkeypatch.setattr(hdf5_claims, 'SMALL', 0)
    file.create_dataset('x', (100,), 'f8', chunks=(50,), compression='gzip')
    file['x'].id.write_direct_chunk((0,), zlib.compress(bytes(400)))
    require_bounded_chunks(file['x'], 'x.h5', 'x')
    file['x'].id.write_direct_chunk((50,), zlib.compress(bytes(401)))
    with pytest.raises(InputError, match="a chunk of 'x' inflates to more than its 400 bytes"):
        require_bounded_chunks(file['x'], 'x.h5', 'x')


def test_a_chunk_that_is_inflated_twice_is_refused(file, monkeypatch):
    monkeypatch.setattr(hdf5_claims, 'SMALL', 0)
    settings = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    settings.set_chunk((50,))
    settings.set_deflate(9), settings.set_deflate(9)
    data = h5py.Dataset(h5py.h5d.create(file.id, b'x', h5py.h5t.NATIVE_INT64, h5py.h5s.create_simple((50,)), settings))
    data[:] = 1
    with pytest.raises(InputError, match="'x' has large chunks with other filters than gzip"):
        require_bounded_chunks(data, 'x.h5', 'x')


def test_texts_are_read_many_at_a_time_unless_each_may_be_as_long_as_the_file(tmp_path, monkeypatch):
    texts = ['x' * 1000] * 300
    with h5py.File(tmp_path / 'x.h5', 'w') as file:
        file['varying'] = texts
        file['padded'] = np.array(texts, 'S')
        file.create_dataset('chunked', data=texts, dtype=h5py.string_dtype(), chunks=(100,))
    monkeypatch.setattr(hdf5_claims, 'SMALL', 1_500_000)
    with h5py.File(tmp_path / 'x.h5') as file:
        assert texts_at_a_time(file['varying']) == texts_at_a_time(file['padded']) == hdf5_claims.TEXTS
        assert texts_at_a_time(file['chunked']) == 1
        place = file['varying'].id.get_offset()  # of the length of the first text
    content = (tmp_path / 'x.h5').read_bytes()
    (tmp_path / 'x.h5').write_bytes(content[:place] + (10**7).to_bytes(4, 'little') + content[place + 4 :])
    with h5py.File(tmp_path / 'x.h5') as file, pytest.raises(ValueError, match='texts of /varying are longer than the'):
        texts_at_a_time(file['varying'])


def test_attributes_are_texts_and_numbers(file, monkeypatch):
    file.attrs.update(a='text', b=np.bytes_(b'text'), c=3, d=[1.5, 2], e=True)
    found = read_attributes(file)
    assert [found[key] for key in 'abce'] == ['text', b'text', 3, True] and found['d'].tolist() == [1.5, 2]
    monkeypatch.setattr(hdf5_claims, 'SMALL', 0)
    short = SimpleNamespace(attrs=file.attrs, id=SimpleNamespace(get_filesize=lambda: 20))
    with pytest.raises(ValueError, match='its attributes are longer than the file'):
        read_attributes(short)


@pytest.mark.parametrize('value', [['a', 'b'], np.zeros(2, [('a', 'f4')]), h5py.Empty('f4')])
def test_other_attributes_are_left_out(file, value):
    dtype = h5py.string_dtype() if isinstance(value, list) else None
    file.attrs.create('x', value, dtype=dtype)
    assert list(read_attributes(file)) == (['x'] if isinstance(value, h5py.Empty) else [])
