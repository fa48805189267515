"""What a report says of a run's benchmark, stream and data, and where it is written."""

import argparse

import numpy as np
import pytest
import torch

from feeders import run_report
from feeders.feeder_MMCL import Feeder
from tests.feeders.clips import NAMES, write_clips
from torchlight import record
from torchlight.command import Parser
from torchlight.metrics import Evaluation


@pytest.fixture(scope='module')
def clips(tmp_path_factory):
    folder = tmp_path_factory.mktemp('clips')
    write_clips(folder)
    return folder


def feeder(dataset):
    found = argparse.Namespace(dataset=dataset)
    return found


@pytest.mark.parametrize(
    'dataset, feeder_args, expected',
    [
        ('ntu60', {'benchmark': 'xview'}, 'NTU60XView'),
        ('ntu120', {'benchmark': 'xset'}, 'NTU120XSet'),
        ('ntu120', {}, ''),
        ('nw-ucla', {}, 'NW-UCLA'),
        ('', {'data_path': 'data/NTU120_CSub.npz'}, 'NTU120XSub'),
        ('utd-mhad', {'label_map': {2: 22}, 'split': 'all'}, 'UTD-MHAD zero-shot'),
        ('sample', {}, ''),
        ('mine', {'label_map': {0: 1}}, ''),
    ],
)
def test_the_benchmark_is_that_of_the_clips(dataset, feeder_args, expected):
    assert run_report.benchmark_of(feeder(dataset), feeder_args) == expected


def test_the_stream_is_that_of_the_feeder_and_the_model():
    arg = argparse.Namespace(model='model.MMCL.Model', model_args={})
    assert run_report.stream_of(arg, argparse.Namespace(bone=True, vel=True)) == 'bone_motion'
    arg.model_args = {'backbone': 'model.hdgcn.Model'}
    assert run_report.stream_of(arg, argparse.Namespace(bone=False, vel=False)) == 'hd_joint'
    arg.model = 'model.hdgcn.Model'
    assert run_report.stream_of(arg, argparse.Namespace()) == 'hd_joint'
    arg.model, arg.model_args = 'model.MMCL.Model', {'backbone': 'model.tdgcn.Model'}
    assert run_report.stream_of(arg, argparse.Namespace(bone=True)) == 'td_bone'


@pytest.mark.parametrize(
    'phase, trained, name',
    [('train', True, 'report.html'), ('test', False, 'report.html'), ('test', True, 'report_test.html')],
)
def test_a_test_leaves_the_report_of_the_training_alone(clips, tmp_path, phase, trained, name):
    data = {'data_path': clips / 'clips.h5', 'benchmark': 'xsub'}
    test = Feeder(**data, split='all')
    scores = np.eye(60, dtype=np.float32)[(test.label + 1) % 60]
    arg = argparse.Namespace(phase=phase, work_dir=str(tmp_path), model='model.ctrgcn.Model', model_args={}, seed=1)
    arg.train_feeder_args, arg.test_feeder_args, arg.input = {}, data, None
    arg.held_out, arg.refine, arg.stream, arg.eval_interval, arg.num_epoch = 0, False, None, 1, 2
    if trained:
        record.write(tmp_path, 'running', [record.describe_session(1, [torch.device('cpu')])])
    result = Evaluation.of(test.name, test.label, scores, classes=test.classes)
    run_report.write(arg, Parser(), {'test': test}, [torch.device('cpu')], 'Model: x, 3 parameters', 'a.pt', result, [])
    assert [file.name for file in tmp_path.glob('*.html')] == [name]
    text = (tmp_path / name).read_text()
    for words in ('NTU RGB+D 60', 'NTU60XSub, joint', '2 persons × 25 joints', '16,487', 'x, 3 parameters', NAMES[0]):
        assert words in text, words
    assert text.count('<canvas') == 8
    assert ('optimistic' in text) is (phase == 'train')
