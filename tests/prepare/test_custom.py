"""The command `custom`: arrays of your own and their table."""

import json

import numpy as np
import pytest
import yaml

from feeders.label_table import read_names
from feeders.prepare.__main__ import main
from feeders.recordings.normalise import normalise
from feeders.recordings.pose_estimators import BODY_25
from feeders.skeleton_store import open_skeletons
from tests.helpers import refused

RNG = np.random.default_rng(0)
PIXELS = 400 + 99 * RNG.normal(size=(6, 17, 2))
SCORED = np.concatenate([PIXELS, RNG.uniform(0.1, 0.9, (6, 17, 1))], -1)
TWO = 'name,label,split\none,0,train\ntwo,0,test\n'


@pytest.fixture
def table(tmp_path):
    """Writes <name>.npy files and labels.csv, and gives the command."""

    def write(arrays, text):
        for name, array in arrays.items():
            np.save(tmp_path / f'{name}.npy', array)
        (tmp_path / 'labels.csv').write_text(text)
        return ['custom', '--raw', str(tmp_path), '--labels', f'{tmp_path}/labels.csv', '--out', f'{tmp_path}/x.h5']

    return write


@pytest.mark.parametrize('coordinates', [2, 3])
def test_arrays_of_one_or_more_persons_become_a_store(table, tmp_path, coordinates):
    one, two = RNG.normal(size=(6, 17, coordinates)), RNG.normal(size=(4, 2, 17, coordinates))
    assert main(table({'one': one, 'two': two}, 'name,label,split\ntwo,3,test\none,0,train\n')) == 0
    store = open_skeletons(tmp_path / 'x.h5')
    assert store.name == ['two', 'one'] and store.label.tolist() == [3, 0] and store.split == ['test', 'train']
    assert store.layout == (2, 17, coordinates) and store.person.tolist() == [2, 1]
    assert np.array_equal(store.clip(0), two.astype(np.float32))
    assert np.array_equal(store.clip(1)[:, 0], one.astype(np.float32)) and not store.clip(1)[:, 1].any()
    assert main(['names', '--store', str(tmp_path / 'x.h5'), '--split', 'test', '--out', str(tmp_path / 'n.txt')]) == 0
    assert read_names(tmp_path / 'n.txt') == ['two']


def test_rows_and_files_that_do_not_fit_are_left_out(table, tmp_path, capsys):
    good = RNG.normal(size=(6, 17, 3))
    arrays = {
        'good': good,
        'joints': good[:, :16],
        'nan': good * np.nan,
        'flat': good[0],
        'empty': good[:0],
        'crowd': good[:, None][:, :0],
        'text': np.array(['a']),
        'unnamed': good,
    }
    rows = 'good,1\ngood,2\njoints,1\nnan,1\nflat,1\nempty,1\ncrowd,1\ntext,1\nabsent,1\nbad,-1\nbad,1.0\nshort\n'
    assert main(table(arrays, 'name,label\n' + rows)) == 1
    assert open_skeletons(tmp_path / 'x.h5').name == ['good']
    report = (tmp_path / 'x.h5.report.txt').read_text()
    for reason in (
        'has the same name as good 1',
        'joints 1: has frames of shape (6, 16, 3)',
        'nan 1: contains NaN or Inf',
        'flat 1: has frames of shape (17, 3)',
        'empty 1: has no frames',
        'crowd 1: nobody is in it',
        'text.npy is not a .npy array of numbers',
        'absent.npy does not exist',
        'line 11',
        'line 12',
        'line 13',
        'unnamed.npy: is not in',
    ):
        assert reason in report, reason


@pytest.mark.parametrize(
    'rows, reason',
    [
        ('name,label\none,0\ntwo,0\n', 'does not say which clips train and which test; to train or test with this'),
        ('name,label,split\none,0,train\ntwo,0,train\n', 'has no test clips; training needs clips of both splits'),
        ('name,label,split\none,0,test\ntwo,0,test\n', 'has no train clips; training needs clips of both splits'),
        ('name,label,split\none,0,train\nbad,0,test\n', 'has no test clips; training needs clips of both splits'),
    ],
)
def test_without_both_splits_there_is_a_warning_and_no_config(table, tmp_path, capsys, rows, reason):
    one = RNG.normal(size=(6, 17, 3))
    main([*table({'one': one, 'two': one, 'bad': one * np.nan}, rows), '--allow-missing'])
    assert open_skeletons(tmp_path / 'x.h5') and not (tmp_path / 'x.yaml').exists()
    warnings = [line for line in capsys.readouterr().err.splitlines() if line.startswith('warning')]
    assert len(warnings) == 1
    assert warnings[0].startswith(f'warning: no config is written, as {tmp_path}/x.h5 {reason}')


def test_names_in_the_table_may_have_the_endings_of_files(table, tmp_path):
    arrays = {'k0': RNG.normal(size=(6, 17, 3)), 'k.1': RNG.normal(size=(6, 17, 3))}
    assert main(table(arrays, 'name,label,split\nk0.npy,0,train\nk.1.npy,1,test\n')) == 0
    assert open_skeletons(tmp_path / 'x.h5').name == ['k0', 'k.1']


def test_a_file_without_an_ending_is_no_clip(table, tmp_path, capsys):
    (tmp_path / 'two').write_text('{}')
    assert main(table({'one': RNG.normal(size=(6, 25, 3))}, 'name,label\none,0\ntwo,0\n')) == 1
    assert 'two.npy does not exist' in capsys.readouterr().err and open_skeletons(tmp_path / 'x.h5').layout == (
        1,
        25,
        3,
    )


def test_coordinates_that_look_like_pixels_are_a_warning(table, tmp_path, capsys):
    assert main(table({'one': PIXELS, 'two': PIXELS}, TWO)) == 0
    assert capsys.readouterr().err.startswith(f'warning: half of the coordinates in {tmp_path}/x.h5 are beyond ±')


def test_a_label_that_is_no_class_is_blamed_with_its_line(table, tmp_path, capsys):
    argv = table({'one': RNG.normal(size=(6, 17, 3))}, 'name,label,split\none,-1,train\n')
    error = refused(capsys, main, argv)
    assert (
        'has no row that can be used; the first: ' in error
        and "labels.csv line 2: label '-1' is not a number from" in error
    )


def test_names_of_classes_are_labels(table, tmp_path, capsys):
    clips = {name: RNG.normal(size=(6, 17, 3)) for name in 'abc'}
    text = 'name,label,split\na,wave hand,train\nb,sit,test\nc,wave hand,test\n'
    assert main(table(clips, text)) == 0
    store = open_skeletons(tmp_path / 'x.h5')
    assert store.classes == ['sit', 'wave hand'] and store.label.tolist() == [1, 0, 1]
    assert main(['inspect', str(tmp_path / 'x.h5')]) == 0
    assert '2 classes (clips): 0 sit (1), 1 wave hand (2)' in capsys.readouterr().out
    (tmp_path / 'classes.txt').write_text('wave hand\r\nsit\nstand\n')
    assert main([*table(clips, text), '--classes', f'{tmp_path}/classes.txt']) == 0
    store = open_skeletons(tmp_path / 'x.h5')
    assert store.classes == ['wave hand', 'sit', 'stand'] and store.label.tolist() == [0, 1, 0]
    numbers = text.replace('wave hand', '2').replace('sit', '0')
    assert main([*table(clips, numbers), '--classes', f'{tmp_path}/classes.txt']) == 0
    assert open_skeletons(tmp_path / 'x.h5').label.tolist() == [2, 0, 2]
    assert main([*table(clips, numbers.replace('2', '3')), '--classes', f'{tmp_path}/classes.txt']) == 1
    assert "label '3' is not a number from 0 to 2" in capsys.readouterr().err
    mixed = table(clips, text.replace('sit', '7'))
    assert "both numbers and names as labels ('wave hand' in line 2 and '7' in line 3)" in refused(capsys, main, mixed)


def test_clips_are_normalised_if_asked(table, tmp_path, capsys):
    argv = table({'one': PIXELS, 'two': 0 * PIXELS}, 'name,label,split\none,0,train\ntwo,0,test\n')
    assert main([*argv, '--normalise']) == 1
    assert 'two 0 test: cannot be centred, as it has no joints' in capsys.readouterr().err
    store = open_skeletons(tmp_path / 'x.h5')
    assert store.normalised and not store.confidence
    np.testing.assert_array_equal(store.clip(0), normalise(PIXELS[:, None].astype('f4'), False))
    assert main(['inspect', f'{tmp_path}/x.h5']) == 0
    assert '17 joints × 2 coordinates; centred and scaled, each clip by itself' in capsys.readouterr().out


def test_a_confidence_is_asked_for_where_there_seems_to_be_one(table, tmp_path, capsys):
    argv = table({'one': SCORED, 'two': SCORED}, TWO)
    assert main([*argv, '--normalise']) == 0
    assert 'one.npy looks like pixels with a confidence; if so, give --confidence' in capsys.readouterr().err
    assert main([*argv, '--normalise', '--confidence']) == 0
    store = open_skeletons(tmp_path / 'x.h5')
    assert store.confidence and not capsys.readouterr().err
    np.testing.assert_array_equal(store.clip(0)[:, 0, :, 2], SCORED[..., 2].astype('f4'))
    argv = table({'one': PIXELS, 'two': PIXELS}, TWO)
    assert '--confidence needs arrays of three coordinates' in refused(capsys, main, [*argv, '--confidence'])


def write_poses(folder):
    """One clip as the JSON of AlphaPose, of two persons, and as the frames of OpenPose, of one."""
    both = [
        {'image_id': f'{t}.jpg', 'keypoints': (pose * [1, 1, share]).ravel().tolist()}
        for t, pose in enumerate(SCORED)
        for share in (0.5, 1)
    ]
    (folder / 'alpha.json').write_text(json.dumps(both))
    (folder / 'open.pose').mkdir()
    for t, pose in enumerate(SCORED):
        numbers = np.zeros((25, 3))
        numbers[list(BODY_25)] = pose
        frame = {'people': [{'pose_keypoints_2d': numbers.ravel().tolist()}]}
        (folder / 'open.pose' / f'x_{t:012}_keypoints.json').write_text(json.dumps(frame))


def test_the_json_of_pose_estimators_becomes_a_store(table, tmp_path, capsys):
    write_poses(tmp_path)
    text = 'name,label,split\nalpha,wave,train\nopen.pose,sit,test\n'
    assert main([*table({}, text), '--normalise']) == 0
    store = open_skeletons(tmp_path / 'x.h5')
    assert store.name == ['alpha', 'open.pose'] and store.layout == (1, 17, 3) and store.confidence
    for i in range(2):
        np.testing.assert_array_equal(store.clip(i), normalise(SCORED[:, None].astype('f4'), True))
    assert main([*table({}, text), '--num-person', '2']) == 0
    store = open_skeletons(tmp_path / 'x.h5')
    assert store.person.tolist() == [2, 1] and store.clip(0)[0, :, 0, 2].tolist() == [
        np.float32(SCORED[0, 0, 2]),
        np.float32(0.5 * SCORED[0, 0, 2]),
    ]
    (tmp_path / 'damaged.json').write_text('{"people": 1}')
    assert main(table({}, f'{text}damaged,sit,test\n')) == 1
    assert 'damaged 0 test: has poses of an unknown form' in capsys.readouterr().err
    argv = table({'one': SCORED}, f'{text}one,sit,test\n')
    assert 'has confidences; give --confidence if the arrays' in refused(capsys, main, [*argv])
    assert main([*argv, '--confidence', '--allow-missing']) == 0
    assert open_skeletons(tmp_path / 'x.h5').name == ['alpha', 'open.pose', 'one']


def test_joints_of_no_known_graph_need_their_edges(table, tmp_path, capsys):
    argv = table({name: RNG.normal(size=(6, 3, 2)) for name in ('one', 'two')}, TWO)
    assert 'give their bones with --edges' in refused(capsys, main, argv) and not (tmp_path / 'x.h5').exists()
    assert main([*argv, '--edges', '[[1, 0], [2, 1]]']) == 0
    found = yaml.safe_load((tmp_path / 'x.yaml').read_text())
    for part in ('train_feeder_args', 'test_feeder_args', 'model_args'):
        assert found[part]['graph_args'] == {'num_point': 3, 'edges': [[1, 0], [2, 1]]}
    assert '--out is ' in refused(capsys, main, [*argv, '--out', f'{tmp_path}/x.yaml'])


@pytest.mark.parametrize('text', ['', 'a,b\n', 'x' * 200_000, 'name,label\n', 'name,label\nabsent,1\n'])
def test_a_table_without_clips_is_one_line_and_status_2(table, tmp_path, capsys, text):
    refused(capsys, main, table({}, text))
    assert not (tmp_path / 'x.h5').exists()


@pytest.mark.parametrize('name', ['../outside', '{}/outside'])
def test_a_name_cannot_lead_to_a_file_in_another_folder(table, tmp_path, capsys, name):
    inside, name = tmp_path / 'inside', name.format(tmp_path)
    inside.mkdir()
    np.save(inside / 'good.npy', RNG.normal(size=(4, 17, 3)))
    argv = table({'outside': RNG.normal(size=(4, 17, 3))}, f'name,label\n{name},1\ngood,1\n')
    assert main([*argv, '--raw', str(inside)]) == 1
    assert open_skeletons(tmp_path / 'x.h5').name == ['good']
    assert f'labels.csv line 2: {name!r}: a name must not be empty' in capsys.readouterr().err


def test_of_several_folders_the_first_wins(table, tmp_path):
    first, second = tmp_path / 'z', tmp_path / 'a'
    first.mkdir(), second.mkdir()
    clip = RNG.normal(size=(4, 17, 3)).astype(np.float32)
    np.save(first / 'one.npy', clip), np.save(second / 'one.npy', 2 * clip), np.save(second / 'two.npy', 3 * clip)
    assert main([*table({}, 'name,label\none,0\ntwo,1\n'), '--raw', str(first), str(second)]) == 1
    store = open_skeletons(tmp_path / 'x.h5')
    assert store.name == ['one', 'two'] and np.array_equal(store.clip(0)[:, 0], clip)
    reason = f'{second / "one.npy"}: has the same name as {first / "one.npy"}, which is kept'
    assert (tmp_path / 'x.h5.report.txt').read_text() == f'2 clips stored, 1 left out\n{reason}\n'
