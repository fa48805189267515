"""The README's sequence on the sample: train two streams, fuse their scores; here with few clips and one epoch."""

import pytest

import main_MMCL
from Ensemble import ensemble
from feeders.sample import make_sample
from tests.helpers import ROOT, draw_nothing


@pytest.fixture(scope='module')
def streams(tmp_path_factory):
    """The folder with the clips, and each stream's score pickle."""
    folder = tmp_path_factory.mktemp('sample')
    make_sample(folder, clips_per_class=6)
    clips = f'data_path={folder}/skeletons.h5,window_size=16'
    flags = ['--device', 'cpu', '--num-epoch', '1', '--batch-size', '8', '--model-args', 'base_channel=8']
    flags += ['--train-feeder-args', f'{clips},video_path={folder}/video.h5,text_path={folder}/text.h5']
    flags += ['--test-feeder-args', clips]
    with pytest.MonkeyPatch.context() as patch:
        draw_nothing(patch)
        for stream in ('joint', 'bone'):
            config = ROOT / 'config' / 'sample' / f'{stream}.yaml'
            assert main_MMCL.main(['--config', str(config), '--work-dir', str(folder / stream), *flags]) == 0
    return folder, {stream: folder / stream / 'epoch1_test_score.pkl' for stream in ('joint', 'bone')}


def test_the_streams_differ_and_fuse_by_clip_name(streams, capsys):
    folder, files = streams
    assert files['joint'].read_bytes() != files['bone'].read_bytes()
    flags = ['--J_Score', files['joint'], '--B_Score', files['bone'], '--benchmark', 'custom']
    flags += ['--labels', folder / 'skeletons.h5', '--save', folder / 'fused.pkl']
    assert ensemble.main([str(word) for word in flags]) == 0
    said = capsys.readouterr().out
    assert 'total_num: 24' in said and 'equal weights' in said and (folder / 'fused.pkl').exists()
