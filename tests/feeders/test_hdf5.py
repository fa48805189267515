"""HDF5 files of another format, version or form are refused in one line, before anything is read from them."""

import random

import h5py
import numpy as np
import pytest

from feeders.feature_store import open_features, write_features
from feeders.hdf5 import format_of, read_texts
from feeders.integrity import refuse
from feeders.skeleton_store import SkeletonStoreWriter, open_skeletons
from torchlight.errors import InputError


@pytest.fixture
def skeletons(tmp_path):
    with SkeletonStoreWriter(tmp_path / 'clips.h5', 'ours', (1, 4, 3)) as store:
        store.add('a', 0, np.ones((2, 1, 4, 3)))
    return tmp_path / 'clips.h5'


@pytest.fixture
def features(tmp_path):
    write_features(tmp_path / 'video.h5', ['a'], np.zeros((1, 2)))
    return tmp_path / 'video.h5'


def refusal(opener, path):
    with pytest.raises(InputError) as error:
        opener(path)
    text = str(error.value)
    assert text.startswith(str(path)) and '\n' not in text
    return text


@pytest.mark.parametrize('opener', [open_skeletons, open_features])
def test_what_is_not_a_store_is_refused(tmp_path, skeletons, opener):
    assert 'none.h5 does not exist' in refusal(opener, tmp_path / 'none.h5')
    (tmp_path / 'text.h5').write_text('hello')
    assert 'text.h5 is not an HDF5 file, or it is cut short' in refusal(opener, tmp_path / 'text.h5')
    (tmp_path / 'cut.h5').write_bytes(skeletons.read_bytes()[:-200])
    assert 'cut.h5 is not an HDF5 file, or it is cut short' in refusal(opener, tmp_path / 'cut.h5')


def test_another_format_or_version_is_refused(tmp_path, skeletons, features):
    text = "contains 'mmcl features' version 1; expected 'mmcl skeletons' version 1"
    assert text in refusal(open_skeletons, features)
    text = "contains 'mmcl skeletons' version 1; expected 'mmcl features' version 1"
    assert text in refusal(open_features, skeletons)
    with h5py.File(tmp_path / 'other.h5', 'w') as file:
        file['x'] = [1]
    assert "contains 'something else' version None" in refusal(open_skeletons, tmp_path / 'other.h5')
    with h5py.File(skeletons, 'r+') as file:
        file.attrs['version'] = 2
    assert 'version 2; expected' in refusal(open_skeletons, skeletons)


@pytest.mark.parametrize('key, value', [('feature', None), ('feature', np.zeros(2)), ('name', [1])])
def test_a_store_with_a_wrong_array_is_damaged(features, key, value):
    with h5py.File(features, 'r+') as file:
        del file[key]
        if value is not None:
            file[key] = value
    assert f"video.h5 is damaged: 'mmcl features' needs '{key}'" in refusal(open_features, features)


def test_the_format_of_a_file(tmp_path, skeletons, features):
    (tmp_path / 'text.h5').write_text('hello')
    files = skeletons, features, tmp_path / 'text.h5'
    assert [format_of(path) for path in files] == ['mmcl skeletons', 'mmcl features', None]


@pytest.mark.parametrize('kind', [h5py.string_dtype(), h5py.string_dtype(length=12)])
def test_texts_are_read_whole_whether_their_length_varies_or_not(tmp_path, kind):
    with h5py.File(tmp_path / 'x.h5', 'w') as file:
        file.create_dataset('name', data=[text.encode() for text in ('S001', 'größer', '')], dtype=kind)
        assert read_texts(file['name']) == list(file['name'].asstr()[:]) == ['S001', 'größer', '']


def read_skeletons(path):
    store = open_skeletons(path)
    refuse(path, store.faults(np.arange(len(store))))
    columns = store.name, store.label.tolist(), store.person.tolist(), store.split, store.dataset, store.layout
    return [*columns, *(store.clip(i).tobytes() for i in range(len(store)))]


def read_features(path):
    store = open_features(path)
    refuse(path, store.faults(np.arange(len(store.name)), store.name))
    return store.name, store.answer, store.feature[:].tobytes(), *(x.tobytes() for x in store.statistics), store.origin


@pytest.mark.parametrize('read', [read_skeletons, read_features])
def test_each_flipped_bit_is_reported(tmp_path, read):
    path, rng = tmp_path / 'x.h5', np.random.default_rng(0)
    if read is read_features:
        write_features(path, ['a', 'b', 'c'], rng.normal(size=(3, 4)), ['yes', 'no', ''], kind='text', encoder='e')
    else:
        with SkeletonStoreWriter(path, 'ours', (2, 4, 3)) as store:
            for i in range(12):
                store.add(f'clip {i}', i % 3, rng.normal(size=(3 + i, 1 + i % 2, 4, 3)), ('train', 'test')[i % 2])
    content, draw = path.read_bytes(), random.Random(0)
    assert read(path)
    for _ in range(200):
        damaged, bit = bytearray(content), draw.randrange(8 * len(content))
        damaged[bit // 8] ^= 1 << bit % 8
        path.write_bytes(damaged)
        refusal(read, path)


@pytest.mark.parametrize('key', ['sha256', 'crc32'])
def test_a_store_that_lost_one_of_its_checksums_is_damaged(skeletons, key):
    with h5py.File(skeletons, 'r+') as file:
        del (file.attrs if key == 'sha256' else file)[key]
    assert 'is damaged: what it says about its clips has changed' in refusal(open_skeletons, skeletons)
