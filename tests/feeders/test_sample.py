"""The embedded sample: splits, seeds, what each modality knows, and when it is made."""

import functools

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from feeders import sample
from feeders.feature_store import open_features, write_features
from feeders.skeleton_store import open_skeletons
from graph import ntu_rgb_d
from torchlight.errors import InputError

CHILDREN, PARENTS = np.transpose(ntu_rgb_d.inward)
PAIRS = [
    (a, b)
    for a in range(len(sample.ACTIONS))
    for b in range(a)
    if sample.ACTIONS[a].motions == sample.ACTIONS[b].motions
]


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp('sample')
    sample.make_sample(folder, clips_per_class=24)
    return folder


@pytest.fixture(scope='module')
def store(folder):
    return open_skeletons(folder / 'skeletons.h5')


def pair_accuracy(x, y, train):
    model = make_pipeline(StandardScaler(), LogisticRegression(C=0.1, max_iter=300))
    return model.fit(x[train], y[train]).score(x[~train], y[~train])


def test_the_spine_of_the_first_frame_is_the_origin(store):
    for index in range(len(store)):
        assert not store.clip(index)[0, 0, 1].any()


def test_labels_persons_and_splits(store):
    split, names = np.array(store.split), [sample.SAMPLE.fields(name) for name in store.name]
    for part in ('train', 'test'):
        assert set(store.label[split == part]) == set(range(len(sample.ACTIONS)))
    assert len(set(store.name)) == len(store)
    assert [name['action'] - 1 for name in names] == list(store.label)
    assert [len(sample.ACTIONS[label].motions) for label in store.label] == list(store.person)
    assert 2 <= sum(len(action.motions) == 2 for action in sample.ACTIONS)


def test_splits_share_no_performer(tmp_path):
    """A name says who performed; the bones show who acted, partners too."""
    sample.make_sample(tmp_path, clips_per_class=sample.PERFORMERS, noise=0)
    store, bones = open_skeletons(tmp_path / 'skeletons.h5'), {'train': set(), 'test': set()}
    for index, (split, persons) in enumerate(zip(store.split, store.person)):
        for joints in store.clip(index)[0, :persons]:
            length = np.linalg.norm(joints[CHILDREN] - joints[PARENTS], axis=-1)
            bones[split].add(tuple(length.round(3)[[10, 13]]))
    assert bones['train'] and bones['test'] and not bones['train'] & bones['test']


def test_one_seed_gives_one_content(tmp_path):
    for name, seed in (('a', 1), ('b', 1), ('c', 2)):
        sample.make_sample(tmp_path / name, seed, clips_per_class=3)
    stores = {name: open_skeletons(tmp_path / name / 'skeletons.h5') for name in 'abc'}
    assert stores['a'].name == stores['b'].name
    assert stores['a'].digests() == stores['b'].digests()
    assert not set(stores['a'].digests()) & set(stores['c'].digests())
    for file in ('video.h5', 'text.h5'):
        a, b, c = (open_features(tmp_path / name / file).feature[:] for name in 'abc')
        np.testing.assert_array_equal(a, b)
        assert not np.array_equal(a, c)


def test_the_ceiling_counts_the_pairs():
    assert len(PAIRS) == 2
    assert sample.SKELETON_CEILING == pytest.approx(10 / 12)


@pytest.mark.parametrize('pair', PAIRS)
def test_only_the_features_distinguish_a_pair(folder, store, pair):
    rows = np.flatnonzero(np.isin(store.label, pair))
    label, train = store.label[rows], np.array(store.split)[rows] == 'train'
    for file in ('video.h5', 'text.h5'):
        assert pair_accuracy(open_features(folder / file).feature[rows], label, train) > 0.9
    clips = [store.clip(index)[:, 0] for index in rows]
    frames = np.stack([clip[np.linspace(0, len(clip) - 1, 16).astype(int)].ravel() for clip in clips])
    assert pair_accuracy(frames, label, train) < 0.75


def test_features_join_by_name_and_say_what_they_are(folder, store):
    for kind, width in (('video', sample.VIDEO_WIDTH), ('text', sample.TEXT_WIDTH)):
        features = open_features(folder / f'{kind}.h5')
        assert features.name == list(store.name) and features.feature.shape == (len(store), width)
        assert features.attributes['kind'] == kind and features.attributes['encoder'] == 'synthetic'


def test_ensure_makes_the_whole_set_once(tmp_path):
    folder = tmp_path / 'sample'
    sample.ensure_sample(folder)
    files = [folder / file for file in sample.SAMPLE_FILES]
    assert sum(file.stat().st_size for file in files) < 20e6
    made = [file.stat().st_mtime_ns for file in files]
    sample.ensure_sample(folder)
    assert [file.stat().st_mtime_ns for file in files] == made
    files[2].unlink()
    sample.ensure_sample(folder)
    assert files[2].is_file()


def test_ensure_never_overwrites_other_data(tmp_path):
    write_features(tmp_path / 'video.h5', ['mine'], np.ones((1, 4)), kind='video', encoder='mine')
    with pytest.raises(InputError, match='already exists and is not part of the embedded sample'):
        sample.ensure_sample(tmp_path)
    assert open_features(tmp_path / 'video.h5').name == ['mine']


@pytest.fixture
def few_clips(monkeypatch):
    monkeypatch.setattr(sample, 'make_sample', functools.partial(sample.make_sample, clips_per_class=3))


def test_preparing_the_data_makes_what_the_feeder_reads(tmp_path, few_clips, monkeypatch):
    monkeypatch.chdir(tmp_path)
    arguments = {
        'data_path': tmp_path / 'new' / 'skeletons.h5',
        'split': 'test',
        'window_size': 16,
        'video_path': tmp_path / 'new' / 'video.h5',
        'text_path': tmp_path / 'new' / 'text.h5',
    }
    sample.Feeder.prepare_data(arguments)
    feeder = sample.Feeder(**arguments)
    batch = feeder.__getitems__([0, 5])
    assert len(feeder) == len(sample.ACTIONS)
    assert batch.skeleton.shape == (2, 3, 16, 25, 2)
    assert batch.label.tolist() == [0, 5]


def test_the_sample_is_made_only_inside_the_current_folder(tmp_path, few_clips, monkeypatch):
    (tmp_path / 'here').mkdir()
    monkeypatch.chdir(tmp_path / 'here')
    for folder in (tmp_path / 'elsewhere', '..', '../elsewhere', 'x/../../y'):
        with pytest.raises(InputError, match=r'the sample would be made in .*, outside the current folder'):
            sample.Feeder.prepare_data({'data_path': f'{folder}/skeletons.h5'})
    assert [path.name for path in tmp_path.rglob('*')] == ['here']
    sample.make_sample(tmp_path / 'elsewhere')
    sample.Feeder.prepare_data({'data_path': '../elsewhere/skeletons.h5'})  # it is there: nothing is made


def test_neither_the_constructor_nor_a_mistyped_name_makes_the_sample(tmp_path, few_clips):
    with pytest.raises(InputError, match=r'skeletons\.h5 does not exist'):
        sample.Feeder(tmp_path / 'skeletons.h5')
    sample.Feeder.prepare_data({'data_path': tmp_path / 'skeleton.h5'})
    assert not list(tmp_path.iterdir())
