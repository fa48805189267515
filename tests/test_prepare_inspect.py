"""The command `inspect`: what it finds, and the strip of poses."""

from pathlib import Path

import h5py
import matplotlib.image
import numpy as np
import pytest

from feeders.prepare import figure
from feeders.prepare.__main__ import main
from feeders.prepare.class_names import CLASS_NAMES
from feeders.prepare.public_npz import write_public_npz
from feeders.stores import SkeletonStoreWriter, write_features

SHARED = Path(__file__).resolve().parents[2] / 'shared'
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
        (lambda frames: frames * np.nan, '1 clips hold NaN or Inf: S001C002P003R001A005'),
        (lambda frames: np.where(frames > 1, np.inf, frames), 'hold NaN or Inf'),
        (lambda frames: frames * 0, 'are all zero: S001C002P003R001A005'),
        (lambda frames: frames[:0], 'have no frame'),
    ],
)
def test_wrong_frames_are_found(tmp_path, capsys, change, message):
    assert main(['inspect', write_store(tmp_path / 'x.h5', change)]) == 1
    assert message in capsys.readouterr().out


@pytest.mark.parametrize(
    'spoil, message',
    [
        (spoilt_label(60), 'labels are out of range or not of their name: S001C002P003R001A005 (label 60)'),
        (spoilt_label(7), 'S001C002P003R001A005 (label 7)'),
        (spoilt_name, 'names occur more than once: S001C001P001R001A001'),
    ],
)
def test_wrong_labels_and_names_are_found(tmp_path, capsys, spoil, message):
    path = write_store(tmp_path / 'x.h5')
    spoil(path)
    assert main(['inspect', path]) == 1
    assert message in capsys.readouterr().out


def test_clips_shared_by_training_and_test_are_found(tmp_path, capsys):
    rng = np.random.default_rng(0)
    with SkeletonStoreWriter(tmp_path / 'x.h5', 'nw-ucla', (1, 20, 3)) as store:
        frames = rng.normal(size=(6, 1, 20, 3))
        for view in (2, 3):
            store.add(f'a01_s01_e00_v0{view}', 0, frames)
        store.add('a02_s01_e00_v01', 1, frames + 1)
    assert main(['inspect', str(tmp_path / 'x.h5')]) == 0
    assert '1 test clips are byte-identical to training clips: a01_s01_e00_v03' in capsys.readouterr().out


@pytest.mark.skipif(not SHARED.is_dir(), reason='needs ../shared, the real NW-UCLA clips')
def test_the_95_twins_of_nw_ucla_are_found(tmp_path, capsys):
    main(['ucla', '--raw', str(SHARED / 'data' / 'NW-UCLA'), '--out', str(tmp_path / 'x.h5'), '--num-worker', '0'])
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
        '2 of 3 clips have a feature',
        f'WRONG: 1 clips have no feature: {NAMES[1]}',
        '1 features have no clip: stranger',
    ):
        assert fact in text, fact


def test_wrong_features_are_found(tmp_path, capsys):
    write_features(tmp_path / 'v.h5', ['a', 'b', 'b'], [[1, np.nan], [0, 0], [1, 1]], kind='text')
    assert main(['inspect', str(tmp_path / 'v.h5')]) == 1
    text = capsys.readouterr().out
    assert 'hold NaN or Inf: a' in text and 'all zero: b' in text and 'more than once: b' in text


@pytest.mark.parametrize('joints', [20, 25, 17])
def test_the_figure_shows_bones_in_the_colour_of_their_side(tmp_path, joints):
    path = write_store(tmp_path / 'x.h5', layout=(1, joints, 3))
    assert main(['inspect', path, '--figure', str(tmp_path / 'x.png'), '--clip', NAMES[1]]) == 0
    red, green, blue, _ = np.moveaxis(matplotlib.image.imread(tmp_path / 'x.png'), -1, 0)
    coloured = (blue - red > 0.4).any(), (red - blue > 0.4).any()
    assert coloured == ((False, False) if joints == 17 else (True, True))


def test_sides_agree_with_the_mirror_image_of_the_skeleton():
    for bones in figure.SKELETONS.values():
        sides = [(figure.side(child), figure.side(parent)) for child, parent in bones]
        assert sides.count(('left', 'left')) == sides.count(('right', 'right')) > 0
        assert ('left', 'right') not in sides and ('right', 'left') not in sides


def test_wrong_files_and_clips_are_one_line_and_status_2(tmp_path, capsys):
    store = write_store(tmp_path / 'x.h5')
    (tmp_path / 'junk.h5').write_text('junk')
    np.savez(tmp_path / 'junk.npz', a=1)
    for arguments in (
        ['nowhere.h5'],
        [str(tmp_path / 'junk.h5')],
        [str(tmp_path / 'junk.npz')],
        [store, '--figure', str(tmp_path / 'x.png'), '--clip', 'foo'],
    ):
        assert main(['inspect', *arguments]) == 2
        assert (error := capsys.readouterr().err).startswith('error: ') and error.count('\n') == 1


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
        *((damaged(key), f"it should have '{key}'") for key in ('frames', 'offset', 'name', 'label', 'person')),
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
    assert main(['inspect', path]) == 2
    error = capsys.readouterr().err
    assert error.startswith(f'error: {path} is damaged') and message in error and error.count('\n') == 1


@pytest.mark.parametrize('key', ['name', 'feature'])
def test_a_damaged_feature_store_is_one_line_and_status_2(tmp_path, capsys, key):
    path = str(tmp_path / 'v.h5')
    write_features(path, NAMES, np.eye(3), kind='video')
    damaged(key)(path)
    assert main(['inspect', path]) == 2
    error = capsys.readouterr().err
    assert error.startswith(f'error: {path} is damaged') and f"'{key}'" in error and error.count('\n') == 1


def test_every_data_set_names_all_its_classes():
    assert {name: len(set(names)) for name, names in CLASS_NAMES.items()} == {
        'ntu60': 60,
        'ntu120': 120,
        'nw-ucla': 10,
        'utd-mhad': 27,
        'sysu': 12,
    }
