"""Feature stores as training sees them: statistics, ablations, what made them, and the FRM that standardises."""

import numpy as np
import pytest
import torch

from feeders.feeder import open_optional
from feeders.feeder_MMCL import Feeder
from feeders.stores import SkeletonStoreWriter, open_features, write_features
from model import MMCL
from model.FRM import FRM
from torchlight.checkpoint import load_weights
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


def test_statistics_are_those_of_the_features_stored_or_not(text, tmp_path):
    for name, feature in zip(NAMES, FEATURE):
        np.save(tmp_path / f'{name}.npy', feature)
    (tmp_path / 'folder').mkdir()
    for file in tmp_path.glob('*.npy'):
        file.rename(tmp_path / 'folder' / file.name)
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
            r"text_made_with says prompt 'why\?', and .* has 'what\?'; it holds: encoder Sale",
        ),
        ({'made_with': {'colour': 'red'}}, "says colour 'red', and .* has None"),
        ({'made_with': 'blip'}, "text_made_with is 'blip', not key: value pairs"),
    ],
)
def test_another_origin_or_ablation_is_an_error(text, arguments, words):
    assert open_optional(text, 'text', None, {'prompt': 'what?', 'feature_kind': 'hidden'}).width == 3
    with pytest.raises(InputError, match=words):
        open_optional(text, 'text', **arguments)


def test_an_ablation_of_nothing_is_an_error():
    assert open_optional(None, 'video') is None
    with pytest.raises(InputError, match='video_ablation is set, and there is no video_path'):
        open_optional(None, 'video', 'constant')


def test_the_origin_is_one_line(feeder):
    assert feeder().feature_origin == {'text': 'encoder Salesforce/blip-vqa-base, feature kind hidden, prompt what?'}


def test_the_frm_standardises_by_the_statistics_of_the_store(feeder):
    made = feeder()
    arguments = {'num_class': 7, 'num_point': 25, 'num_person': 2, 'graph': 'graph.ntu_rgb_d.Graph', 'base_channel': 8}
    torch.manual_seed(0)
    model = MMCL.Model(text_dim=3, text_standardise=True, **arguments).eval()
    model.set_statistics(made.feature_statistics)
    model.frm.positive.data.normal_()  # at the start it equals the negative, and the gate would not show
    logits, plain = torch.randn(7, 7), FRM(7, 3)
    plain.load_state_dict({key: value for key, value in model.frm.state_dict().items() if not key.startswith('text_')})
    standardised = (FEATURE - FEATURE.mean(0)) / FEATURE.std(0)
    np.testing.assert_allclose(
        model.frm(logits, torch.from_numpy(FEATURE)).detach(),
        plain(logits, torch.from_numpy(standardised)).detach(),
        atol=1e-5,
    )
    assert not torch.allclose(model.frm(logits, torch.from_numpy(FEATURE)), plain(logits, torch.from_numpy(FEATURE)))

    torch.manual_seed(1)
    other = MMCL.Model(text_dim=3, text_standardise=True, **arguments).eval()
    load_weights(other, model.state_dict())  # the statistics travel with the weights
    np.testing.assert_array_equal(other.frm.text_std, model.frm.text_std)


def test_without_standardising_there_is_nothing_to_set(feeder):
    model = MMCL.Model(
        text_dim=3, num_class=7, num_point=25, num_person=2, graph='graph.ntu_rgb_d.Graph', base_channel=8
    )
    before = {key: value.clone() for key, value in model.state_dict().items()}
    model.set_statistics(feeder().feature_statistics)
    assert all(torch.equal(before[key], value) for key, value in model.state_dict().items())
    assert not any('text_' in key for key in before)


def test_a_coordinate_that_never_varies_is_only_centred():
    frm = FRM(4, 2, standardise=True)
    frm.set_statistics(np.array([30522, 2], np.float32), np.array([1e-3, 2], np.float32))
    assert frm.text_std.tolist() == [1, 2]
    assert torch.isfinite(frm(torch.randn(1, 4), torch.tensor([[30522.0, 5]]))).all()


def test_three_wide_features_go_from_the_store_to_the_public_result(golden, tmp_path):
    """A store as wide as BLIP's tokens feeds the FRM as the public implementation's files do."""
    io, weights = golden('mmcl_io'), golden('mmcl_weights')
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
            ours: torch.from_numpy(weights[public]).reshape(frm.state_dict()[ours].shape)
            for ours, public in names.items()
        }
    )
    refined = frm(
        torch.from_numpy(io['evalmode_train_logits']), torch.from_numpy(store.feature[store.rows(NAMES[:4], 'text')])
    )
    expected = io['evalmode_refined']
    np.testing.assert_allclose(refined.detach(), expected, atol=1e-4 * np.abs(expected).max())
