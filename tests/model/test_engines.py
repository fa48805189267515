"""Engines other than PyTorch give the same scores, and refuse what they cannot do."""

import argparse
import csv
import importlib
import logging
import pickle
import sys

import numpy as np
import pytest
import torch

import main_MMCL
from feeders.sample import make_sample
from graph import ntu_rgb_d_hierarchy
from model import base, ctrgcn, engines, hdgcn
from tests import helpers
from tests.helpers import ROOT, scramble, settle
from torchlight.errors import InputError

CPU = [torch.device('cpu')]
OTHERS = ['onnxruntime', 'openvino']


@pytest.fixture(params=OTHERS)
def engine(request):
    """The name of an engine that is installed."""
    for package in ('onnx', 'onnxscript', request.param):
        pytest.importorskip(package)
    return request.param


@pytest.fixture(autouse=True)
def two_blocks(monkeypatch):
    """Students of one block of each kind: tracing ten takes long."""
    monkeypatch.setattr(base, 'BLOCKS', [(1, 1), (2, 2)])


def settings(engine, precision='fp32'):
    """The settings that choose what scores."""
    return argparse.Namespace(engine=engine, engine_precision=precision, compile=False)


def settled(student, joints):
    return settle(scramble(student), torch.randn(8, 3, 8, joints, 2), torch.randn(8, 3, 8, joints, 2))


def assert_same_scores(student, engine, joints):
    score = engines.scorer(student, CPU, settings(engine))
    expect = engines.scorer(student, CPU, settings('torch'))
    for clips in (5, 1, 3):
        skeleton = torch.randn(clips, joints, 8, 3, 2).transpose(1, 3)  # not contiguous
        skeleton[0, ..., 1] = 0
        with torch.no_grad():
            torch.testing.assert_close(score(skeleton).logits, expect(skeleton).logits, rtol=0, atol=1e-4)


@pytest.fixture
def quiet(caplog, recwarn):
    """Fail if the test leaves a remark for the screen."""
    yield
    remarks = [record.getMessage() for record in caplog.get_records('call') if record.levelno >= logging.WARNING]
    assert not remarks and not [w.message for w in recwarn if issubclass(w.category, FutureWarning)]


@pytest.mark.usefixtures('quiet')
def test_ctr_gcn_scores_the_same(tiny, engine):
    assert_same_scores(settled(ctrgcn.Model(**tiny), 5), engine, 5)


@pytest.mark.usefixtures('quiet')
def test_hd_gcn_scores_the_same(engine, monkeypatch):
    """All points are neighbours here: which of two almost equally near ones is nearer depends on rounding."""
    levels, joints = ntu_rgb_d_hierarchy.Graph().A.shape[::2]
    monkeypatch.setattr(hdgcn, 'NEAREST_JOINTS', joints)
    monkeypatch.setattr(hdgcn, 'NEAREST_LEVELS', levels)
    student = hdgcn.Model(4, joints, 2, 'graph.ntu_rgb_d_hierarchy.Graph', base_channel=8)
    assert_same_scores(settled(student, joints), engine, joints)


def test_later_scores_leave_earlier_ones_as_they_are(tiny, engine):
    score = engines.scorer(settled(ctrgcn.Model(**tiny), 5), CPU, settings(engine))
    first = score(torch.randn(2, 3, 8, 5, 2)).logits
    kept = first.clone()
    assert not torch.equal(score(torch.randn(2, 3, 8, 5, 2)).logits, kept) and torch.equal(first, kept)


def test_bf16_is_near_where_the_cpu_has_it_and_never_pretended(tiny):
    for package in ('onnx', 'onnxscript', 'openvino'):
        pytest.importorskip(package)
    student = settled(ctrgcn.Model(**tiny), 5)
    score, skeleton = engines.scorer(student, CPU, settings('openvino', 'bf16')), torch.randn(3, 3, 8, 5, 2)
    if not engines.has_bf16('openvino'):
        with pytest.raises(InputError, match='bf16: openvino computes in fp32 on this CPU; ask for that'):
            score(skeleton)
        return
    with torch.no_grad():
        assert helpers.near(score(skeleton).logits, student(skeleton).logits, 0.05)


# --- the program


@pytest.fixture(scope='module')
def data(tmp_path_factory):
    """A folder with a few clips of each of the sample's actions."""
    folder = tmp_path_factory.mktemp('sample')
    make_sample(folder, clips_per_class=9)
    return folder


@pytest.fixture
def arguments(data, tmp_path):
    """arguments(folder, *more): the command line that tests a student, whose weights are written, on the sample."""
    layout = {'num_point': 25, 'num_person': 2, 'graph': 'graph.ntu_rgb_d.Graph'}
    torch.save(settled(ctrgcn.Model(12, **layout, base_channel=8), 25).state_dict(), tmp_path / 'best.pt')

    def command_line(folder, *more):
        clips = f'data_path={data}/skeletons.h5,window_size=16'
        flags = ['--config', ROOT / 'config/sample/joint.yaml', '--work-dir', tmp_path / folder, '--phase', 'test']
        flags += ['--test-feeder-args', clips, '--model-args', 'base_channel=8', '--test-batch-size', 16]
        flags += ['--weights', tmp_path / 'best.pt', '--device', 'cpu', '--save-score', True, *more]
        return [str(flag) for flag in flags]

    return command_line


def test_a_test_writes_the_scores_of_torch_and_says_who_scored(arguments, engine, tmp_path):
    for name in ('torch', engine):
        assert main_MMCL.main(arguments(name, '--engine', name)) == 0
        version = importlib.import_module(name).__version__.partition('-')[0]
        assert f'Engine: {name} {version}, fp32' in (tmp_path / name / 'log.txt').read_text()
    expected, found = (
        pickle.loads((tmp_path / name / 'epoch1_test_score.pkl').read_bytes()) for name in ('torch', engine)
    )
    assert list(found) == list(expected) and len(found) == 36
    np.testing.assert_allclose(np.stack(list(found.values())), np.stack(list(expected.values())), rtol=0, atol=1e-4)


def test_a_prediction_is_that_of_torch(arguments, engine, data, tmp_path):
    rows = []
    for name in ('torch', engine):
        output = tmp_path / f'{name}.csv'
        clips = '--phase', 'predict', '--input', data / 'skeletons.h5', '--output', output
        assert main_MMCL.main(arguments(name, *clips, '--engine', name)) == 0
        rows.append(list(csv.reader(open(output))))
    assert len(rows[0]) == 109 and [row[:3] for row in rows[0]] == [row[:3] for row in rows[1]]
    probabilities = [np.array([row[3::3] for row in table[1:]], float) for table in rows]
    np.testing.assert_allclose(*probabilities, rtol=0, atol=2e-4)


REFUSALS = [
    (['--phase', 'train'], 'works in --phase test and predict, not in --phase train; use --engine torch'),
    (['--phase', 'export', '--output', 'student.onnx'], 'not in --phase export'),
    (['--phase', 'model_size'], 'not in --phase model_size'),
    (['--refine', '--test-feeder-args', 'text_path=text.h5'], 'which has no FRM; use --engine torch for --refine'),
    (['--amp', 'bf16'], '--amp bf16 is only for --engine torch; for --engine {} there is --engine-precision'),
    (['--compile'], '--compile is only for --engine torch; leave it out for --engine {}'),
    (['--device', '0'], '--engine {} runs on the CPU; add --device cpu, or use --engine torch on a GPU'),
]


@pytest.mark.parametrize('name', OTHERS)
@pytest.mark.parametrize('more, words', REFUSALS, ids=[' '.join(more) for more, _ in REFUSALS])
def test_what_an_engine_cannot_do_is_refused(arguments, capsys, monkeypatch, tmp_path, name, more, words):
    monkeypatch.setattr(main_MMCL.distributed, 'choose_devices', lambda asked: (CPU, None))  # GPU 0 need not exist
    line = helpers.refused(capsys, main_MMCL.main, arguments('x', '--engine', name, *more))
    assert f'--engine {name}' in line and words.format(name) in line and not (tmp_path / 'x').exists()


def test_a_gpu_that_nobody_named_is_refused_too(arguments):
    arg = main_MMCL.config.parse(main_MMCL.get_parser(), arguments('x', '--engine', 'openvino'))
    arg.device = []
    with pytest.raises(InputError, match='--engine openvino runs on the CPU; add --device cpu'):
        engines.check(arg, [torch.device('cuda', 0)])


def test_torch_has_another_flag_for_bf16(arguments, capsys):
    line = helpers.refused(capsys, main_MMCL.main, arguments('x', '--engine-precision', 'bf16'))
    assert '--engine-precision bf16 is not for --engine torch; use --amp bf16' in line


def test_bf16_that_the_cpu_lacks_is_refused(arguments, capsys, engine, monkeypatch):
    monkeypatch.setattr(engines, 'has_bf16', lambda engine: False)
    line = helpers.refused(capsys, main_MMCL.main, arguments('x', '--engine', engine, '--engine-precision', 'bf16'))
    assert f'bf16: {engine} has no bf16 on this CPU; use fp32, or openvino on a CPU with' in line


@pytest.mark.parametrize('name', OTHERS)
@pytest.mark.parametrize('package', ['onnx', 'onnxscript', 'engine'])
def test_a_missing_package_is_named_with_the_command(arguments, capsys, monkeypatch, name, package):
    for other in ('onnx', 'onnxscript', name):
        monkeypatch.setitem(sys.modules, other, torch)  # any module, as if it were installed
    monkeypatch.setitem(sys.modules, name if package == 'engine' else package, None)
    line = helpers.refused(capsys, main_MMCL.main, arguments('x', '--engine', name))
    assert f'--engine {name} needs more packages: ' in line and f'; pip install onnx onnxscript {name}\n' in line
