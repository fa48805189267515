"""The README's sequence on the sample: train two streams, fuse their scores; here with few clips and one epoch."""

import pytest

import main_MMCL
from Ensemble import ensemble
from feeders.sample import make_sample


@pytest.fixture(scope='module')
def streams(tmp_path_factory):
    """The folder with the clips, and each stream's score pickle."""
    folder = tmp_path_factory.mktemp('sample')
    make_sample(folder, clips_per_class=6)
    for stream in ('joint', 'bone'):
        assert (
            main_MMCL.main(
                [
                    '--config',
                    f'config/sample/{stream}.yaml',
                    '--work-dir',
                    str(folder / stream),
                    '--device',
                    'cpu',
                    '--num-epoch',
                    '1',
                    '--batch-size',
                    '8',
                    '--model-args',
                    'base_channel=8',
                    '--train-feeder-args',
                    f'data_path={folder}/skeletons.h5,video_path={folder}/video.h5,text_path={folder}/text.h5,window_size=16',
                    '--test-feeder-args',
                    f'data_path={folder}/skeletons.h5,window_size=16',
                ]
            )
            == 0
        )
    return folder, {stream: folder / stream / 'epoch1_test_score.pkl' for stream in ('joint', 'bone')}


def test_the_streams_differ_and_fuse_by_clip_name(streams, capsys):
    folder, files = streams
    assert files['joint'].read_bytes() != files['bone'].read_bytes()
    assert (
        ensemble.main(
            [
                '--J_Score',
                str(files['joint']),
                '--B_Score',
                str(files['bone']),
                '--benchmark',
                'custom',
                '--labels',
                str(folder / 'skeletons.h5'),
                '--save',
                str(folder / 'fused.pkl'),
            ]
        )
        == 0
    )
    said = capsys.readouterr().out
    assert 'total_num: 24' in said and 'equal weights' in said and (folder / 'fused.pkl').exists()
