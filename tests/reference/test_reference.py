"""The references equal the public implementations, on the public arrays in ../shared/golden."""

import itertools
import json

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from tests.helpers import near
from tests.reference import graphs, ntu_feeder, skeleton_file, ucla_feeder
from tests.reference.hdgcn import HDGCN
from tests.reference.mmcl import MMCL, total_loss
from tests.reference.tdgcn import TDGCN

STREAMS = 'joint', 'bone', 'joint_motion', 'bone_motion'


def load(model, weights):
    """Load a public file; HD-GCN's `conv_d` are second names of the last level."""
    model.load_state_dict({key: torch.from_numpy(weights[key]) for key in weights if '.conv_d.' not in key})
    return model


def assert_gradients(model, io, share):
    keys = [key.removeprefix('grad64.') for key in io if key.startswith('grad64.')]
    assert len(keys) >= 10
    for key in keys:
        assert near(model.get_parameter(key).grad, io[f'grad64.{key}'], share), key


@pytest.mark.parametrize('name', ['ntu_rgb_d', 'ucla', *(f'ntu_rgb_d_hierarchy_com{CoM}' for CoM in (1, 2, 21))])
def test_the_graphs(public, name):
    if name.startswith('ntu_rgb_d_hierarchy'):
        A = graphs.hierarchical(int(name.partition('com')[2]))
    else:
        A = {'ntu_rgb_d': graphs.ntu, 'ucla': graphs.ucla}[name]()
    assert np.array_equal(A, public('graphs')[name])


@pytest.mark.parametrize('mode', ['eval', 'train'])
def test_mmcl(public, mode):
    io, model = public('mmcl_io'), load(MMCL(120, graphs.ntu()), public('mmcl_weights')).train(mode == 'train')
    inputs = [torch.from_numpy(io[key]) for key in ('x', 'video_feature', 'text_feature')]
    logits, refined, alignment = model(*inputs)
    assert near(logits, io['eval_logits' if mode == 'eval' else 'trainmode_logits'], 1e-4)
    assert near(refined, io[f'{mode}mode_refined'], 1e-4)
    assert near(alignment.mean(), io[f'{mode}mode_alignment_loss'], 1e-4)
    for key in [key for key in io if key.startswith('after.')] if mode == 'train' else []:
        assert near(model.state_dict()[key.removeprefix('after.')].float(), io[key], 1e-4), key


def test_gradients_of_mmcl(public):
    io, model = public('mmcl_io'), load(MMCL(120, graphs.ntu()), public('mmcl_weights')).double().train()
    output = model(*(torch.from_numpy(io[key]).double() for key in ('x', 'video_feature', 'text_feature')))
    loss = total_loss(*output, torch.from_numpy(io['label']))
    loss.backward()
    assert near(output[0], io['trainmode_logits64'], 1e-8) and near(loss, io['trainmode_total_loss64'], 1e-8)
    assert_gradients(model, io, 1e-8)


def test_hdgcn(public):
    io = public('hdgcn_com1_io')
    model = load(HDGCN(60, graphs.hierarchical(1), graphs.groups(1)), public('hdgcn_com1_weights'))
    with torch.no_grad():
        assert near(model.eval()(torch.from_numpy(io['x'])), io['eval_logits'], 1e-4)
    logits = model.double().train()(torch.from_numpy(io['x']).double())
    F.cross_entropy(logits, torch.from_numpy(io['label'])).backward()
    assert near(logits, io['trainmode_logits64'], 1e-6)  # stored in float32
    assert_gradients(model, io, 1e-8)


@torch.no_grad()
def test_tdgcn(public):
    io, model = public('tdgcn_io'), load(TDGCN(60, graphs.ntu()), public('tdgcn_weights')).eval()
    assert near(model(torch.from_numpy(io['x'])), io['eval_logits'], 1e-4)
    logits = model.double().train()(torch.from_numpy(io['x']).double())
    loss = F.cross_entropy(logits, torch.from_numpy(io['label']))
    assert near(logits, io['trainmode_logits64'], 1e-8) and near(loss, io['trainmode_loss64'], 1e-8)


def test_the_ntu_feeder(public):
    expected = public('ntu_feeder')
    clips = public('ntu60_prepared')['aligned'][::2]
    for i, clip in enumerate(clips):
        frames = ntu_feeder.valid_frames(clip)
        assert frames == expected['valid_frames'][i]
        test = ntu_feeder.joints(clip, *ntu_feeder.centre(frames), 64)
        train = ntu_feeder.joints(
            clip, expected['crop_start'][i], expected['crop_length'][i], 64, expected['angles'][i]
        )
        for name, (split, x) in itertools.product(STREAMS, (('test', test), ('train', train))):
            np.testing.assert_allclose(ntu_feeder.stream(x, name), expected[f'{split}.{name}'][i], rtol=0, atol=3e-6)


def test_the_ucla_feeder(public, shared):
    def read(name):
        return json.loads((shared / 'data' / 'NW-UCLA' / 'all_sqe' / f'{name}.json').read_text())['skeletons']

    expected = public('ucla_feeder')
    for i, clip in enumerate(map(read, expected['name'])):
        frames = ucla_feeder.evenly_spaced(len(clip), 52)
        for name in STREAMS:
            ours = ucla_feeder.clip_stream(clip, frames, name)
            np.testing.assert_allclose(ours, expected[f'test.{name}'][i], rtol=0, atol=3e-7)
    for i, clip in enumerate(map(read, expected['train_name'])):
        matrix = ucla_feeder.turn(*(expected[key][i] for key in ('rot_x', 'rot_y', 'scale')))
        for name in STREAMS:
            ours = ucla_feeder.clip_stream(clip, expected['frames'][i], name, matrix)
            np.testing.assert_allclose(ours, expected[f'train.{name}'][i], rtol=0, atol=3e-7)


@pytest.mark.parametrize('dataset, folder', [('ntu60', 'nturgb+d_skeletons'), ('ntu120', 'nturgb+d_skeletons120')])
def test_the_skeleton_files(public, shared, dataset, folder):
    expected = public(f'{dataset}_prepared')
    for name, length, aligned in zip(expected['name'], expected['length'], expected['aligned']):
        path = shared / 'data' / 'ntu_raw' / folder / f'{name}.skeleton'
        frames = skeleton_file.denoise(*skeleton_file.parse(path.read_bytes()))
        assert frames.tobytes() == expected[f'denoised.{name}'].tobytes(), name
        moved = skeleton_file.translate(frames)
        assert len(moved) == length
        assert moved.tobytes() == np.ascontiguousarray(aligned[:length, : moved.shape[1]]).tobytes(), name
