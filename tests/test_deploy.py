"""What leaves the training: an exported program, a table of classes, the size of a student."""

import csv
import sys

import numpy as np
import pytest
import torch

from model.ctrgcn import Model
from tests.benchmarks.bench_step import PlainCTRGCN
from torchlight.deploy import export, model_size, write_ranking
from torchlight.errors import InputError

TINY = {
    'num_class': 4,
    'num_point': 5,
    'num_person': 2,
    'graph': 'graph.custom.Graph',
    'base_channel': 8,
    'graph_args': {'num_point': 5, 'edges': [[1, 0], [2, 1], [3, 1], [4, 1]]},
}
SCORES = np.log(np.array([[0.1, 0.2, 0.7], [0.5, 0.25, 0.25]]))


@pytest.fixture
def student():
    """Trained for two batches: a new student's graph convolutions do next to nothing."""
    torch.manual_seed(0)
    model = Model(**TINY)
    for part in model.modules():
        if isinstance(part, torch.nn.BatchNorm2d):
            torch.nn.init.uniform_(part.weight, 0.5, 1.5)
    for _ in range(2):
        model.train()(torch.randn(8, 3, 8, 5, 2))
    return model.eval()


def test_an_exported_program_gives_the_same_scores_for_any_batch(student, tmp_path):
    export(student, torch.randn(2, 3, 8, 5, 2), tmp_path / 'student.pt2')
    program = torch.export.load(tmp_path / 'student.pt2').module()
    for clips in (1, 2, 5):
        skeleton = torch.randn(clips, 3, 8, 5, 2)
        skeleton[0, ..., 1] = 0  # skipped by the student, computed by the program
        torch.testing.assert_close(program(skeleton), student(skeleton).logits)
    assert [file.name for file in tmp_path.iterdir()] == ['student.pt2']


@pytest.mark.parametrize('name', ['student.pt', 'student', None])
def test_another_ending_is_told(student, tmp_path, name):
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


def test_an_onnx_file_gives_the_same_scores_for_any_batch(student, tmp_path):
    pytest.importorskip('onnxscript')
    runtime = pytest.importorskip('onnxruntime')
    export(student, torch.randn(2, 3, 8, 5, 2), tmp_path / 'student.onnx')
    session = runtime.InferenceSession(tmp_path / 'student.onnx')
    for clips in (1, 5):
        skeleton = torch.randn(clips, 3, 8, 5, 2)
        (logits,) = session.run(None, {'skeleton': skeleton.numpy()})
        torch.testing.assert_close(torch.from_numpy(logits), student(skeleton).logits, rtol=1e-3, atol=1e-4)


def test_the_published_size():
    """As published: 1.94 G. The student averages over time before two of the convolutions and so needs less."""
    student = Model(num_class=60, num_point=25, num_person=2, graph='graph.ntu_rgb_d.Graph')
    skeleton = torch.randn(1, 3, 64, 25, 2)
    assert model_size(PlainCTRGCN(student), skeleton) == (1_446_672, 1_939_164_160)
    assert model_size(student, skeleton) == (1_446_672, 1_788_796_960)


def test_the_size_of_a_clip_does_not_depend_on_the_batch(student):
    assert model_size(student, torch.randn(1, 3, 8, 5, 2)) == model_size(student, torch.randn(3, 3, 8, 5, 2))


def test_a_ranking_lists_the_best_classes(tmp_path):
    write_ranking(['a', 'b'], SCORES, 2, tmp_path / 'top.csv')
    assert list(csv.reader((tmp_path / 'top.csv').open())) == [
        ['name', 'class_1', 'probability_1', 'class_2', 'probability_2'],
        ['a', '2', '0.7000', '1', '0.2000'],
        ['b', '0', '0.5000', '1', '0.2500'],
    ]


def test_a_ranking_on_the_screen(capsys):
    write_ranking(['a'], SCORES[:1] + 1e3, 9)  # no more ranks than classes; large scores do not overflow
    assert capsys.readouterr().out == (
        'name,class_1,probability_1,class_2,probability_2,class_3,probability_3\na,2,0.7000,1,0.2000,0,0.1000\n'
    )
