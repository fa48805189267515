"""Crafted stores: what they keep elsewhere, claim or say wrongly is refused in one line."""

import resource

import h5py
import numpy as np
import pytest
import torch

from feeders.feature_store import open_features, open_for_branch, write_features
from feeders.feeder_MMCL import Feeder
from feeders.integrity import in_range
from feeders.loading import make_loader
from feeders.public_npz import open_npz
from feeders.skeleton_store import SkeletonStoreWriter, open_skeletons
from tests.helpers import without_checksums
from torchlight.errors import InputError

NAMES, LENGTH = [f'clip {i}' for i in range(6)], (3, 1, 5, 2, 4, 6)


@pytest.fixture
def skeletons(tmp_path):
    rng = np.random.default_rng(0)
    with SkeletonStoreWriter(tmp_path / 'x.h5', 'ours', (2, 25, 3)) as store:
        for i, name in enumerate(NAMES):
            frames = rng.normal(size=(LENGTH[i], 1 + i % 2, 25, 3))
            store.add(name, i % 3, frames, 'test' if i % 2 else 'train')
    return tmp_path / 'x.h5'


@pytest.fixture
def features(tmp_path):
    feature = np.random.default_rng(1).normal(size=(6, 4))
    write_features(tmp_path / 'text.h5', NAMES, feature, [f'answer {i}' for i in range(6)], kind='text', encoder='e')
    return tmp_path / 'text.h5'


def refusal(read, *arguments):
    """What an InputError of one line says."""
    with pytest.raises(InputError) as error:
        read(*arguments)
    assert '\n' not in str(error.value)
    return str(error.value)


def replace(path, key, value=None, **options):
    """Put another data set in the place of one of a store without checksums."""
    with h5py.File(without_checksums(path), 'r+') as file:
        if key in file:
            del file[key]
        if value is not None or options:
            file.create_dataset(key, data=value, **options)
    return path


# --- what is elsewhere


ELSEWHERE = {
    'external link': lambda file, key, secret: file.__setitem__(key, h5py.ExternalLink(secret, key)),
    'soft link': lambda file, key, secret: (
        file.__setitem__('away', h5py.ExternalLink(secret, '/')),
        file.__setitem__(key, h5py.SoftLink(f'/away/{key}')),
    ),
}


@pytest.mark.parametrize('how', ELSEWHERE)
@pytest.mark.parametrize('key', ['frames', 'offset', 'name', 'label', 'person', 'split', 'crc32'])
def test_links_are_refused(skeletons, tmp_path, how, key):
    (tmp_path / 'secret.h5').write_bytes(skeletons.read_bytes())
    with h5py.File(skeletons, 'r+') as file:
        del file[key]
        ELSEWHERE[how](file, key, str(tmp_path / 'secret.h5'))
    assert f'x.h5 is refused: {key!r} is a link to another place' in refusal(open_skeletons, skeletons)


@pytest.mark.parametrize('key', ['name', 'feature', 'mean', 'std', 'answer', 'crc32'])
def test_links_in_feature_stores_are_refused(features, key):
    with h5py.File(features, 'r+') as file:
        del file[key]
        file[key] = h5py.ExternalLink('secret.h5', key)
    assert f'text.h5 is refused: {key!r} is a link' in refusal(open_features, features)


def test_frames_in_other_files_are_refused(skeletons, tmp_path):
    (tmp_path / 'secret').write_bytes(bytes(21 * 600))
    replace(skeletons, 'frames', shape=(21, 2, 25, 3), dtype='f4', external=[(str(tmp_path / 'secret'), 0, 21 * 600)])
    assert "'frames' is stored in other files" in refusal(open_skeletons, skeletons)
    layout = h5py.VirtualLayout((21, 2, 25, 3), 'f4')
    layout[:] = h5py.VirtualSource(str(tmp_path / 'secret.h5'), 'frames', (21, 2, 25, 3))
    with h5py.File(skeletons, 'r+') as file:
        del file['frames']
        file.create_virtual_dataset('frames', layout)
    assert "'frames' is stored in other files" in refusal(open_skeletons, skeletons)


def test_a_filter_that_h5py_does_not_have_is_refused(skeletons):
    with h5py.File(without_checksums(skeletons), 'r+') as file:
        settings = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        settings.set_chunk((6,))
        settings.set_filter(32004, h5py.h5z.FLAG_OPTIONAL)
        label = file['label'][:]
        del file['label']
        space = h5py.h5s.create_simple((6,))
        h5py.h5d.create(file.id, b'label', h5py.h5t.NATIVE_INT64, space, settings).write(
            h5py.h5s.ALL, h5py.h5s.ALL, label
        )
    assert "'label' needs the HDF5 filter 32004" in refusal(open_skeletons, skeletons)


@pytest.mark.parametrize(
    'options', [{'compression': 'gzip'}, {'compression': 'lzf', 'shuffle': True, 'fletcher32': True}]
)
def test_compressed_stores_are_read(skeletons, options):
    frames = open_skeletons(skeletons).frames[:]
    replace(skeletons, 'frames', frames, **options)
    np.testing.assert_array_equal(open_skeletons(skeletons).frames, frames)


# --- what is claimed


@pytest.mark.parametrize(
    'options', [{'chunks': (1000, 2, 25, 3)}, {'chunks': (1000, 2, 25, 3), 'compression': 'gzip'}, {}]
)
def test_claims_of_stores_are_refused_before_memory_is_taken(skeletons, options):
    replace(skeletons, 'frames', shape=(10**12, 2, 25, 3), dtype='f4', **options)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    text = refusal(open_skeletons, skeletons)
    assert "x.h5 is damaged: 'frames' claims 600,000,000,000,000 bytes, but 0 are stored" in text
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100_000  # kB


def test_claims_of_texts_are_refused(skeletons):
    with h5py.File(without_checksums(skeletons), 'r+') as file:
        del file['name']
        file.create_dataset('name', (10**9,), h5py.string_dtype(), chunks=(1000,), compression='gzip')
    assert "'name' claims 8,000,000,000 bytes" in refusal(open_skeletons, skeletons)


# --- what is said of clips


@pytest.mark.parametrize(
    'key, value, text',
    [
        ('label', [0, 1, -2, 0, 1, 2], r'1 clip has a label outside -1 to 65535: clip 2 (-2)'),
        ('label', [0, 1, 2, 0, 10**12, 2], 'clip 4 (1000000000000)'),
        (
            'label',
            np.array([0, 1, 2, 0, 2**64 - 1, 2], np.uint64),
            'labels or numbers of persons beyond 9223372036854775807',
        ),
        ('person', [1, 2, 1, 2, 9, -1], '2 clips have a number of persons outside 0 to 2: clip 4 (9), clip 5 (-1)'),
        ('name', ['a', 'b', 'a', 'c', 'd', 'e'], '1 name occurs more than once: a'),
        *(
            (
                'name',
                ['a', name, *'cdef'],
                f'1 name is empty, . or .., or contains /, \\ or a control character: {name!r}',
            )
            for name in ('', '.', '..', '../x', 'a\\b', '/etc/x', 'a\nb')
        ),
        ('name', ['a', 'b'], 'do not fit'),
        ('offset', np.array([], np.int64), 'do not fit'),
        ('offset', [0, 2**63 - 1, -(2**63) + 5, 9, 12, 15, 21], 'do not fit'),
        ('frames', np.zeros((21, 2, 0, 3), 'f4'), 'do not fit'),
        ('frames', np.zeros((21, 2, 25, 3), np.longdouble), "needs 'frames', an array"),
        ('name', np.array([b'\xff'] * 6, 'S'), 'is damaged'),
    ],
)
def test_wrong_columns_are_refused(skeletons, key, value, text):
    assert text in refusal(open_skeletons, replace(skeletons, key, value))


def test_a_writer_refuses_what_could_not_be_opened(tmp_path):
    for name, label, text in (
        ('../x', 0, "or a control character: '../x'"),
        ('a', 10**30, 'a label outside'),
        ('b', 0, 'once: b'),
    ):
        store = SkeletonStoreWriter(tmp_path / 'x.h5', 'ours', (1, 4, 3))
        store.__enter__()
        store.add('b', 0, np.ones((1, 1, 4, 3)))
        store.add(name, label, np.ones((1, 1, 4, 3)))
        assert text in refusal(store.__exit__, None, None, None) and not list(tmp_path.iterdir())
    for feature, text in ((np.nan, '1 feature contains NaN or Inf'), (3e38, 'beyond ±1,000,000: b')):
        assert text in refusal(write_features, tmp_path / 'x.h5', ['a', 'b'], [[1, 2], [feature, 0]])
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    'key, value, text',
    [
        ('name', ['a', 'b', 'c', 'd', 'e', 'a'], '1 name occurs more than once: a'),
        ('name', ['a'], 'its names, answers or checksums do not fit its (6, 4) features'),
        ('answer', ['a'], 'do not fit its (6, 4) features'),
        ('feature', np.zeros((6, 0), 'f4'), 'do not fit'),
        ('mean', np.zeros(3, 'f4'), 'its mean and std do not fit its 4 wide features'),
        ('std', np.zeros(5, 'f4'), 'do not fit its 4 wide'),
        ('std', -np.ones(4, 'f4'), 'do not fit its 4 wide'),
        ('mean', np.array([0, np.nan, 0, 0], 'f4'), 'its mean or std contains NaN or Inf, but its features do not'),
        ('std', np.array([0, np.inf, 0, 0], 'f4'), 'its mean or std contains NaN'),
    ],
)
def test_wrong_features_are_refused(features, key, value, text):
    assert text in refusal(open_features, replace(features, key, value))


def test_a_branch_without_features_is_refused(tmp_path):
    write_features(tmp_path / 'none.h5', [], np.zeros((0, 4)))
    assert 'none.h5 has no features; leave out text_path' in refusal(open_for_branch, tmp_path / 'none.h5', 'text')


# --- numbers and checksums on first use


@pytest.mark.parametrize('value', [np.nan, np.inf, -np.inf, 3e38, -1.1e6])
@pytest.mark.parametrize('preload', ['none', 'memory'])
def test_numbers_that_no_clip_has_are_refused_when_the_clip_is_used(skeletons, value, preload):
    with h5py.File(without_checksums(skeletons), 'r+') as file:
        file['frames'][4, 1, 3, 2] = value  # of clip 2, in a slot that is empty
    feeder, text = Feeder(skeletons, 'all'), '1 clip contains NaN or Inf, or numbers beyond ±1,000,000: clip 2'
    assert len(feeder.__getitems__([0, 1, 3]).label) == 3
    assert f'x.h5 cannot be used: {text}' in refusal(feeder.__getitems__, [2, 0])
    if preload == 'memory':
        assert text in refusal(feeder.place, 'worker', 'memory', torch.device('cpu'))


@pytest.mark.filterwarnings('ignore:This DataLoader will create')
@pytest.mark.parametrize('workers', [0, 2])
def test_the_error_of_a_worker_is_one_line(skeletons, workers):
    with h5py.File(skeletons, 'r+') as file:
        file['frames'][4, 0, 3, 2] += 1
    loader = make_loader(Feeder(skeletons, 'all'), 2, False, workers, False)
    assert refusal(list, loader).endswith('x.h5 cannot be used: 1 clip has changed since it was written: clip 2')


def test_a_clip_is_checked_once_in_all_processes(skeletons, monkeypatch):
    feeder = Feeder(skeletons, 'all')
    list(make_loader(feeder, 2, False, 1, False))
    monkeypatch.setattr(feeder.store, 'faults', lambda rows: pytest.fail('checked again'))
    feeder.__getitems__(range(6))


def test_a_feature_is_checked_only_when_its_clip_is_used(skeletons, features):
    with h5py.File(without_checksums(features), 'r+') as file:
        file['feature'][3], file['mean'][:], file['std'][:] = np.nan, np.nan, np.nan
        others = file['feature'][:][[0, 1, 2, 4, 5]]
    train = Feeder(skeletons, 'train', text_path=features)
    np.testing.assert_allclose(train.feature_statistics['text'][0], others.mean(0), rtol=1e-6)
    np.testing.assert_allclose(train.feature_statistics['text'][1], others.std(0), rtol=1e-6)
    assert train.__getitems__([0, 1, 2]).text.isfinite().all()
    test = Feeder(skeletons, 'test', text_path=features)
    assert 'text.h5 cannot be used: 1 feature contains NaN' in refusal(test.__getitems__, [0, 1])


def test_features_of_another_type_become_float32(skeletons, features):
    for kind in ('<f8', '>f4', '<f2'):
        replace_type = open_features(features).feature[:].astype(kind)
        with h5py.File(features, 'r+') as file:
            for key in {'crc32', 'feature'} & set(file):
                del file[key]
            file.attrs.pop('sha256', None)
            file['feature'] = replace_type
        assert Feeder(skeletons, 'all', text_path=features).__getitems__([0, 5]).text.dtype == torch.float32


def test_the_range_is_that_of_every_number():
    for kind in ('<f2', '<f4', '>f4', '<f8', '>f8'):
        x = np.ones((3, 5), kind)
        assert in_range(x) and in_range(x[:0])
        for value in (np.nan, np.inf, -np.inf, *(() if kind == '<f2' else (1.1e6, -1.1e6))):
            x[1, 2] = value
            assert not in_range(x)
    assert in_range(np.full(10**5, 9e5, np.float32))


# --- public arrays


def test_public_arrays_with_repeated_names_or_other_labels_are_refused(tmp_path):
    x, y, path = np.ones((3, 2, 150), np.float32), np.eye(3), tmp_path / 'x.npz'
    np.savez(path, x_test=x, y_test=y)
    assert '1 name occurs more than once: a' in refusal(open_npz, path, 'test', ['a', 'b', 'a'])
    for labels, text in (
        (y * [1, 1, 0], '1 clip has a label that is not one-hot: test_2'),
        (y * [1, np.nan, 1], 'test_1'),
        (np.array([0, 2**63, 1], np.uint64), '1 clip has a label of no class: test_1 (9223372036854775808)'),
        (np.array([0, np.nan, 1.5]), '2 clips have a label of no class: test_1 (nan), test_2 (1.5)'),
        (np.array([-2, 0, 0]), 'test_0 (-2)'),
    ):
        np.savez(path, x_test=x, y_test=labels)
        assert text in refusal(open_npz, path, 'test')
