"""The command `inspect`: what it finds in stores."""

import h5py
import numpy as np
import pytest

from feeders.feature_store import write_features
from feeders.integrity import UNBOUND
from feeders.prepare.__main__ import main
from feeders.public_npz import write_public_npz
from feeders.skeleton_store import SkeletonStoreWriter
from tests.helpers import refused, without_checksums

NAMES = ['S001C001P001R001A001', 'S001C002P003R001A005', 'S002C003P003R001A050']


def write_store(path, change=None, dataset='ntu60', names=NAMES, layout=(2, 25, 3)):
    """A store of random clips; change(frames) may spoil the second."""
    rng = np.random.default_rng(0)
    with SkeletonStoreWriter(path, dataset, layout) as store:
        for index, name in enumerate(names):
            frames = rng.normal(size=(6, *layout))
            store.add(name, int(name[-3:]) - 1, change(frames) if change and index == 1 else frames)
    return str(path)


def test_a_sound_store_is_described(tmp_path, capsys):
    assert main(['inspect', write_store(tmp_path / 'x.h5')]) == 0
    text = capsys.readouterr().out
    for fact in (
        'sound',
        '3 clips of ntu60, 2 persons × 25 joints × 3',
        'lengths 6–6 frames',
        '4 drop (1)',
        'xsub: 1 train, 2 test (official: xsub 40091 train, 16487 test)',
        'xview: 2 train, 1 test',
    ):
        assert fact in text, fact


def spoilt_label(label):
    def spoil(path):
        with h5py.File(path, 'r+') as file:
            file['label'][1] = label

    return spoil


def spoilt_name(path):
    with h5py.File(path, 'r+') as file:
        file['name'][1] = NAMES[0]


@pytest.mark.parametrize(
    'change, message',
    [
        (lambda frames: frames * np.nan, f'1 clip contains {UNBOUND}: S001C002P003R001A005'),
        (lambda frames: np.where(frames > 1, np.inf, frames), 'contains NaN or Inf'),
        (lambda frames: frames * 1e7, f'contains {UNBOUND}: S001'),
        (lambda frames: frames * 0, 'is all zero: S001C002P003R001A005'),
        (lambda frames: frames[:0], 'has no frames'),
    ],
)
def test_wrong_frames_are_found(tmp_path, capsys, change, message):
    assert main(['inspect', write_store(tmp_path / 'x.h5', change)]) == 1
    assert message in capsys.readouterr().out


@pytest.mark.parametrize(
    'spoil, message',
    [
        (spoilt_label(60), 'label is out of range or differs from the name: S001C002P003R001A005 (label 60)'),
        (spoilt_label(7), 'S001C002P003R001A005 (label 7)'),
        (spoilt_name, 'name occurs more than once: S001C001P001R001A001'),
    ],
)
def test_wrong_labels_and_names_are_found(tmp_path, capsys, spoil, message):
    path = without_checksums(write_store(tmp_path / 'x.h5'))
    spoil(path)
    assert main(['inspect', path]) == 1
    assert message in capsys.readouterr().out


@pytest.mark.parametrize(
    'dataset, layout, name, label, wrong',
    [
        ('nw-ucla', (1, 20, 3), 'a12_s01_e00_v01', 9, False),
        ('nw-ucla', (1, 20, 3), 'a12_s01_e00_v01', 8, True),
        ('nw-ucla', (1, 20, 3), 'a07_s01_e00_v01', 6, True),  # an action that the data set does not have
        ('utd-mhad', (1, 20, 3), 'a27_s1_t1', 26, False),
        ('ntu60', (2, 25, 3), 'S001C001P001R001A061', 1, True),
        ('ntu60', (2, 25, 3), 'train_0', 59, False),  # a name that states no label
        ('ntu60', (2, 25, 3), 'train_0', -1, True),
        ('mine', (1, 5, 3), 'S001C001P001R001A001', 500, False),
    ],
)
def test_labels_are_compared_with_the_names_of_every_data_set(tmp_path, capsys, dataset, layout, name, label, wrong):
    with SkeletonStoreWriter(tmp_path / 'x.h5', dataset, layout) as store:
        store.add(name, label, np.ones((2, *layout)))
    assert main(['inspect', str(tmp_path / 'x.h5')]) == int(wrong)
    assert (f'{name} (label {label})' in capsys.readouterr().out) == wrong


def test_clips_shared_by_training_and_test_are_found(tmp_path, capsys):
    rng = np.random.default_rng(0)
    with SkeletonStoreWriter(tmp_path / 'x.h5', 'nw-ucla', (1, 20, 3)) as store:
        frames = rng.normal(size=(6, 1, 20, 3))
        for view in (2, 3):
            store.add(f'a01_s01_e00_v0{view}', 0, frames)
        store.add('a02_s01_e00_v01', 1, frames + 1)
    assert main(['inspect', str(tmp_path / 'x.h5')]) == 0
    assert '1 test clip is byte-identical to a training clip: a01_s01_e00_v03' in capsys.readouterr().out


def test_the_95_twins_of_nw_ucla_are_found(shared, tmp_path, capsys):
    main(['ucla', '--raw', str(shared / 'data' / 'NW-UCLA'), '--out', str(tmp_path / 'x.h5'), '--num-worker', '0'])
    assert main(['inspect', str(tmp_path / 'x.h5')]) == 0
    text = capsys.readouterr().out
    assert '1020 train, 464 test (official: xview 1020 train, 464 test); 95 test clips are byte-identical' in text


def test_a_public_npz_is_described(tmp_path, capsys):
    write_public_npz(write_store(tmp_path / 'x.h5'), tmp_path)
    assert main(['inspect', str(tmp_path / 'NTU60_CS.npz')]) == 0
    assert 'its own splits: 1 train, 2 test (official: xsub 40091' in capsys.readouterr().out


def test_what_does_not_join_is_named(tmp_path, capsys):
    store = write_store(tmp_path / 'x.h5')
    write_features(tmp_path / 'v.h5', [NAMES[2], 'stranger', NAMES[0]], np.eye(3), kind='video', encoder='none')
    assert main(['inspect', store, str(tmp_path / 'v.h5')]) == 1
    text = capsys.readouterr().out
    for fact in (
        '3 features of width 3; ',
        'encoder: none',
        'features for 2 of 3 clips',
        f'WRONG: 1 clip has no feature: {NAMES[1]}',
        '1 feature has no clip: stranger',
    ):
        assert fact in text, fact


def test_wrong_features_are_found(tmp_path, capsys):
    write_features(tmp_path / 'v.h5', ['a', 'b', 'c'], [[1, 1], [0, 0], [1, 1]], kind='text')
    with h5py.File(without_checksums(tmp_path / 'v.h5'), 'r+') as file:
        file['name'][2], file['feature'][0] = 'b', [1, np.nan]
    assert main(['inspect', str(tmp_path / 'v.h5')]) == 1
    text = capsys.readouterr().out
    assert f'contains {UNBOUND}: a' in text and 'all zero: b' in text and 'more than once: b' in text


def test_wrong_files_and_clips_are_one_line_and_status_2(tmp_path, capsys):
    store = write_store(tmp_path / 'x.h5')
    (tmp_path / 'junk.h5').write_text('junk')
    np.savez(tmp_path / 'junk.npz', a=1)
    for arguments in (
        ['nowhere.h5'],
        [str(tmp_path / 'junk.h5')],
        [str(tmp_path / 'junk.npz')],
        [store, '--figure', str(tmp_path / 'x.pdf')],
        [store, '--figure', str(tmp_path / 'x.png'), '--clip', 'foo'],
    ):
        refused(capsys, main, ['inspect', *arguments])


def test_all_clips_and_features_are_compared_with_their_checksums(tmp_path, capsys):
    store, features = write_store(tmp_path / 'x.h5'), str(tmp_path / 'v.h5')
    write_features(features, NAMES, np.eye(3), kind='video')
    assert main(['inspect', '--verify', store, features]) == 0
    text = capsys.readouterr().out
    assert 'x.h5: sound\n  3 clips, with a checksum each' in text and '3 features, with a checksum each' in text
    with h5py.File(store, 'r+') as file, h5py.File(features, 'r+') as other:
        file['frames'][7, 1, 3, 2] += 1
        other['feature'][2, 1] = 5
    assert main(['inspect', '--verify', store, features]) == 1
    text = capsys.readouterr().out
    assert f'WRONG: 1 clip has changed since it was written: {NAMES[1]}' in text
    assert f'WRONG: 1 feature has changed since it was written: {NAMES[2]}' in text
    assert main(['inspect', store, features]) == 1 and 'changed since it was written' in capsys.readouterr().out
    assert main(['inspect', '--verify', without_checksums(store)]) == 0
    assert '3 clips, with no checksums' in capsys.readouterr().out


@pytest.mark.parametrize('name', ['x.npz', 'x.pt'])
@pytest.mark.parametrize('save', [np.savez, np.savez_compressed])
def test_the_members_of_zip_files_are_compared_with_their_checksums(tmp_path, capsys, name, save):
    path = tmp_path / name
    with open(path, 'wb') as file:
        save(file, a=np.arange(9), b=np.random.default_rng(0).normal(size=999))
    assert main(['inspect', '--verify', str(path)]) == 0 and '2 members' in capsys.readouterr().out
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    assert main(['inspect', '--verify', str(path)]) == 1
    assert 'WRONG: b.npy and perhaps others' in capsys.readouterr().out


def damaged(key, value=None):
    """Takes `key` out of a store, or puts `value` in its place."""

    def damage(path):
        with h5py.File(path, 'r+') as file:
            del file[key]
            if value is not None:
                file[key] = value

    return damage


@pytest.mark.parametrize(
    'damage, message',
    [
        *((damaged(key), f"needs '{key}'") for key in ('frames', 'offset', 'name', 'label', 'person')),
        (damaged('frames', np.zeros((18, 150))), "'frames', an array of 4 dimensions"),
        (damaged('label', ['a', 'b', 'c']), "'label'"),
        (damaged('name', [1, 2, 3]), "'name'"),
        (damaged('offset', [0, 6, 12, 19]), 'do not fit its 18 frames'),
        (damaged('offset', [0, 6, 18]), 'do not fit'),
        (damaged('offset', [0, 12, 6, 18]), 'do not fit'),
        (damaged('label', [0, 4]), 'do not fit'),
    ],
)
def test_a_damaged_skeleton_store_is_one_line_and_status_2(tmp_path, capsys, damage, message):
    path = write_store(tmp_path / 'x.h5')
    damage(path)
    error = refused(capsys, main, ['inspect', path])
    assert error.startswith(f'error: {path} is damaged') and message in error


@pytest.mark.parametrize('key', ['name', 'feature'])
def test_a_damaged_feature_store_is_one_line_and_status_2(tmp_path, capsys, key):
    path = str(tmp_path / 'v.h5')
    write_features(path, NAMES, np.eye(3), kind='video')
    damaged(key)(path)
    error = refused(capsys, main, ['inspect', path])
    assert error.startswith(f'error: {path} is damaged') and f"'{key}'" in error
