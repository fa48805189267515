"""Feature stores: written and read, joined by name, their statistics, ablations and origin."""

import numpy as np
import pytest
import torch

from feeders.feature_store import open_features, open_for_branch, write_features
from feeders.feeder_MMCL import Feeder
from feeders.mapped import MappedArray
from feeders.skeleton_store import SkeletonStoreWriter
from model.FRM import FRM
from tests.helpers import near
from torchlight.errors import InputError

RNG = np.random.default_rng(0)
NAMES = [f'S001C001P001R001A{action:03}' for action in range(1, 8)]
FEATURE = RNG.normal(5, [1, 2, 0.1], (7, 3)).astype(np.float32)


@pytest.fixture
def text(tmp_path):
    write_features(
        tmp_path / 'text.h5',
        NAMES,
        FEATURE,
        kind='text',
        encoder='Salesforce/blip-vqa-base',
        prompt='what?',
        feature_kind='hidden',
    )
    return tmp_path / 'text.h5'


@pytest.fixture
def feeder(tmp_path, text):
    """feeder(**arguments) over seven clips that have a text feature each."""
    with SkeletonStoreWriter(tmp_path / 'x.h5', 'ntu60', (2, 25, 3)) as store:
        for label, name in enumerate(NAMES):
            store.add(name, label, RNG.normal(size=(4, 1, 25, 3)).astype(np.float32))

    def make(**arguments):
        return Feeder(str(tmp_path / 'x.h5'), split='all', window_size=8, text_path=str(text), **arguments)

    return make


def test_features_come_back_under_their_names(tmp_path):
    feature = np.random.default_rng(0).normal(size=(3, 4)).astype(np.float32)
    write_features(tmp_path / 'x.h5', ['a', 'b', 'c'], feature, kind='video', encoder='e')
    store = open_features(tmp_path / 'x.h5')
    assert store.width == 4 and store.attributes['encoder'] == 'e' and isinstance(store.feature, MappedArray)
    np.testing.assert_array_equal(store.feature[store.rows(['c', 'a', 'c'], 'video')], feature[[2, 0, 2]])


def test_a_folder_of_arrays_is_a_feature_store(tmp_path):
    feature = np.random.default_rng(0).normal(size=(3, 4)).astype(np.float32)
    for name, row in zip('bca', feature):
        np.save(tmp_path / f'{name}.npy', row.astype(np.float64)[None])  # stored as (1, D)
    store = open_features(tmp_path)
    np.testing.assert_array_equal(store.feature[store.rows(['b', 'c', 'a'], 'text')], feature)
    assert store.feature.dtype == np.float32


def test_feature_folders_that_do_not_fit_are_refused(tmp_path):
    with pytest.raises(InputError, match=r'has 0 \.npy features'):
        open_features(tmp_path)
    np.save(tmp_path / 'a.npy', np.zeros(3))
    np.save(tmp_path / 'b.npy', np.zeros(5))
    with pytest.raises(InputError, match=r'has 2 .npy features of widths \[3, 5\]; expected one width') as error:
        open_features(tmp_path)
    assert '\n' not in str(error.value)
    (tmp_path / 'b.npy').write_text('hello')
    with pytest.raises(InputError, match=r'b.npy is not a .npy array of numbers') as error:
        open_features(tmp_path)
    assert '\n' not in str(error.value)


def test_missing_features_are_counted_and_the_first_five_named(tmp_path):
    write_features(tmp_path / 'x.h5', ['c2'], np.zeros((1, 4)))
    with pytest.raises(InputError) as error:
        open_features(tmp_path / 'x.h5').rows([f'c{i}' for i in range(8)], 'video')
    text = str(error.value)
    assert text.startswith('7 of 8 clips have no video feature in ') and '\n' not in text
    assert text.endswith('x.h5: c0, c1, c3, c4, c5, …')


def test_statistics_are_those_of_the_features_stored_or_not(text, tmp_path):
    (tmp_path / 'folder').mkdir()
    for name, feature in zip(NAMES, FEATURE):
        np.save(tmp_path / 'folder' / f'{name}.npy', feature)
    for store in (open_features(text), open_features(tmp_path / 'folder')):
        np.testing.assert_allclose(store.statistics[0], FEATURE.mean(0), rtol=1e-6)
        np.testing.assert_allclose(store.statistics[1], FEATURE.std(0), rtol=1e-5)


def test_a_constant_ablation_gives_every_clip_the_mean(feeder):
    texts = feeder(text_ablation='constant').__getitems__([0, 3, 6]).text
    np.testing.assert_allclose(texts, FEATURE.mean(0)[None].repeat(3, 0), rtol=1e-6)


def test_a_shuffled_ablation_gives_every_clip_another_ones_feature(feeder):
    plain, shuffled, again = (
        feeder(text_ablation=how).__getitems__(range(7)).text.numpy() for how in (None, 'shuffled', 'shuffled')
    )
    assert (plain == FEATURE).all() and (shuffled == again).all()
    assert (shuffled != plain).any(1).all()
    assert sorted(map(tuple, shuffled)) == sorted(map(tuple, plain))


def test_an_ablation_leaves_skeletons_and_statistics_alone(feeder):
    plain, constant = feeder(), feeder(text_ablation='constant')
    assert torch.equal(plain[2].skeleton, constant[2].skeleton)
    assert all((a == b).all() for a, b in zip(plain.feature_statistics['text'], constant.feature_statistics['text']))
    assert plain.feature_width == constant.feature_width == {'text': 3}


@pytest.mark.parametrize(
    'arguments, words',
    [
        ({'ablation': 'random'}, "text_ablation is 'random', not one of None, constant, shuffled"),
        (
            {'made_with': {'prompt': 'why?'}},
            r"text_made_with expects prompt 'why\?', but .* has 'what\?' \(encoder Sale",
        ),
        ({'made_with': {'colour': 'red'}}, "expects colour 'red', but .* has None"),
        ({'made_with': 'blip'}, "text_made_with is 'blip'; expected key: value pairs such as"),
    ],
)
def test_another_origin_or_ablation_is_an_error(text, arguments, words):
    assert open_for_branch(text, 'text', None, {'prompt': 'what?', 'feature_kind': 'hidden'}).width == 3
    with pytest.raises(InputError, match=words):
        open_for_branch(text, 'text', **arguments)


def test_an_ablation_of_nothing_is_an_error():
    assert open_for_branch(None, 'video') is None
    with pytest.raises(InputError, match='video_ablation is set, but video_path is not'):
        open_for_branch(None, 'video', 'constant')


def test_the_origin_is_one_line(feeder):
    assert feeder().feature_origin == {'text': 'encoder Salesforce/blip-vqa-base, feature kind hidden, prompt what?'}


def test_three_wide_features_go_from_the_store_to_the_public_result(public, tmp_path):
    """A store as wide as BLIP's tokens feeds the FRM as the public implementation's files do."""
    io, weights = public('mmcl_io'), public('mmcl_weights')
    write_features(
        tmp_path / 'text.h5', NAMES[:4], io['text_feature'].reshape(4, 3), kind='text', feature_kind='tokens (3)'
    )
    store = open_features(tmp_path / 'text.h5')
    frm = FRM(120, 3)
    names = {
        'gate.0.weight': 'mlp.0.weight',
        'gate.0.bias': 'mlp.0.bias',
        'gate.2.weight': 'mlp.2.weight',
        'gate.2.bias': 'mlp.2.bias',
        'positive': 'PosMatrix',
        'negative': 'NegMatrix',
    }
    frm.load_state_dict(
        {
            ours: torch.from_numpy(weights[theirs]).reshape(frm.state_dict()[ours].shape)
            for ours, theirs in names.items()
        }
    )
    refined = frm(
        torch.from_numpy(io['evalmode_train_logits']), torch.from_numpy(store.feature[store.rows(NAMES[:4], 'text')])
    )
    assert near(refined, io['evalmode_refined'], 1e-4)
