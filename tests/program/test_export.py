"""Exports as their user makes and runs them, of a tiny student that was never trained."""

import re
import shutil
import subprocess
import sys

import numpy as np
import pytest
import torch
import yaml

import main_MMCL
from feeders.datasets import DATASETS
from feeders.skeleton_store import open_skeletons
from model import export
from model.base import MMCLOutput, SkeletonModel
from tests.helpers import ROOT
from tests.program.support import refused
from torchlight import record
from torchlight.tensor_files import read_description, write_tensors

EXAMPLE = re.search(r'```python\n(.*?)```', (ROOT / 'README.md').read_text(), re.DOTALL)[1]
FRAMES = 16


class Linear(SkeletonModel):
    """A linear student that normalises clips as the others do."""

    def __init__(self, num_class, num_point, num_person):
        super().__init__()
        self.data_bn = torch.nn.BatchNorm1d(3 * num_point * num_person)
        self.fc = torch.nn.Linear(3 * num_point * num_person * FRAMES, num_class)

    def forward(self, skeleton, video=None, text=None):
        series = skeleton.permute(0, 4, 3, 1, 2).flatten(1, 3)
        return MMCLOutput(self.fc(self.data_bn(series).flatten(1)))


@pytest.fixture(scope='module')
def store(data):
    return data / 'skeletons.h5'


@pytest.fixture(scope='module')
def weights(store, tmp_path_factory):
    """Weights of the linear student that carry their settings and classes."""
    torch.manual_seed(0)
    layout = {'num_class': 12, 'num_point': 25, 'num_person': 2}
    settings = {'model': f'{__name__}.Linear', 'model_args': layout, 'feeder': 'feeders.feeder_MMCL.Feeder'}
    settings['test_feeder_args'] = {'data_path': str(store), 'split': 'test', 'window_size': FRAMES, 'bone': True}
    described = {'format': 1, 'config': yaml.safe_dump(settings), 'classes': list(DATASETS['sample'].classes)}
    path = tmp_path_factory.mktemp('weights') / 'best.pt'
    write_tensors(path, Linear(**layout).state_dict(), described)
    return path


def line_of(capsys, *more):
    """The line that an export prints; it warns if, and only if, it was checked on noise."""
    capsys.readouterr()
    assert main_MMCL.main([str(word) for word in ('--phase', 'export', '--device', 'cpu', *more)]) == 0
    out, error = capsys.readouterr()
    assert out.count('\n') == 1
    assert (error.startswith('warning: the test clips') and error.count('\n') == 1) if 'noise' in out else not error
    return out


def classified(folder, program):
    """What became of classify.py on clip.npy."""
    command = [sys.executable, 'classify.py', program, 'clip.npy']
    return subprocess.run(command, cwd=folder, capture_output=True, text=True)


def classified_by_a_program_that_says(folder, **about):
    """What became of classify.py with student.onnx after its metadata have changed."""
    import onnx

    program = onnx.load(folder / 'student.onnx')
    for entry in program.metadata_props:
        entry.value = about.get(entry.key, entry.value)
    onnx.save(program, folder / 'other.onnx')
    return classified(folder, 'other.onnx')


def test_the_example_of_the_readme_prints_what_predict_prints(weights, store, tmp_path, capsys):
    for package in export.ONNX_PACKAGES:
        pytest.importorskip(package)
    assert 20 <= EXAMPLE.count('\n') <= 25 and set(re.findall(r'import (\w+)', EXAMPLE)) == {
        'json',
        'sys',
        'numpy',
        'onnxruntime',
    }
    (tmp_path / 'classify.py').write_text(EXAMPLE)
    flags = '--weights', weights, '--output', 'student.onnx', '--with-preprocessing'
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path)
        line = line_of(capsys, *flags)
    assert 'Exported to student.onnx: clip (frames, 25, 3, 2) float32; checked by ONNX Runtime' in line
    assert f'on 16 of 36 clips of {store}: scores differ by at most' in line
    clips = open_skeletons(store)
    for number, persons in (0, 1), (107, 2):  # (T, V, C), and (T, M, V, C)
        clip = clips.clip(number)[:, :persons]
        np.save(tmp_path / 'clip.npy', clip[:, 0] if persons == 1 else clip)
        done = classified(tmp_path, 'student.onnx')
        predict = '--phase', 'predict', '--weights', weights, '--input', tmp_path / 'clip.npy', '--device', 'cpu'
        assert main_MMCL.main([str(word) for word in predict]) == 0
        _, *expected = capsys.readouterr().out.splitlines()
        assert [line.split() for line in done.stdout.splitlines()] == [line.split() for line in expected]
        assert not done.stderr
    unknown = classified_by_a_program_that_says(tmp_path, classes='[""]').stdout
    assert re.findall(r'^class \d+ ', unknown, re.MULTILINE) and unknown.count('\n') == 5 == unknown.count('class ')
    refusal = classified_by_a_program_that_says(tmp_path, normalised='true')
    assert refusal.returncode == 1 and not refusal.stdout and refusal.stderr.count('\n') == 1


def test_it_is_checked_on_the_clips_of_the_input_or_on_noise(weights, store, tmp_path, capsys):
    flags = '--weights', weights, '--output', tmp_path / 'student.pt2'
    np.save(tmp_path / 'mine.npy', open_skeletons(store).clip(0))
    assert f'on 1 of 1 clips of {tmp_path}/mine.npy: ' in line_of(capsys, *flags, '--input', tmp_path / 'mine.npy')
    (tmp_path / 'sample').mkdir()
    (tmp_path / 'sample/skeletons.h5').symlink_to(store)
    sample = '--feeder', 'feeders.sample.Feeder', '--test-feeder-args', f'data_path={tmp_path}/sample/skeletons.h5'
    assert 'on 16 of 36 clips' in line_of(capsys, *flags, *sample)
    assert len(list((tmp_path / 'sample').iterdir())) == 1  # the rest of the sample is not made
    gone = '--test-feeder-args', f'data_path={tmp_path}/gone.h5'
    assert 'on 16 of 16 clips of noise: ' in line_of(capsys, *flags, *gone, '--with-preprocessing')
    own = '--feeder', 'tests.feeders.test_exports.Clips'
    assert 'on 2 clips of noise: ' in line_of(capsys, *flags, *gone, *own)


REFUSALS = [
    (['--output', 'student.pth'], 'needs --output with a name that ends in .pt2, .onnx or .pt, not student.pth'),
    (
        ['--output', 'x.pt', '--with-preprocessing'],
        '--with-preprocessing is for .pt2 and .onnx; x.pt takes only weights',
    ),
    (['--output', 'student.pt2', '--input', 'gone.npy'], 'gone.npy does not exist'),
    (['--output', 'student.pt2', '--with-preprocessing', '--test-feeder-args', 'random_rot=True'], 'to chance'),
]


@pytest.mark.parametrize('more, words', REFUSALS, ids=[' '.join(more) for more, _ in REFUSALS])
def test_what_cannot_be_exported_gets_one_line_and_no_file(weights, tmp_path, capsys, monkeypatch, more, words):
    monkeypatch.chdir(tmp_path)
    assert words in refused(capsys, ['--phase', 'export', '--device', 'cpu', '--weights', weights, *more])
    assert not list(tmp_path.iterdir())


def test_weights_in_half_precision_know_their_training_and_are_tested(weights, tmp_path, capsys):
    folder = tmp_path / 'run'
    folder.mkdir()
    shutil.copy(weights, folder / 'best.pt')
    session = {'command': 'main_MMCL.py', 'seed': 7, 'started': '2026-01-02T03:04:05+0000', 'git': None}
    record.write(folder, 'finished', [session], result={'top1': 0.25, 'clips': 36, 'epoch': 2})
    line = line_of(capsys, '--weights', folder / 'best.pt', '--output', tmp_path / 'small.pt')
    other = shutil.copy(weights, folder / 'runs-1-3.pt')  # of an epoch that was not the best
    line_of(capsys, '--weights', other, '--output', tmp_path / 'other.pt')
    assert 'training' not in read_description(tmp_path / 'other.pt')
    flags = '--phase', 'export', '--device', 'cpu', '--weights', folder / 'best.pt', '--output', folder / 'best.pt'
    assert 'best.pt already exists, and weights are not replaced' in refused(capsys, flags)
    assert 'numbers in half precision' in line and 'on 16 of 36 clips' in line
    flags = '--phase', 'test', '--weights', tmp_path / 'small.pt', '--work-dir', tmp_path / 'tested', '--device', 'cpu'
    assert main_MMCL.main([str(word) for word in flags]) == 0
    said = 'small.pt, trained on 2026-01-02 with seed 7: top-1 25.00 % of 36 test clips'
    assert said in capsys.readouterr().out


def test_a_program_of_other_scores_is_refused_in_one_line(weights, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(export, 'LARGEST_DIFFERENCE', -1)
    flags = '--weights', weights, '--output', tmp_path / 'student.pt2'
    assert 'is not written: run by PyTorch' in refused(capsys, ['--phase', 'export', '--device', 'cpu', *flags])
    assert not list(tmp_path.iterdir())
