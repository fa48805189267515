"""What the program says to a mistake: one line, exit status 2."""

import os
import signal

import pytest
import torch
from torch.utils.data import get_worker_info

import main_MMCL
from feeders.feature_store import open_features, write_features
from feeders.feeder import StoreFeeder as Feeder
from model import MMCL
from tests.helpers import ROOT
from tests.program.support import refused

MISTAKES = [
    (['--config', 'nowhere.yaml'], 'cannot read the config nowhere.yaml'),
    (['--base_lrr', '1'], "unknown argument '--base_lrr'; did you mean '--base_lr'?"),
    (['--base-lr', 'fast'], "'fast' must be a number ≥ 0"),
    (['--train-feeder-args', 'windowsize=3'], "did you mean 'window_size'?"),
    (['--train-feeder-args', 'data_path=nowhere.h5'], 'nowhere.h5 does not exist'),
    (['--train-feeder-args', 'video_path=nowhere.h5'], 'LLMs.video_features'),
    (['--model-args', 'num_class=5'], 'num_class must be at least 12'),
    (['--model-args', 'num_point=20'], 'num_point 20'),
    (['--model-args', 'num_class=None'], 'num_class None'),
    (['--model-args', 'base_channel=10'], 'a positive multiple of 8'),
    (['--model-args', 'drop_out=high'], "drop_out: 'high'"),
    (['--train-feeder-args', 'window_size=abc'], "window_size: 'abc'"),
    (['--held-out', '0.01'], 'the rarest class has 6 clips'),
    (['--seed', '-1'], "'-1' must be an integer ≥ 0"),
    (['--show-topk', '0'], "'0' must be an integer ≥ 1"),
    (['--model', '..Model'], 'is not the dotted name of a class'),
    (['--refine', '--train-feeder-args', 'text_path=None'], 'needs text_path'),
    (['--model-args', 'num_person=1'], '2 persons'),
    (['--model-args', 'in_channels=2'], '3 coordinates'),
    (['--model-args', 'video_dim=20'], 'the video features are 64 wide, but model_args has video_dim 20'),
    (['--model-args', 'text_dim=20'], 'the text features are 16 wide, but model_args has text_dim 20'),
    (['--model-args', 'graph=graph.ucla.Graph'], 'graph.ucla.Graph has 20 joints, but model_args has num_point 25'),
    (['--model', 'model.MMCL.Modell'], "module 'model.MMCL' has no class 'Modell'"),
    (['--phase', 'test'], 'needs --weights'),
    (['--phase', 'test', '--weights', 'nowhere.pt'], 'nowhere.pt does not exist'),
    (['--device', 'cpu', '0'], 'mixes the CPU and GPUs'),
    (['--batch-size', '5000'], 'batch_size is 5000'),
    (['--resume', 'nowhere.pt'], 'nowhere.pt does not exist'),
    (['--num-epoch', '0'], 'no epoch is left to train'),
]


@pytest.mark.parametrize('more, words', MISTAKES, ids=[' '.join(more) for more, _ in MISTAKES])
def test_a_mistake_gets_one_line_and_nothing_but_the_log(arguments, tmp_path, capsys, more, words):
    assert words in refused(capsys, arguments('x', *more))
    left = {path.name for path in (tmp_path / 'x').rglob('*')} if (tmp_path / 'x').exists() else set()
    assert left <= {'log.txt', '.lock'}


@pytest.mark.parametrize('phase, output', [('predict', '/dev/null'), ('predict', '.'), ('export', '/proc/student.pt2')])
def test_an_output_that_cannot_be_written_is_refused_before_clips_are_read(one_epoch, arguments, capsys, phase, output):
    files = '--input', 'nowhere.npy', '--weights', one_epoch / 'best.pt', '--output', output
    assert f'cannot write {output}: ' in refused(capsys, arguments('x', '--phase', phase, *files))


def test_a_data_loading_process_that_is_killed_costs_no_checkpoint(run, arguments, capsys, monkeypatch):
    state = (run('a', '--num-epoch', 1) / 'checkpoint.pt').read_bytes()
    fetch = Feeder.__getitems__

    def killed(self, rows):
        if get_worker_info():
            os.kill(os.getpid(), signal.SIGKILL)
        return fetch(self, rows)

    monkeypatch.setattr(Feeder, '__getitems__', killed)
    line = refused(capsys, arguments('a', '--resume', 'auto', '--num-worker', 1))
    assert 'a data-loading process was killed, usually for lack of memory; try fewer --num-worker' in line
    monkeypatch.undo()
    assert (run('a', '--num-epoch', 1, '--resume', 'auto') / 'checkpoint.pt').read_bytes() == state


def test_weights_of_another_model_are_listed(trained, arguments, capsys):
    test = '--phase', 'test', '--weights', trained / 'best.pt'
    line = refused(capsys, arguments('b', *test, '--model-args', 'base_channel=16'))
    assert (
        'best.pt belongs to another model' in line and 'of another shape (l1.gcn1' in line and '(8,) for (16,)' in line
    )


def test_clips_without_a_feature_are_counted_and_named(arguments, data, tmp_path, capsys):
    video = open_features(data / 'video.h5')
    write_features(tmp_path / 'some.h5', video.name[::2], video.feature[::2], kind='video')
    line = refused(capsys, arguments('x', '--train-feeder-args', f'video_path={tmp_path}/some.h5'))
    assert 'of 72 clips have no video feature' in line and line.count('S0') == 5


def test_an_unknown_key_in_yaml_names_file_and_nearest(arguments, tmp_path, capsys):
    (tmp_path / 'my.yaml').write_text(f'base: {ROOT}/config/sample/joint.yaml\nbatchsize: 4\n')
    line = refused(capsys, arguments('x', '--config', tmp_path / 'my.yaml'))
    assert 'my.yaml' in line and "'batchsize'; did you mean 'batch_size'?" in line


def test_a_loss_that_is_not_finite_stops_the_run(run, arguments, capsys, monkeypatch):
    loss_terms = MMCL.loss_terms
    calls = []

    def broken(*given):
        calls.append(1)
        terms = loss_terms(*given)
        return {**terms, 'cross_entropy': terms['cross_entropy'] * (torch.nan if len(calls) == 9 else 1)}

    monkeypatch.setattr(main_MMCL, 'loss_terms', broken)
    line = refused(capsys, arguments('a'))
    assert 'nan (cross_entropy, loss) in epoch 2, step 9, at learning rate 0.1' in line
    state = torch.load(line.split(' and ')[1].split(' is as it was last written')[0], weights_only=True)
    assert state['epoch'] == 1 and all(value.isfinite().all() for value in state['model'].values())
