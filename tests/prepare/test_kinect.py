"""The commands `ucla`, `utd-mhad` and `sysu`."""

import json
from argparse import Namespace

import numpy as np
import pytest
import yaml
from scipy.io import loadmat, savemat

from feeders.datasets import DATASETS
from feeders.prepare import kinect
from feeders.prepare.__main__ import main
from feeders.recordings.clips import ClipError
from feeders.skeleton_store import open_skeletons
from feeders.splits import is_train
from tests.helpers import ROOT
from torchlight.imports import instantiate

RNG = np.random.default_rng(0)


def prepare(*words):
    return main([str(word) for word in words])


@pytest.fixture(scope='module')
def ucla(shared, tmp_path_factory):
    out = tmp_path_factory.mktemp('ucla') / 'x.h5'
    assert prepare('ucla', '--raw', shared / 'data' / 'NW-UCLA', '--out', out, '--num-worker', 0) == 0
    return open_skeletons(out)


@pytest.fixture(scope='module', params=[20, 25])
def utd(request, shared, tmp_path_factory):
    out, joints = tmp_path_factory.mktemp('utd') / 'x.h5', ['--joints', request.param]
    assert prepare('utd-mhad', '--raw', shared / 'data' / 'UTD-MHAD', '--out', out, '--num-worker', 0, *joints) == 0
    return open_skeletons(out)


def train_and_test(store, benchmark):
    train = sum(is_train(name, store.dataset, benchmark) for name in store.name)
    return train, len(store) - train


def test_all_ucla_clips_are_read(shared, ucla):
    assert len(ucla) == 1484 and ucla.layout == (1, 20, 3) and set(ucla.label) == set(range(10))
    assert train_and_test(ucla, 'xview') == DATASETS['nw-ucla'].protocols['xview'].counts
    assert (ucla.length == 1).sum() == 2 and ucla.length.max() == 201
    index = ucla.name.index('a12_s10_e04_v03')
    record = json.loads((shared / 'data' / 'NW-UCLA' / 'all_sqe' / 'a12_s10_e04_v03.json').read_text())
    assert np.array_equal(ucla.clip(index)[:, 0], np.array(record['skeletons'], np.float32))
    assert -2.5 < ucla.frames[:].min() and ucla.frames[:].max() < 5.1


def test_all_utd_clips_are_read(shared, utd):
    assert len(utd) == 861 and (utd.length.min(), utd.length.max()) == (41, 125)
    assert train_and_test(utd, 'xsub') == DATASETS['utd-mhad'].protocols['xsub'].counts and set(utd.label) == set(
        range(27)
    )
    frames = utd.frames[:][:, 0]
    head, feet = frames[:, 3, 1], frames[:, [15, 19], 1].mean(1)
    assert (head - feet > 0.5).mean() > 0.99  # the order of joints: heads are above feet
    assert (frames[:, 4, 0] < frames[:, 8, 0]).mean() > 0.95  # left shoulders at smaller x
    if utd.layout == (1, 20, 3):
        raw = loadmat(shared / 'data' / 'UTD-MHAD' / 'Skeleton' / 'a7_s3_t2_skeleton.mat')['d_skel']
        clip = utd.clip(utd.name.index('a7_s3_t2'))
        spine, hip_centre, head = (raw[joint].T.astype(np.float32) for joint in (2, 3, 0))
        assert np.array_equal(clip[:, 0, 0], hip_centre - spine[0])
        assert np.array_equal(clip[:, 0, 3], head - spine[0])
    else:
        assert utd.layout == (2, 25, 3) and not utd.frames[:, 1].any() and set(utd.person) == {1}
    assert not frames[utd.start, 1].any()  # NTU's origin: the middle of the spine in the first frame


def test_mapped_joints_follow_a_moved_body():
    body = RNG.normal(size=(3, 1, 20, 3)).astype(np.float32)
    moved = kinect.to_ntu_joints(body + np.float32([1, 2, 3]))
    assert np.allclose(moved, kinect.to_ntu_joints(body) + [1, 2, 3], atol=1e-5)
    assert np.array_equal(kinect.to_ntu_joints(body)[:, :, 3:20], body[:, :, 3:])


def ucla_file(folder, name, **change):
    record = {'file_name': name, 'skeletons': RNG.normal(size=(4, 20, 3)).tolist(), 'label': 3, **change}
    (folder / f'{name}.json').write_text(json.dumps(record))


@pytest.mark.parametrize(
    'change, message',
    [
        ({'skeletons': [[[1, 2, 3]] * 19]}, 'has frames of shape (1, 19, 3)'),
        ({'skeletons': []}, 'frames of shape'),
        ({'skeletons': [[[1, 2, 3]] * 20, [[1, 2, 3]]]}, 'expected skeletons'),
        ({'label': 4}, 'states label 4'),
        ({'skeletons': [[[1, 2, float('nan')]] * 20]}, 'NaN'),
        ({'skeletons': None}, 'frames of shape'),
        ({'skeletons': 'text'}, 'expected skeletons'),
        ({'skeletons': [[[1, 2, 10**400]] * 20]}, 'expected skeletons'),
    ],
)
def test_wrong_ucla_files_are_left_out(tmp_path, capsys, change, message):
    ucla_file(tmp_path, 'a03_s01_e00_v01')
    ucla_file(tmp_path, 'a03_s01_e00_v02', **change)
    assert prepare('ucla', '--raw', tmp_path, '--out', tmp_path / 'x.h5') == 1
    assert open_skeletons(tmp_path / 'x.h5').name == ['a03_s01_e00_v01']
    assert message in capsys.readouterr().err


def test_broken_json_is_named_with_its_line(tmp_path):
    path = tmp_path / 'a03_s01_e00_v01.json'
    path.write_text('{"label":\n\n oops}')
    with pytest.raises(ClipError, match='line 3: is not JSON'):
        kinect.UCLAReader('nw-ucla', None).read(path)


@pytest.mark.parametrize(
    'write, message',
    [
        (lambda path: path.write_bytes(b'no matlab'), 'is not a MATLAB file'),
        (lambda path: savemat(path, {'d_skel': np.ones((20, 4, 5))}), r'expected d_skel \(20, 3, T\)'),
        (lambda path: savemat(path, {'other': np.ones((20, 3, 5))}), 'expected d_skel'),
    ],
)
def test_wrong_mat_files_are_refused(tmp_path, write, message):
    path = tmp_path / 'a1_s1_t1_skeleton.mat'
    write(path)
    with pytest.raises(ClipError, match=message):
        kinect.UTDReader('utd-mhad', Namespace(joints=20)).read(path)


def test_the_config_of_utd_feeds_what_the_command_writes(tmp_path):
    for subject in (1, 2, 3):
        savemat(tmp_path / f'a27_s{subject}_t1_skeleton.mat', {'d_skel': RNG.normal(size=(20, 3, 5)) + 3})
    assert prepare('utd-mhad', '--raw', tmp_path, '--out', tmp_path / 'x.h5') == 0
    config = yaml.safe_load((ROOT / 'config' / 'utd-mhad' / 'joint.yaml').read_text())
    for part, clips in (('train', 2), ('test', 1)):
        args = {**config[f'{part}_feeder_args'], 'data_path': str(tmp_path / 'x.h5')}
        feeder = instantiate(config['feeder'], args, part)
        batch = feeder.__getitems__([0])
        assert len(feeder) == clips and batch.skeleton.shape == (1, 3, 32, 20, 1) and batch.label.tolist() == [26]
    assert config['model_args']['num_class'] == 27


def sysu_folder(root, action, subject):
    folder = root / f'video{action}' / f'subject {subject}'
    folder.mkdir(parents=True)
    return folder


def test_sysu_recordings_are_found_by_shape(tmp_path):
    world = RNG.normal(size=(20, 3, 7))
    savemat(sysu_folder(tmp_path, 1, 2) / 'a.mat', {'time': np.arange(7), 'S': world})
    folder = sysu_folder(tmp_path, 12, 40)
    savemat(folder / 'depth.mat', {'S': world + 1})
    savemat(folder / 'world.mat', {'S': world})
    np.savetxt(sysu_folder(tmp_path, 3, 1) / 'skeleton.txt', world.transpose(2, 0, 1).reshape(7, 60), fmt='%.17g')
    assert prepare('sysu', '--raw', tmp_path, '--out', tmp_path / 'x.h5') == 0
    store = open_skeletons(tmp_path / 'x.h5')
    assert dict(zip(store.name, store.label)) == {'a01_s02': 0, 'a12_s40': 11, 'a03_s01': 2}
    expected = world.transpose(2, 0, 1).astype(np.float32)
    for index in range(3):
        assert np.array_equal(store.clip(index)[:, 0], expected - expected[0, 1])
    mapped = kinect.to_ntu_joints(expected[:, None])
    reader = kinect.SYSUReader('sysu', Namespace(joints=25, raw=[str(tmp_path)]))
    assert np.array_equal(reader.read(folder).frames, mapped - mapped[0, 0, 1]) and reader.layout == (2, 25, 3)
    out = tmp_path / 'y.h5'
    assert prepare('sysu', '--raw', tmp_path / 'video12', tmp_path / 'video1', '--out', out) == 2  # no action's folder


def test_sysu_folders_that_do_not_fit_are_left_out(tmp_path, capsys):
    arrays = {'S': RNG.normal(size=(20, 3, 7))}
    savemat(sysu_folder(tmp_path, 1, 1) / 'a.mat', arrays)
    savemat(sysu_folder(tmp_path, 13, 1) / 'a.mat', arrays)
    savemat(sysu_folder(tmp_path, 5, 41) / 'a.mat', arrays)
    savemat(sysu_folder(tmp_path, 6, 1) / 'a.mat', {'S': arrays['S'] * np.nan})
    savemat(sysu_folder(tmp_path, 2, 1) / 'a.mat', {**arrays, 'T': arrays['S']})
    (sysu_folder(tmp_path, 4, 1) / 'a.txt').write_text('1 ' * 60 + '\n' + '1 ' * 59)
    assert prepare('sysu', '--raw', tmp_path, '--out', tmp_path / 'x.h5') == 1
    error = capsys.readouterr().err
    for reason in (
        'video13/subject 1: ',
        'has action 13, which SYSU 3D HOI does not have',
        'has subject 41; expected 1 to 40',
        'has 2 skeletons',
        'line 2: a.txt: 59 numbers',
        'contains NaN or Inf',
    ):
        assert reason in error, reason


def test_clips_of_an_action_that_the_data_set_lacks_are_left_out(tmp_path, capsys):
    for name in ('a27_s1_t1', 'a28_s1_t1', 'a03_s1_t1'):
        savemat(tmp_path / f'{name}_skeleton.mat', {'d_skel': RNG.normal(size=(20, 3, 5))})
    assert prepare('utd-mhad', '--raw', tmp_path, '--out', tmp_path / 'x.h5') == 1
    assert open_skeletons(tmp_path / 'x.h5').name == ['a27_s1_t1']
    error = capsys.readouterr().err
    assert 'has action 28, which UTD-MHAD does not have' in error and "'a03_s1_t1' is not of the form aX_sX_tX" in error
