"""What weights say of themselves: the names of the classes, and how the clips were prepared."""

from argparse import Namespace

import numpy as np
import pytest
import torch

from feeders import description
from feeders.feeder_MMCL import Feeder
from feeders.skeleton_store import SkeletonStore
from torchlight.errors import InputError
from torchlight.tensor_files import write_tensors

ARG = Namespace(model='model.ctrgcn.Model', model_args={'num_class': 2}, feeder='x', test_feeder_args={}, stream=None)


@pytest.fixture
def feeder():
    """Makes a feeder of one clip of keypoints."""

    def make(**facts):
        frames = np.random.default_rng(0).normal(size=(5, 1, 17, 3)).astype(np.float32)
        store = SkeletonStore(frames, [0], [5], ['a'], [1], [1], 'custom', **facts)
        return Feeder(store, 'all', num_person=1, graph='graph.coco.Graph')

    return make


def test_weights_say_how_the_clips_of_their_training_were_prepared(feeder):
    for normalised in (False, True):
        said = description.describe(ARG, feeder(classes=['sit', 'wave'], normalised=normalised, confidence=True))
        assert said['classes'] == ['sit', 'wave'] and said['dataset'] == 'custom'
        assert said['normalised'] is normalised and said['confidence'] is True


def test_clips_that_were_prepared_otherwise_are_a_warning(feeder, tmp_path):
    path = str(tmp_path / 'x.pt')
    said = description.describe(ARG, feeder(normalised=True))
    write_tensors(path, {'a': torch.ones(1)}, said)
    arg = Namespace(phase='test', weights=path, test_feeder_args={}, stream=None)
    assert description.facts_of_training(path) == (True, False)
    assert description.compare(arg, feeder(normalised=True)) == ''
    found = description.compare(arg, feeder(confidence=True))
    assert f'{path} was trained on are centred and scaled and are not keypoints with a confidence' in found
    arg.stream = 'bone'
    assert f'{path} was trained on the stream joint, but scores the stream bone' in description.compare(
        arg, feeder(normalised=True)
    )
    assert description.compare(Namespace(phase='train', weights=path), None) == ''
    write_tensors(path, {'a': torch.ones(1)})  # of another program
    assert description.compare(arg, feeder(normalised=True)) == ''


def test_clips_that_number_their_classes_otherwise_are_not_tested(feeder, tmp_path):
    path = str(tmp_path / 'x.pt')
    write_tensors(path, {'a': torch.ones(1)}, description.describe(ARG, feeder(classes=['clap', 'jump'])))
    arg = Namespace(phase='test', weights=path, test_feeder_args={}, stream=None)
    assert description.compare(arg, feeder(classes=['clap', 'jump'])) == description.compare(arg, feeder()) == ''
    with pytest.raises(InputError, match=r"^class 0 is 'clap' for .*x\.pt, but 'jump' for the clips to test"):
        description.compare(arg, feeder(classes=['jump', 'clap']))
    arg.phase = 'predict'  # which uses the names of the weights
    assert description.compare(arg, feeder(classes=['jump', 'clap'])) == ''
    arg.phase, arg.test_feeder_args = 'test', {'label_map': {0: 1, 1: 0}}
    assert description.compare(arg, feeder(classes=['jump', 'clap'])) == ''


def test_weights_without_names_have_those_of_the_store(feeder, tmp_path):
    torch.save({}, tmp_path / 'x.pt')
    clips = feeder(classes=['sit', 'wave'])
    arg = Namespace(phase='test', weights=tmp_path / 'x.pt')
    assert description.class_names(arg, clips, 2) == ['sit', 'wave']
    assert description.class_names(arg, clips, 1) == []
    write_tensors(tmp_path / 'x.pt', {'a': torch.ones(1)}, {'classes': ['clap', 'jump']})
    assert description.class_names(arg, clips, 2) == ['clap', 'jump']
    arg.phase = 'train'
    assert description.class_names(arg, clips, 2) == ['sit', 'wave']
