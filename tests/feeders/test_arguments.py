"""From the settings to the arguments of feeders and model, and what does not fit together."""

import argparse

import numpy as np
import pytest
import torch

from config.flags import get_parser
from feeders import arguments
from feeders.feeder import Feeder
from feeders.feeder_MMCL import Feeder as MMCLFeeder
from feeders.feeder_ucla import Feeder as UCLAFeeder
from feeders.skeleton_store import SkeletonStoreWriter
from torchlight.errors import InputError

TRAIN = {'data_path': 'x.h5', 'benchmark': 'xsub', 'video_path': 'v.h5', 'text_path': 't.h5', 'window_size': 16}
TEST = {'data_path': 'x.h5', 'benchmark': 'xsub', 'window_size': 32, 'video_path': None}


def settings(**changes):
    """The settings that matter here, as a command line would give them."""
    arg = {
        'phase': 'train',
        'weights': None,
        'input': None,
        'resume': None,
        'start_epoch': 0,
        'num_epoch': 2,
        'compile': False,
        'amp': 'no',
        'batch_size': 4,
        'model_args': {'num_class': 3, 'num_point': 5, 'num_person': 2},
        'train_feeder_args': TRAIN,
        'test_feeder_args': TEST,
        'stream': None,
        'held_out': 0,
        'held_out_by': None,
        'refine': False,
    }
    return argparse.Namespace(**{**arg, **changes})


class Clips(Feeder):
    """A feeder of these labels."""

    def __init__(self, label, layout=(2, 5, 3)):
        self.name, self.label, self.layout = [str(i) for i in range(len(label))], np.array(label), layout


class Placed(Clips):
    """A feeder that can be placed."""

    def place(self, augment_on, preload, device):
        self.placed = augment_on, preload, device


# --- the places of clips


@pytest.mark.parametrize(
    'flags', [['--augment-on', 'device'], ['--preload', 'memory'], ['--augment-on', 'worker', '--preload', 'device']]
)
def test_flags_place_the_clips(flags):
    parser = get_parser()
    device = torch.device('cpu')
    arg = parser.parse_args(flags)
    feeder = arguments.make_feeder(Placed, {'label': [0]}, arg, device)
    assert feeder.placed == (arg.augment_on, arg.preload, device)
    with pytest.raises(InputError, match=r'Clips reads and augments its clips in the workers; leave out --augment-on'):
        arguments.make_feeder(Clips, {'label': [0]}, arg, device)
    for cls in (Placed, Clips):  # the defaults are the feeder's own
        assert not hasattr(arguments.make_feeder(cls, {'label': [0]}, parser.parse_args([]), device), 'placed')


# --- the arguments of the feeders


def test_training_and_testing_have_their_own_clips_and_only_training_has_features():
    given = arguments.feeder_arguments(settings())
    assert given == {'train': TRAIN, 'test': {'data_path': 'x.h5', 'benchmark': 'xsub', 'window_size': 32}}
    assert arguments.feeder_arguments(settings(phase='test')) == {'test': given['test']}
    assert arguments.feeder_arguments(settings(phase='model_size')) == {}


def test_a_stream_sets_both_feeders():
    given = arguments.feeder_arguments(settings(stream='bone_motion'))
    assert all((args['bone'], args['vel']) == (True, True) for args in given.values())


def test_held_out_clips_are_training_clips_fed_as_test_clips():
    given = arguments.feeder_arguments(settings(held_out=0.2, test_feeder_args={**TEST, 'data_path': 'test.h5'}))
    expected = {'data_path': 'x.h5', 'benchmark': 'xsub', 'window_size': 32, 'split': 'held_out', 'held_out': 0.2}
    assert given['val'] == expected and given['train']['held_out'] == 0.2
    assert given['test']['data_path'] == 'test.h5' and 'held_out' not in given['test']
    given = arguments.feeder_arguments(settings(held_out=0.2, held_out_by='performer'))
    assert given['val']['held_out_by'] == given['train']['held_out_by'] == 'performer'


def test_predicting_reads_all_clips_of_the_input_whatever_the_map():
    test = {**TEST, 'label_map': {1: 2}}
    given = arguments.feeder_arguments(settings(phase='predict', input='new.npy', test_feeder_args=test))
    assert given == {'test': {'data_path': 'new.npy', 'split': 'all', 'window_size': 32}}


def test_refining_adds_the_text_to_the_test_clips():
    given = arguments.feeder_arguments(settings(refine=True, test_feeder_args={**TEST, 'text_path': 'own.h5'}))
    assert given['test']['text_path'] == 'own.h5' and 'video_path' not in given['test']
    assert arguments.feeder_arguments(settings(refine=True))['test']['text_path'] == 't.h5'


# --- the arguments of the model


def test_the_model_gets_the_widths_of_the_features():
    args, where = arguments.model_arguments({'num_class': 3, 'text_dim': 4}, {'video': 8, 'text': 4})
    assert args == {'num_class': 3, 'video_dim': 8, 'text_dim': 4}
    assert where == 'model_args, with the widths of video and text features,'
    assert arguments.model_arguments({'num_class': 3, 'video_dim': 8}, {}) == ({'num_class': 3}, 'model_args')
    with pytest.raises(InputError, match='the text features are 5 wide, but model_args has text_dim 4'):
        arguments.model_arguments({'text_dim': 4}, {'text': 5})


# --- what is refused


@pytest.mark.parametrize(
    'changes, text',
    [
        ({'phase': 'test'}, '--phase test needs --weights'),
        ({'phase': 'predict', 'weights': 'x.pt'}, '--phase predict needs --input'),
        ({'num_epoch': 3, 'start_epoch': 3}, 'no epoch is left to train: num_epoch is 3, start_epoch 3'),
        (
            {'train_feeder_args': {**TRAIN, 'benchmark': 'xview'}},
            'benchmark is xview of train_feeder_args and xsub of test',
        ),
        ({'held_out_by': 'subject'}, '--held-out-by subject needs --held-out'),
        ({'model_args': {'num_class': 0}}, 'model_args has num_class 0; it must be an integer ≥ 1'),
        ({'model_args': {'num_class': 3, 'num_point': 5}}, 'model_args has num_person None'),
        (
            {'model_args': {'num_class': 3, 'num_point': 5, 'num_person': 2, 'in_channels': 'three'}},
            "model_args has in_channels 'three'",
        ),
        ({'refine': True, 'train_feeder_args': {}}, '--refine scores with the FRM, which needs text_path'),
        (
            {'refine': True, 'train_feeder_args': {}, 'test_feeder_args': {'text_path': 't.h5'}},
            'which is trained only with text_path in train_feeder_args',
        ),
    ],
)
def test_settings_that_contradict_each_other_are_refused(changes, text):
    with pytest.raises(InputError) as error:
        arguments.check(settings(**changes))
    assert text in str(error.value) and '\n' not in str(error.value)


def test_settings_that_do_not_suit_the_devices_are_refused():
    arguments.check(settings())
    with pytest.raises(InputError, match='one device per process'):
        arguments.check(settings(compile=True), devices=2)
    with pytest.raises(InputError, match='batch_size is 4, which is not divisible by the number of processes, 3'):
        arguments.check(settings(), processes=3)


@pytest.mark.parametrize(
    'feeder, text',
    [
        (Clips([0, 1], (1, 5, 3)), 'the train clips have 1 person, 5 joints, 3 coordinates, but model_args has num_'),
        (Clips([0, 3]), 'the train clips have labels up to 3, so num_class must be at least 4; model_args has 3'),
        (Clips([0, -1]), 'some of the train clips have no label; --phase predict classifies such clips'),
    ],
)
def test_clips_that_do_not_fit_the_model_are_refused(feeder, text):
    model_args = settings().model_args
    with pytest.raises(InputError) as error:
        arguments.check_fit(model_args, feeder, 'train')
    assert text in str(error.value)


def test_weights_that_do_not_exist_are_the_reason_not_the_folder_that_is_written_to():
    with pytest.raises(InputError, match=r'^the weights file /nowhere/best.pt does not exist$'):
        arguments.check(settings(phase='test', weights='/nowhere/best.pt'))


def test_clips_of_one_person_in_a_feeder_of_two_are_not_called_clips_of_two(tmp_path):
    with SkeletonStoreWriter(tmp_path / 'x.h5', 'custom', (1, 5, 3)) as store:
        store.add('a', 0, np.ones((4, 1, 5, 3)))
    graph = {'graph': 'graph.custom.Graph', 'graph_args': {'num_point': 5, 'edges': [[1, 0]]}}
    feeder = MMCLFeeder(tmp_path / 'x.h5', 'all', **graph)
    model_args = {'num_class': 3, 'num_point': 5, 'num_person': 1}
    with pytest.raises(InputError) as error:
        arguments.check_fit(model_args, feeder, 'train')
    for words in (
        'num_person of the train feeder is 2 (given or by default), that of model_args 1',
        'train_feeder_args, test_feeder_args and model',
    ):
        assert words in str(error.value)
    arguments.check_fit({**model_args, 'num_person': 2}, feeder, 'train')
    arguments.check_fit(model_args, MMCLFeeder(tmp_path / 'x.h5', 'all', num_person=1, **graph), 'train')


def test_training_clips_of_an_unusual_scale_are_a_warning_unless_their_feeder_normalises(tmp_path, capsys):
    with SkeletonStoreWriter(tmp_path / 'x.h5', 'custom', (1, 5, 3)) as store:
        store.add('a', 0, np.full((9, 1, 5, 3), 500))
    feeder = MMCLFeeder(tmp_path / 'x.h5', 'all', graph='graph.custom.Graph', graph_args={'num_point': 5, 'edges': []})
    arguments.warn(settings(), {'train': feeder, 'test': feeder})
    assert capsys.readouterr().err.startswith(f'warning: half of the coordinates in {tmp_path}/x.h5 are beyond ±500')
    feeder.normalises = True
    arguments.warn(settings(), {'train': feeder, 'test': feeder})
    assert capsys.readouterr().err == ''
    assert UCLAFeeder.normalises


def test_clips_far_longer_than_the_window_are_a_warning_when_they_are_predicted(tmp_path, capsys):
    for frames, words in (
        (33, 'warning: 1 clip has more than 32 frames: x (33); each is seen as one sample of 4'),
        (32, ''),
    ):
        np.save(tmp_path / 'x.npy', np.ones((frames, 5, 3)))
        feeder = MMCLFeeder(
            tmp_path / 'x.npy',
            'all',
            window_size=4,
            graph='graph.custom.Graph',
            graph_args={'num_point': 5, 'edges': []},
        )
        arguments.warn(settings(phase='predict'), {'test': feeder})
        error = capsys.readouterr().err
        assert error.startswith(words) and bool(error) == bool(words)


def test_clips_without_labels_may_be_predicted():
    assert arguments.check_fit(settings().model_args, Clips([-1]), 'test', labelled=False) is None
