"""Prediction: weights alone say how clips of any kind are classified, and a recording scores as the clip of a store."""

import json
import re

import numpy as np
import pytest
import torch
import yaml

import main_MMCL
from feeders.datasets import DATASETS
from feeders.feeder_MMCL import Feeder
from feeders.prepare.__main__ import main as prepare
from feeders.prepare.inputs import open_input
from feeders.skeleton_store import SkeletonStoreWriter
from tests.helpers import ROOT
from tests.program.support import command_line, refused
from torchlight.imports import import_class
from torchlight.tensor_files import read_description, write_tensors

NTU, UTD = (2, 25, 3), (1, 20, 3)


def predict(weights, clips, *more):
    """Run the program with nothing but weights and clips."""
    flags = '--phase', 'predict', '--weights', weights, '--input', clips, '--device', 'cpu', *more
    return main_MMCL.main([str(flag) for flag in flags])


def test_weights_are_enough(one_epoch, tmp_path, capsys):
    np.save(tmp_path / 'clip.npy', np.random.default_rng(0).normal(size=(30, 25, 3)))
    capsys.readouterr()
    assert predict(one_epoch / 'best.pt', tmp_path / 'clip.npy', '--topk', 12) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == 'clip' and len(lines) == 13 and any(line.startswith('  drink ') for line in lines)
    for name in ('best.pt', 'runs-1-6.pt'):
        assert predict(one_epoch / name, tmp_path / 'clip.npy', '--output', tmp_path / f'{name}.json') == 0
    assert (tmp_path / 'best.pt.json').read_text() == (tmp_path / 'runs-1-6.pt.json').read_text()
    (found,) = json.loads((tmp_path / 'best.pt.json').read_text())
    assert [each['class'] for each in found['classes']] == [line[:15].strip() for line in lines[1:6]]


def test_weights_without_settings_need_a_config(one_epoch, tmp_path, capsys):
    torch.save(torch.load(one_epoch / 'best.pt', weights_only=True), tmp_path / 'plain.pt')
    np.save(tmp_path / 'clip.npy', np.ones((30, 25, 3)))
    line = refused(capsys, ['--phase', 'predict', '--weights', tmp_path / 'plain.pt', '--input', tmp_path / 'clip.npy'])
    assert 'carries no settings' in line and '--config' in line


def test_what_is_no_weights_file_is_called_so(tmp_path, capsys):
    (tmp_path / 'x.pt').write_text('# Notes')
    line = refused(capsys, ['--phase', 'predict', '--weights', tmp_path / 'x.pt', '--input', tmp_path / 'clip.npy'])
    assert 'x.pt is not a weights file' in line


def test_weights_without_names_have_those_of_the_clips(shared, tmp_path, capsys):
    from model.ctrgcn import Model

    torch.save(Model(60, 25, 2, 'graph.ntu_rgb_d.Graph', base_channel=8).state_dict(), tmp_path / 'plain.pt')
    clip = next((shared / 'data/ntu_raw/nturgb+d_skeletons').glob('*.skeleton'))
    config = '--config', ROOT / 'config/nturgbd-cross-view/joint.yaml', '--model-args', 'base_channel=8'
    assert predict(tmp_path / 'plain.pt', clip, *config, '--topk', 60) == 0
    lines = capsys.readouterr().out.splitlines()
    named = {line[2:].rsplit('  ', 1)[0].strip() for line in lines[1:]}
    assert lines[0] == clip.stem and named == set(DATASETS['ntu60'].classes)


@pytest.mark.parametrize('form', ['.skeleton', '.npy', '.json', '.mat'])
def test_a_recording_is_the_clip_of_its_store(shared, tmp_path, form):
    raw, layout, command = {
        '.skeleton': (shared / 'data/ntu_raw/nturgb+d_skeletons', NTU, 'ntu60'),
        '.json': (shared / 'data/NW-UCLA/all_sqe', UTD, 'ucla'),
        '.mat': (shared / 'data/UTD-MHAD/Skeleton', UTD, 'utd-mhad'),
        '.npy': (tmp_path / 'arrays', NTU, 'custom'),
    }[form]
    few = tmp_path / 'few'
    few.mkdir()
    if form == '.npy':
        for number in range(3):
            np.save(few / f'{number}.npy', np.random.default_rng(number).normal(size=(9, 1 + number % 2, 25, 3)))
        (tmp_path / 'x.csv').write_text('name,label\n0,0\n1,1\n2,0\n')
    for file in sorted(raw.glob(f'*{form}'))[:5] if form != '.npy' else ():
        (few / file.name).symlink_to(file)
    labels = ('--labels', tmp_path / 'x.csv') if form == '.npy' else ()
    words = [command, '--raw', few, '--out', tmp_path / 'x.h5', '--num-worker', 0, *labels, '--allow-missing']
    assert prepare([str(word) for word in words]) == 0
    store, clips = open_input(tmp_path / 'x.h5', layout), open_input(few, layout)
    row = {name: i for i, name in enumerate(clips.name)}
    assert len(store) and set(store.name) <= set(row)
    for i, name in enumerate(store.name):
        np.testing.assert_array_equal(store.clip(i), clips.clip(row[name]))
        assert store.person[i] == clips.person[row[name]]


def test_a_prediction_does_not_depend_on_where_the_clip_is(one_epoch, tmp_path):
    frames = np.random.default_rng(0).normal(size=(40, 1, 25, 3)).astype('f4')
    np.save(tmp_path / 'a.npy', frames)
    with SkeletonStoreWriter(tmp_path / 'x.h5', 'sample', NTU) as store:
        store.add('a', 0, frames)
    for name in ('a.npy', 'x.h5'):
        assert predict(one_epoch / 'best.pt', tmp_path / name, '--output', tmp_path / f'{name}.json') == 0
    assert (tmp_path / 'a.npy.json').read_text() == (tmp_path / 'x.h5.json').read_text()
    feeders = [Feeder(open_input(tmp_path / name, NTU), 'all', window_size=16) for name in ('a.npy', 'x.h5')]
    assert feeders[0].__getitems__([0]).skeleton.equal(feeders[1].__getitems__([0]).skeleton)


def test_weights_carry_only_what_describes_them(one_epoch, tmp_path, capsys):
    np.save(tmp_path / 'clip.npy', np.ones((30, 25, 3)))
    state, said = torch.load(one_epoch / 'best.pt', weights_only=True), read_description(one_epoch / 'best.pt')
    assert set(yaml.safe_load(said['config'])) == {'model', 'model_args', 'feeder', 'test_feeder_args', 'stream'}
    flags = '--phase', 'predict', '--weights', tmp_path / 'x.pt', '--input', tmp_path / 'clip.npy'
    for more in ('work_dir: /tmp', 'ignore_weights: [fc]', 'allow_imports: [os]', 'device: [0, 1]'):
        write_tensors(tmp_path / 'x.pt', state, {**said, 'config': f'{said["config"]}{more}\n'})
        assert f'x.pt has the unknown key {more.split(":")[0]!r}' in refused(capsys, flags)
    write_tensors(tmp_path / 'x.pt', state, {**said, 'classes': ['\ud800', '\x1b[2J', {'a': 1}, 'wave']})
    assert predict(tmp_path / 'x.pt', tmp_path / 'clip.npy', '--topk', 12) == 0
    assert {line[2:10].strip() for line in capsys.readouterr().out.splitlines()[1:]} >= {'class 0', 'class 2', 'wave'}


@pytest.fixture
def weights_for_poses(tmp_path):
    """Weights that say that they were trained on keypoints in an image, normalised and with a confidence."""
    sizes = {'num_class': 3, 'num_point': 17, 'num_person': 1, 'graph': 'graph.coco.Graph', 'base_channel': 8}
    feeder = {'data_path': 'x.h5', 'window_size': 8, 'num_person': 1, 'graph': 'graph.coco.Graph'}
    settings = {'model': 'model.ctrgcn.Model', 'model_args': sizes, 'feeder': 'feeders.feeder_MMCL.Feeder'}
    said = {'format': 1, 'config': yaml.safe_dump({**settings, 'test_feeder_args': feeder}), 'dataset': 'custom'}
    torch.manual_seed(0)
    state = import_class('model.ctrgcn.Model')(**sizes).state_dict()

    def write(**facts):
        write_tensors(tmp_path / 'poses.pt', state, {**said, 'classes': ['sit', 'wave hand', 'clap'], **facts})
        return tmp_path / 'poses.pt'

    return write


def test_pixels_are_normalised_if_those_of_the_training_were(weights_for_poses, tmp_path, capsys):
    rng = np.random.default_rng(0)
    pose = np.concatenate([rng.normal(size=(9, 17, 2)) * 90 + 500, rng.uniform(0.2, 1, (9, 17, 1))], -1)
    (tmp_path / 'raw').mkdir(), np.save(tmp_path / 'raw' / 'a.npy', pose)
    result = [{'image_id': t, 'keypoints': frame.ravel().tolist()} for t, frame in enumerate(pose)]
    (tmp_path / 'a.json').write_text(json.dumps(result))
    (tmp_path / 'x.csv').write_text('name,label,split\na,wave hand,test\n')
    words = ['custom', '--raw', tmp_path / 'raw', '--labels', tmp_path / 'x.csv', '--out', tmp_path / 'x.h5']
    assert prepare([str(word) for word in (*words, '--normalise', '--confidence')]) == 0
    weights = weights_for_poses(normalised=True, confidence=True)
    capsys.readouterr()
    for clip in ('x.h5', 'raw/a.npy', 'a.json'):
        assert predict(weights, tmp_path / clip, '--stream', 'bone_motion', '--topk', 3) == 0
    found = capsys.readouterr()
    lines = found.out.splitlines()
    assert lines[:4] == lines[4:8] == lines[8:] and 'wave hand' in found.out
    assert set(found.err.splitlines()) == {
        f'warning: {weights} was trained on the stream joint, but scores the stream bone_motion'
    }
    clips = open_input(tmp_path / 'a.json', (1, 17, 3), normalised=True, confidence=True)
    np.testing.assert_array_equal(clips.clip(0), open_input(tmp_path / 'x.h5', (1, 17, 3)).clip(0))
    assert predict(weights_for_poses(confidence=True), tmp_path / 'x.h5') == 0
    assert 'poses.pt was trained on are not centred and scaled, unlike those to score' in capsys.readouterr().err
    line = refused(capsys, ['--phase', 'predict', '--weights', weights_for_poses(), '--input', tmp_path / 'a.json'])
    assert 'a.json has keypoints in an image, but these weights are for joints in space' in line


def test_keypoints_lose_their_confidence_for_a_model_without(tmp_path):
    pose = np.random.default_rng(0).uniform(size=(9, 17, 3))
    (tmp_path / 'x').mkdir()
    for t, frame in enumerate(pose):
        people = [{'pose_keypoints_2d': np.insert(frame, 1, 0, 0).ravel().tolist()}]  # COCO_18 has a neck at place 1
        (tmp_path / 'x' / f'x_{t}_keypoints.json').write_text(json.dumps({'people': people}))
    store = open_input(tmp_path / 'x', (2, 17, 2))
    assert store.name == ['x'] and store.layout == (2, 17, 2) and store.person.tolist() == [1]
    assert set(store.clip(0)[0, 0].ravel()) == set(pose[0, :, :2].astype('f4').ravel())
    assert open_input(tmp_path, (2, 17, 2)).name == ['x']


def test_bad_input_is_one_line(one_epoch, tmp_path, capsys):
    weights, folder = one_epoch / 'best.pt', tmp_path / 'x'
    folder.mkdir()

    def line(clips, *more):
        return refused(capsys, ['--phase', 'predict', '--weights', weights, '--input', clips, '--device', 'cpu', *more])

    assert 'has no .skeleton, .json, .mat, .npy' in line(folder)
    np.save(folder / 'a.npy', np.zeros((4, 20, 3)))
    text = 'a.npy has 20 joints of 3 coordinates, but these weights are for 25 joints of 3'
    assert f'{text}; graph.ucla.Graph has 20 joints' in line(folder / 'a.npy')
    np.save(folder / 'b.npy', np.full((4, 25, 3), np.nan))
    assert 'b.npy: contains NaN or Inf' in line(folder / 'b.npy')
    (folder / 'b.json').write_text('{}')
    assert 'has clips of several kinds, .json and .npy' in line(folder)
    assert 'b.json: has no keypoints of OpenPose, AlphaPose,' in line(folder / 'b.json')
    (folder / 'c.skeleton').write_text('1\n1\n')
    assert 'c.skeleton: ' in line(folder / 'c.skeleton')
    (folder / 'd').mkdir()
    for name in ('a.npy', '.b.npy', 'e\n.npy'):
        np.save(folder / 'd' / name, np.zeros((4, 25, 3)))
    assert 'control character' in line(folder / 'd')
    assert 'none.npy does not exist; expected a clip' in line(folder / 'none.npy')
    assert 'x.txt is not a clip' in line((folder / 'x.txt', (folder / 'x.txt').write_text(''))[0])
    assert 'x.xlsx; expected a name that ends in .csv or .json' in line(
        folder / 'a.npy', '--output', tmp_path / 'x.xlsx'
    )


# --- several streams, windows, and figures


@pytest.fixture
def clip(tmp_path):
    np.save(tmp_path / 'clip.npy', np.random.default_rng(0).normal(size=(90, 25, 3)) / 10)
    return tmp_path / 'clip.npy'


@pytest.fixture(scope='session')
def bone(data, tmp_path_factory):
    """The weights of a bone stream."""
    folder = tmp_path_factory.mktemp('run') / 'bone'
    assert main_MMCL.main(command_line(data, folder, '--num-epoch', 1, '--stream', 'bone')) == 0
    return folder / 'best.pt'


def probabilities(path):
    """(windows or clips, classes) of a JSON file with all classes."""
    every = [sorted(each['classes'], key=lambda c: c['label']) for each in json.loads(path.read_text())]
    return np.array([[c['probability'] for c in classes] for classes in every])


def test_streams_are_fused_by_their_own_settings(one_epoch, bone, clip, tmp_path):
    joint, all_of = one_epoch / 'best.pt', ('--topk', 12, '--output')
    for name, weights in {'j': [joint], 'b': [bone], 'f': [joint, bone], 'g': [bone, joint]}.items():
        flags = '--phase', 'predict', '--weights', *weights, '--input', clip, *all_of, tmp_path / f'{name}.json'
        assert main_MMCL.main([str(flag) for flag in flags]) == 0
    j, b, f, g = (probabilities(tmp_path / f'{name}.json') for name in 'jbfg')
    mean = np.sqrt(j * b)  # of the logits
    np.testing.assert_allclose(f, mean / mean.sum(1, keepdims=True), atol=1e-6)
    np.testing.assert_allclose(f, g, atol=1e-6)
    assert abs(j - b).max() > 1e-3


@pytest.mark.parametrize(
    'change, words',
    [
        ({'dataset': 'nw-ucla'}, 'was trained on sample, but .*other.pt on nw-ucla'),
        ({'classes': ['x']}, 'have different classes'),
    ],
)
def test_streams_of_different_data_are_not_fused(one_epoch, clip, tmp_path, capsys, change, words):
    other = tmp_path / 'other.pt'
    tensors = torch.load(one_epoch / 'best.pt', weights_only=True)
    write_tensors(other, tensors, {**read_description(one_epoch / 'best.pt'), **change})
    line = refused(capsys, ['--phase', 'predict', '--weights', one_epoch / 'best.pt', other, '--input', clip])
    assert re.search(words, line)


@pytest.mark.parametrize(
    'flags, words',
    [
        (['--phase', 'test'], 'takes one file of --weights'),
        (['--stream', 'bone'], 'leave out --stream'),
        (['--test-feeder-args', 'bone=True'], 'leave out bone of --test-feeder-args'),
        ([], 'the same file twice'),
    ],
)
def test_several_weights_are_only_for_prediction_by_their_own_settings(one_epoch, clip, capsys, flags, words):
    weights = one_epoch / 'best.pt'
    line = refused(capsys, ['--phase', 'predict', '--weights', weights, weights, '--input', clip, *flags])
    assert words in line


@pytest.mark.parametrize(
    'flags',
    [['--window', 9], ['--figure', 'x.gif'], ['--input', 'x.npy'], ['--with-preprocessing'], ['--output', 'x.csv']],
)
def test_a_flag_of_another_phase_is_refused(one_epoch, capsys, flags):
    line = refused(capsys, ['--phase', 'test', '--weights', one_epoch / 'best.pt', *flags])
    assert f'{flags[0]} is for --phase ' in line and 'not for test' in line


def test_a_window_scores_as_the_clip_of_its_frames(one_epoch, clip, tmp_path):
    np.save(tmp_path / 'part.npy', np.load(clip)[25:65])
    flags = '--topk', 12, '--output'
    assert predict(one_epoch / 'best.pt', clip, '--window', 40, '--stride', 25, *flags, tmp_path / 'w.json') == 0
    assert predict(one_epoch / 'best.pt', tmp_path / 'part.npy', *flags, tmp_path / 'p.json') == 0
    windows = probabilities(tmp_path / 'w.json')
    assert len(windows) == 3
    np.testing.assert_allclose(windows[1], probabilities(tmp_path / 'p.json')[0], atol=1e-6)


def test_a_figure_is_an_animation_or_a_picture_and_nothing_else(one_epoch, clip, tmp_path, capsys):
    assert predict(one_epoch / 'best.pt', clip, '--figure', tmp_path / 'x.gif') == 0
    assert (tmp_path / 'x.gif').read_bytes().startswith(b'GIF89a')
    for flags in (['--figure', tmp_path / 'x.pdf'], ['--figure', tmp_path / 'x.GIF'], ['--stride', 5]):
        line = refused(capsys, ['--phase', 'predict', '--weights', one_epoch / 'best.pt', '--input', clip, *flags])
        assert 'expected a name that ends in .gif or .png' in line or 'it needs --window' in line
