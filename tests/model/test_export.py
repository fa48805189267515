"""A student as a program: the same scores, what it says of itself, and what is refused."""

import io
import json
import sys

import numpy as np
import pytest
import torch

from model import base, export
from model.base import MMCLOutput, SkeletonModel
from model.ctrgcn import Model
from tests.helpers import scramble, settle
from torchlight.errors import InputError

ABOUT = {'classes': '["walk", "wave"]', 'stream': 'bone'}


class Flat(SkeletonModel):
    """A linear student of clips of eight frames."""

    def __init__(self):
        super().__init__()
        self.fc = torch.nn.Linear(3 * 8 * 5 * 2, 4)

    def forward(self, skeleton, video=None, text=None):
        return MMCLOutput(self.fc(skeleton.flatten(1)))


class FirstFrames(torch.nn.Module):
    """A preprocessing that takes the first eight frames."""

    def forward(self, clip):
        return clip[:8].permute(2, 0, 1, 3)[None]


@pytest.fixture(scope='module')
def student():
    """A CTR-GCN of one block of each kind: tracing ten takes long."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(base, 'BLOCKS', [(1, 1), (2, 2)])
        joints = {'num_point': 5, 'edges': [[1, 0], [2, 1], [3, 1], [4, 1]]}
        torch.manual_seed(0)
        made = scramble(Model(4, 5, 2, 'graph.custom.Graph', joints, base_channel=8))
        yield settle(made, torch.randn(8, 3, 8, 5, 2), torch.randn(8, 3, 8, 5, 2))


@pytest.fixture(scope='module')
def traced(student):
    return export.trace(student, (2, 3, 8, 5, 2))


@pytest.fixture
def flat():
    return Flat(), torch.randn(3, 3, 8, 5, 2)


@pytest.fixture
def quiet(recwarn, capfd):
    """Fail if the test leaves a remark for the screen."""
    yield
    assert not recwarn.list and capfd.readouterr() == ('', '')


def assert_any_size(program, student):
    for clips, frames in (1, 8), (5, 8), (2, 31), (3, 5):
        skeleton = torch.randn(clips, 3, frames, 5, 2)
        skeleton[0, ..., 1] = 0  # skipped by the student, computed by the program
        with torch.no_grad():
            expected = student(skeleton).logits.numpy()
        np.testing.assert_allclose(program(skeleton.numpy()), expected, rtol=0, atol=1e-4)


# --- what a program computes


@pytest.mark.usefixtures('quiet')
def test_a_pt2_program_takes_any_number_of_clips_and_frames(traced, student):
    file = export.pt2_file(traced, ABOUT)
    said = {export.METADATA: ''}
    torch.export.load(io.BytesIO(file), extra_files=said)
    assert json.loads(said[export.METADATA]) == ABOUT
    assert_any_size(export.open_pt2(file), student)


@pytest.mark.usefixtures('quiet')
def test_an_onnx_program_takes_any_number_of_clips_and_frames(traced, student):
    pytest.importorskip('onnxscript')
    runtime = pytest.importorskip('onnxruntime')
    file = export.onnx_file(traced, ABOUT)
    session = runtime.InferenceSession(file)
    assert session.get_modelmeta().custom_metadata_map == ABOUT
    shapes = {port.name: port.shape for port in (*session.get_inputs(), *session.get_outputs())}
    assert shapes == {'skeleton': ['batch', 3, 'frames', 5, 2], 'logits': ['batch', 4]}
    assert_any_size(export.open_onnxruntime(file), student)


def test_a_student_of_a_fixed_number_of_frames_gets_a_program_of_that_number(flat, tmp_path):
    student, skeleton = flat
    line = export.export(student, tmp_path / 'flat.pt2', skeleton)
    assert 'skeleton (batch, 3, 8, 5, 2) float32; checked by PyTorch' in line
    program = export.open_pt2((tmp_path / 'flat.pt2').read_bytes())
    for clips in skeleton[:1], torch.randn(5, 3, 8, 5, 2):
        np.testing.assert_allclose(program(clips.numpy()), student(clips).logits.detach(), atol=1e-5)


@pytest.mark.parametrize('ending', export.PROGRAMS)
def test_preprocessing_is_exported_with_the_student(flat, tmp_path, ending):
    if ending == '.onnx':
        for package in export.ONNX_PACKAGES:
            pytest.importorskip(package)
    student, path = flat[0], tmp_path / f'new/folder/flat{ending}'
    clips = [torch.randn(frames, 5, 3, 2) for frames in (8, 20)]
    skeleton = torch.cat([FirstFrames()(clip) for clip in clips])
    line = export.export(student, path, skeleton, clips, '2 clips of mine.h5', FirstFrames(), ABOUT)
    assert 'clip (frames, 5, 3, 2) float32' in line and 'on 2 clips of mine.h5: scores differ by at most' in line
    assert [file.name for file in path.parent.iterdir()] == [path.name]
    program = (export.open_pt2 if ending == '.pt2' else export.open_onnxruntime)(path.read_bytes())
    clip = torch.randn(11, 5, 3, 2)
    expected = student(FirstFrames()(clip)).logits[0].detach()
    np.testing.assert_allclose(program(clip.numpy()), expected, rtol=0, atol=1e-5)


def test_a_program_says_what_it_takes_and_gives_and_whose_it_is(flat, tmp_path):
    export.export(flat[0], tmp_path / 'flat.pt2', flat[1], about=ABOUT)
    said = {export.METADATA: ''}
    torch.export.load(io.BytesIO((tmp_path / 'flat.pt2').read_bytes()), extra_files=said)
    told = {'input': 'skeleton (batch, 3, 8, 5, 2) float32', 'output': 'logits (batch, classes) float32'}
    assert json.loads(said[export.METADATA]) == {**ABOUT, **told, 'model': f'{__name__}.Flat'}


def test_the_student_itself_stays_as_it_is(flat, tmp_path):
    student, skeleton = flat
    student.train()
    export.export(student, tmp_path / 'flat.pt2', skeleton)
    assert student.training and student.fc.weight.requires_grad


# --- what is refused


@pytest.mark.parametrize('off, words', [(2e-4, '0.0002'), (np.nan, 'nan')])
def test_a_program_of_other_scores_is_not_written(flat, tmp_path, monkeypatch, off, words):
    student, skeleton = flat
    expected = student(skeleton).logits.detach().numpy()
    others = expected.copy()
    others[1, 2] += off
    monkeypatch.setattr(export, 'open_pt2', lambda file: lambda skeleton: others)
    with pytest.raises(InputError, match=f'differ from those of the student by up to {words} on clips; at') as error:
        export.export(student, tmp_path / 'folder/flat.pt2', skeleton)
    assert '\n' not in str(error.value) and not list(tmp_path.iterdir())
    others[1, 2] = expected[1, 2] + 0.00005
    export.export(student, tmp_path / 'flat.pt2', skeleton)


@pytest.mark.parametrize('name', ['student.pth', 'student', None])
def test_another_ending_is_refused(flat, tmp_path, name):
    path = tmp_path / name if name else None
    with pytest.raises(InputError, match=r'--output with a name that ends in .pt2, .onnx or .pt'):
        export.export(flat[0], path, flat[1])
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize('package', export.ONNX_PACKAGES)
def test_onnx_without_one_of_its_packages_names_them(tmp_path, monkeypatch, package):
    for other in export.ONNX_PACKAGES:
        monkeypatch.setitem(sys.modules, other, None if other == package else torch)  # any module will do
    text = 'an .onnx export needs more packages: .*; pip install onnx onnxscript onnxruntime'
    with pytest.raises(InputError, match=text) as error:
        export.check_path(tmp_path / 'student.onnx')
    assert '\n' not in str(error.value)
    assert export.check_path(tmp_path / 'student.pt2').name == 'student.pt2'
