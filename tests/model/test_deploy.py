"""What leaves the training: an exported program, and the size of a student."""

import argparse
import sys

import pytest
import torch

from model import base
from model.ctrgcn import Model
from model.deploy import check, export, model_size
from tests.helpers import scramble
from tests.reference import graphs
from tests.reference.ctrgcn import CTRGCN
from torchlight.errors import InputError


def test_an_exported_program_gives_the_same_scores_for_any_batch(tiny, tmp_path, monkeypatch, recwarn, capfd):
    monkeypatch.setattr(base, 'BLOCKS', [(1, 1), (2, 2)])  # one block of each kind: tracing ten takes long
    student = scramble(Model(**tiny)).eval()
    export(student, torch.randn(2, 3, 8, 5, 2), tmp_path / 'student.pt2')
    assert not recwarn.list and capfd.readouterr() == ('', '')
    program = torch.export.load(tmp_path / 'student.pt2').module()
    for clips in (1, 2, 5):
        skeleton = torch.randn(clips, 3, 8, 5, 2)
        skeleton[0, ..., 1] = 0  # skipped by the student, computed by the program
        torch.testing.assert_close(program(skeleton), student(skeleton).logits)
    assert [file.name for file in tmp_path.iterdir()] == ['student.pt2']


@pytest.mark.parametrize('name', ['pred.xlsx', 'pred', 'pred.csv.gz'])
def test_predictions_are_refused_under_the_name_of_another_kind_of_file(tmp_path, name):
    arg = argparse.Namespace(phase='predict', output=str(tmp_path / name))
    with pytest.raises(InputError, match=rf'--output is {arg.output}; expected a name that ends in .csv'):
        check(arg)
    check(argparse.Namespace(phase='predict', output=str(tmp_path / 'pred.csv')))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize('name', ['student.pt', 'student', None])
def test_another_ending_is_refused(student, tmp_path, name):
    path = tmp_path / name if name else None
    with pytest.raises(InputError, match=r'--output with a name that ends in .pt2 or .onnx'):
        export(student, torch.randn(2, 3, 8, 5, 2), path)
    assert not list(tmp_path.iterdir())


def test_onnx_without_its_packages_names_them(student, tmp_path, monkeypatch):
    for package in ('onnx', 'onnxscript'):
        monkeypatch.setitem(sys.modules, package, None)
    text = 'an .onnx export needs more packages: .*; pip install onnx onnxscript'
    with pytest.raises(InputError, match=text) as error:
        export(student, torch.randn(2, 3, 8, 5, 2), tmp_path / 'student.onnx')
    assert '\n' not in str(error.value) and not list(tmp_path.iterdir())


def test_an_onnx_file_gives_the_same_scores_for_any_batch(student, tmp_path, recwarn, capfd):
    pytest.importorskip('onnxscript')
    runtime = pytest.importorskip('onnxruntime')
    export(student, torch.randn(2, 3, 8, 5, 2), tmp_path / 'student.onnx')
    assert not recwarn.list and capfd.readouterr() == ('', '')
    session = runtime.InferenceSession(tmp_path / 'student.onnx')
    for clips in (1, 5):
        skeleton = torch.randn(clips, 3, 8, 5, 2)
        (logits,) = session.run(['logits'], {'skeleton': skeleton.numpy()})
        torch.testing.assert_close(torch.from_numpy(logits), student(skeleton).logits, rtol=1e-3, atol=1e-4)


def test_the_published_size():
    """As published: 1.94 G. The student averages over time before two of the convolutions and so needs less."""
    student = Model(num_class=60, num_point=25, num_person=2, graph='graph.ntu_rgb_d.Graph')
    skeleton = torch.randn(1, 3, 64, 25, 2)
    assert model_size(CTRGCN(60, graphs.ntu()), skeleton) == (1_446_672, 1_939_164_160)
    assert model_size(student, skeleton) == (1_446_672, 1_788_796_960)


def test_the_size_of_a_clip_does_not_depend_on_the_batch(student):
    assert model_size(student, torch.randn(1, 3, 8, 5, 2)) == model_size(student, torch.randn(3, 3, 8, 5, 2))
