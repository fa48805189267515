"""The data set for co-learning: splits, views, seeds, and what each modality knows."""

import numpy as np
import pytest
import yaml
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from feeders import sample_co_learning as sample
from feeders.feature_store import open_features
from feeders.sample_motions import JOINT, PARENT
from feeders.skeleton_store import open_skeletons
from tests.helpers import ROOT
from torchlight.errors import InputError


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp('sample')
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sample, 'TEST_CLIPS', 6)
        sample.make_sample(folder)
    return folder


@pytest.fixture(scope='module')
def store(folder):
    return open_skeletons(folder / 'skeletons.h5')


def test_the_test_clips_are_of_other_performers_and_of_an_unseen_camera(store):
    train = np.array(store.split) == 'train'
    cameras, performers = ([name[start : start + 4] for name in store.name] for start in (4, 8))
    for values in (cameras, performers):
        assert not set(np.array(values)[train]) & set(np.array(values)[~train])
    assert np.bincount(store.label[train]).tolist() == [sample.TRAINING_CLIPS] * len(sample.ACTIONS)
    assert np.bincount(store.label[~train]).tolist() == [6] * len(sample.ACTIONS)
    assert list(store.classes) == list(sample.ACTIONS) and store.layout == (1, 10, 3)


def test_every_class_moves_in_its_own_way():
    """A skeleton can tell all classes apart: no motion belongs to two of them."""
    assert len({motion for motion, _ in sample.ACTIONS.values()}) == len(sample.ACTIONS)


def test_a_clip_depends_only_on_its_seed_class_and_number():
    clips = [sample.make_clip(seed, 3, number) for seed, number in ((1, 2), (1, 2), (2, 2), (1, 5))]
    np.testing.assert_array_equal(clips[0].frames, clips[1].frames)
    assert all(
        clip.frames.shape != clips[0].frames.shape or (clip.frames != clips[0].frames).any() for clip in clips[2:]
    )


def test_the_edges_of_the_config_are_those_of_the_body(store):
    args = yaml.safe_load((ROOT / 'config/sample/co_learning.yaml').read_text())['model_args']
    for child, parent in args['graph_args']['edges']:
        above = PARENT[sample.JOINTS[child]]
        while above not in sample.JOINTS and above is not None:
            above = PARENT[above]
        if above is not None:
            assert above == sample.JOINTS[parent]
        else:  # the legs hang from the base, which is not among the joints
            assert sample.JOINTS[parent] == JOINT['chest']


def probe(feature, label, train):
    model = make_pipeline(StandardScaler(), LogisticRegression(C=0.1, max_iter=200))
    return model.fit(feature[train], label[train]).score(feature[~train], label[~train])


def test_the_video_knows_more_than_frames_and_less_than_the_label(folder, store):
    train = np.array(store.split) == 'train'
    video, text = (open_features(folder / f'{kind}.h5').feature[:] for kind in ('video', 'text'))
    clips = [store.clip(index)[:, 0] for index in range(len(store))]
    frames = np.stack([clip[np.linspace(0, len(clip) - 1, 8).astype(int)].ravel() for clip in clips])
    accuracy = [probe(feature, store.label, train) for feature in (video, frames, text)]
    assert 0.6 < accuracy[0] < 0.95 and accuracy[0] > accuracy[1] + 0.2 and accuracy[2] < 0.3


def test_hidden_states_and_tokens_are_of_the_same_answer(folder, store):
    text, tokens = (open_features(folder / f'{kind}.h5') for kind in ('text', 'tokens'))
    assert text.name == tokens.name == list(store.name) and {row[0] for row in tokens.feature[:]} == {30522}
    yes = tokens.feature[:, 1] == 2748
    assert probe(text.feature[:], yes, np.arange(len(yes)) % 2 == 0) > 0.95
    holds = np.array([sample.ACTIONS[action][1] != 'nothing' for action in store.classes])[store.label]
    assert 0.6 < (yes == holds).mean() < 0.9  # other objects and wrong answers


def test_it_is_made_at_first_use_inside_the_current_folder(tmp_path, monkeypatch):
    for constant in ('TRAINING_CLIPS', 'TEST_CLIPS'):
        monkeypatch.setattr(sample, constant, 1)
    monkeypatch.chdir(tmp_path)
    sample.Feeder.prepare_data({'data_path': 'data/skeletons.h5'})
    assert sorted(path.name for path in (tmp_path / 'data').iterdir()) == sorted(sample.FILES)
    with pytest.raises(InputError, match=r'from feeders\.sample_co_learning import make_sample'):
        sample.Feeder.prepare_data({'data_path': '../skeletons.h5'})
