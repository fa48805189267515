"""What an export takes from the feeders: which clips, and what the program says of itself."""

import argparse
import hashlib
import json

import numpy as np
import pytest
import torch

from feeders import exports, feeder_MMCL
from feeders.arguments import layout
from feeders.feeder import Feeder
from tests.feeders.clips import write_clips
from torchlight.errors import InputError
from torchlight.tensor_files import write_tensors

OTHER = {'data_path': 'mine.npy', 'split': 'all'}
NOISE = torch.zeros(2, 3, 16, 25, 2)


class Clips(Feeder):
    """A feeder that reads its clips in a way of its own."""


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    """A store, and weights that carry their classes."""
    folder = tmp_path_factory.mktemp('clips')
    write_clips(folder)
    write_tensors(folder / 'best.pt', {}, {'format': 1, 'classes': ['walk', 'wave'], 'dataset': 'mine'})
    return folder


@pytest.fixture
def feeder(folder):
    return feeder_MMCL.Feeder(folder / 'clips.h5', 'all', window_size=16)


@pytest.fixture
def settings(folder):
    def make(**more):
        found = {
            'phase': 'export',
            'input': None,
            'feeder': 'feeders.feeder_MMCL.Feeder',
            'with_preprocessing': False,
            'weights': str(folder / 'best.pt'),
            'test_feeder_args': {},
            'stream': None,
            'model': 'model.MMCL.Model',
            'model_args': {'num_class': 2, 'num_point': 25, 'num_person': 2},
        }
        return argparse.Namespace(**{**found, **more})

    return make


def test_clips_are_those_of_the_input_or_test_clips_that_are_there_or_noise(settings, folder):
    there, gone = ({'data_path': str(folder / name), 'window_size': 9} for name in ('clips.h5', 'gone.h5'))
    sizes = layout(settings().model_args)
    assert exports.feeder_arguments(settings(input='mine.npy'), there, OTHER, sizes) == {'test': OTHER}
    assert exports.feeder_arguments(settings(), there, OTHER, sizes) == {'test': there}
    noise = exports.feeder_arguments(settings(), gone, OTHER, sizes)['test']
    assert noise['split'] == 'all' and noise['data_path'].layout == (2, 25, 3)
    assert exports.feeder_arguments(settings(feeder=f'{__name__}.Clips'), gone, OTHER, sizes) == {}


def test_missing_test_clips_are_a_warning_that_names_them_and_the_remedy(settings, folder):
    def warning(**more):
        return exports.missing_clips(settings(**{'phase': 'export', **more}))

    there, gone = ({'data_path': str(folder / name)} for name in ('clips.h5', 'gone.h5'))
    assert f'data_path {folder}/gone.h5, do not exist' in warning(test_feeder_args=gone)
    assert warning(test_feeder_args=gone).endswith('clips of noise; give real ones with --input CLIPS')
    assert not warning(test_feeder_args=there) and not warning()
    assert not warning(test_feeder_args=gone, input='mine.npy') and not warning(test_feeder_args=gone, phase='test')


def test_clips_of_noise_can_be_used_and_differ_in_length_and_persons():
    store = exports.noise_store((2, 25, 3))
    assert not store.problems() and not store.faults(np.arange(len(store)))
    assert len(set(store.length)) > 9 and set(store.person) == {1, 2} and not store.clip(0)[:, 1].any()
    assert feeder_MMCL.Feeder(store, 'all').__getitems__([0, 1]).skeleton.isfinite().all()


def test_clips_are_spread_over_those_there_are(settings, feeder, monkeypatch):
    monkeypatch.setattr(exports, 'CHECKED', 3)
    found = exports.material(settings(), feeder, NOISE)
    assert torch.equal(found.skeleton, feeder.__getitems__([0, 3, 7]).skeleton)
    assert found.origin == f'3 of 8 clips of {feeder.store.path}'
    assert not found.clips and found.preprocessing is None and found.about['with_preprocessing'] == 'false'


def test_with_preprocessing_the_clips_come_as_they_are_too(settings, feeder):
    found = exports.material(settings(with_preprocessing=True), feeder, NOISE)
    assert [tuple(clip.shape) for clip in found.clips[:2]] == [(40, 25, 3, 2), (7, 25, 3, 2)]
    np.testing.assert_array_equal(found.clips[1].permute(0, 3, 1, 2), feeder.store.clip(1))
    made = torch.cat([found.preprocessing(clip) for clip in found.clips])
    torch.testing.assert_close(made, found.skeleton, rtol=0, atol=1e-6)
    assert found.about['with_preprocessing'] == 'true'


def test_without_a_feeder_there_is_noise(settings):
    found = exports.material(settings(), None, NOISE)
    assert found.skeleton is NOISE and found.origin == '2 clips of noise' and found.about['preprocessing'] == ''


@pytest.mark.parametrize('random', [{'random_rot': True}, None])
def test_preprocessing_that_cannot_be_exported_is_refused(settings, folder, random):
    feeder = feeder_MMCL.Feeder(folder / 'clips.h5', 'all', **random) if random else None
    with pytest.raises(InputError, match=r'--with-preprocessing: feeders.feeder_MMCL.Feeder has no preprocessing that'):
        exports.material(settings(with_preprocessing=True), feeder, NOISE)


def test_a_program_says_what_it_is(settings, feeder, folder):
    about = exports.material(settings(test_feeder_args={'bone': True}), feeder, NOISE).about
    assert all(isinstance(value, str) for value in about.values())
    expected = {'window': '16', 'joints': '25', 'persons': '2', 'coordinates': '3', 'stream': 'bone', 'dataset': 'mine'}
    expected |= {'weights': 'best.pt', 'torch': torch.__version__}
    assert expected.items() <= about.items()
    assert about['weights_sha256'] == hashlib.sha256((folder / 'best.pt').read_bytes()).hexdigest()
    assert json.loads(about['classes']) == ['walk', 'wave'] and json.loads(about['parents'])[:2] == [1, 20]
    assert 'resampled to 16 frames' in about['preprocessing'] and about['normalisation'].startswith('none')
    assert exports.material(settings(stream='joint_motion'), feeder, NOISE).about['stream'] == 'joint_motion'
