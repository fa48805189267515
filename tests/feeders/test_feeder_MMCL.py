"""The NTU feeder equals the published one, whatever the file, the batch, the workers and the order of features."""

import numpy as np
import pytest
import torch

from feeders import transforms
from feeders.feature_store import open_features, write_features
from feeders.feeder_MMCL import Feeder
from feeders.loading import make_loader
from feeders.skeleton_store import SkeletonStore
from tests.feeders.clips import AUGMENTED, NAMES, same, write_clips
from tests.golden import inputs
from torchlight.errors import InputError

GREEDY = 1 - 2**-53


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    """Eight clips and their features."""
    folder = tmp_path_factory.mktemp('clips')
    write_clips(folder)
    return folder


def join(batches):
    return [None if parts[0] is None else torch.cat(parts) for parts in zip(*batches)]


# --- the published feeder ---


def write_npz(folder, x, names):
    """The clips as a public .npz, the same in both splits, and the names beside it."""
    y = np.eye(60)[[int(name[-3:]) - 1 for name in names]]
    np.savez(folder / 'x.npz', x_train=x, y_train=y, x_test=x, y_test=y)
    (folder / 'names.txt').write_text('\r\n'.join(names))
    return folder / 'x.npz'


@pytest.fixture(params=['golden', 'public'])
def expected(request, tmp_path):
    """The small golden arrays, or the public ones: (the .npz that they were made from, the arrays, window_size)."""
    arrays = request.getfixturevalue(request.param)
    if request.param == 'golden':
        return write_npz(tmp_path, inputs.ntu_clips(), inputs.NTU_NAMES), arrays('ntu_feeder'), inputs.NTU_WINDOW
    prepared = arrays('ntu60_prepared')
    assert prepared['name'][::2].tolist() == arrays('ntu_feeder')['name'].tolist()
    return write_npz(tmp_path, prepared['aligned'][::2], prepared['name'][::2]), arrays('ntu_feeder'), 64


def draws_of(expected):
    """The numbers in [0, 1) that lead to these crops and angles."""
    frames, kept = expected['valid_frames'], expected['crop_length']
    share = np.clip(2 * (kept + 0.5) / frames - 1, 0, GREEDY)
    place = (expected['crop_start'] + 0.5) / (frames - kept + 1)
    return np.column_stack([share, place, (expected['angles'].astype(float) / 0.3 + 1) / 2])


@pytest.mark.parametrize('split', ['test', 'train'])
def test_equals_the_published_feeder(expected, monkeypatch, split):
    path, arrays, window = expected
    augmented = AUGMENTED if split == 'train' else {'p_interval': [0.95]}
    names = path.with_name('names.txt')
    monkeypatch.setattr(transforms, 'uniform', lambda seed, epoch, index, count: draws_of(arrays)[index, :count])
    for stream, how in transforms.STREAMS.items():
        feeder = Feeder(str(path), split, window_size=window, sample_path=names, **augmented, **how)
        assert feeder.store.length.tolist() == arrays['valid_frames'].tolist()
        batch = feeder.__getitems__(list(range(len(feeder))))
        np.testing.assert_allclose(batch.skeleton, arrays[f'{split}.{stream}'], rtol=0, atol=3e-6, err_msg=stream)
        assert batch.label.tolist() == [int(name[-3:]) - 1 for name in feeder.name]


# --- one clip, many ways ---


@pytest.mark.parametrize('augmented', [{}, AUGMENTED], ids=['plain', 'augmented'])
@pytest.mark.parametrize('missing_person', ['zero', 'copy'])
def test_a_store_and_the_npz_of_the_same_clips_give_the_same_batches(folder, augmented, missing_person):
    """An .npz is what the public pipeline made: missing_person does not fill anything into it."""
    feeders = [Feeder(folder / 'clips.h5', 'all', missing_person='zero', **augmented)]
    feeders += [
        Feeder(folder / file, split, sample_path=folder / 'names.txt', missing_person=missing_person, **augmented)
        for file in ('clips.npz', 'small.npz')
        for split in ('train', 'test')
    ]
    for feeder in feeders:
        feeder.set_epoch(3, 4)
        assert feeder.name == NAMES
        assert same(feeder.__getitems__([5, 0, 3]), feeders[0].__getitems__([5, 0, 3]))


@pytest.mark.parametrize('window', [64, 13])
@pytest.mark.parametrize('stream', transforms.STREAMS)
def test_a_batch_is_its_clips_each_alone(folder, stream, window):
    arguments = {**AUGMENTED, **transforms.STREAMS[stream], 'repeat': 2, 'video_path': folder / 'video.h5'}
    feeder = Feeder(folder / 'clips.h5', 'all', window_size=window, **arguments)
    order = [3, 11, 0, 7, 3, 8]
    assert same(feeder.__getitems__(order), join(feeder[i] for i in order))


@pytest.mark.parametrize('stream', transforms.STREAMS)
def test_the_confidence_of_a_store_stays_one_in_every_stream(stream):
    """Random rotation and all streams leave keypoints of confidence 0.5 at that, except the last frame of a motion."""
    frames = np.random.default_rng(0).normal(size=(90, 1, 17, 3)).astype(np.float32)
    frames[..., 2] = 0.5
    store = SkeletonStore(frames, [0], [90], ['a'], [1], [1], classes=['sit', 'wave'], confidence=True)
    feeder = Feeder(
        store, 'all', num_person=1, graph='graph.coco.Graph', window_size=32, **AUGMENTED, **transforms.STREAMS[stream]
    )
    skeleton = feeder.__getitems__([0]).skeleton[0, ..., 0]  # (C, T, V)
    assert (skeleton[2, :-1] == 0.5).all() and skeleton[2, -1].unique().tolist() == [0 if 'motion' in stream else 0.5]
    assert feeder.classes == ['sit', 'wave']
    alone = Feeder(
        SkeletonStore(frames[..., :2], [0], [90], ['a'], [1], [1]), 'all', num_person=1, graph='graph.coco.Graph',
        window_size=32, **AUGMENTED, **transforms.STREAMS[stream],
    )  # fmt: skip
    np.testing.assert_allclose(alone.__getitems__([0]).skeleton[0, ..., 0], skeleton[:2], atol=1e-6)


def loaded(feeder, workers, epochs=2):
    """The batches of some epochs, as the training reads them."""
    loader = make_loader(feeder, 3, True, workers, pin_memory=False)
    for epoch in range(epochs):
        feeder.set_epoch(1, epoch)
        loader.batch_sampler.set_epoch(1, epoch)
        yield list(loader)


@pytest.mark.filterwarnings('ignore:This DataLoader will create')
def test_any_number_of_workers_gives_the_same_batches(folder):
    feeder = Feeder(folder / 'clips.h5', 'all', **AUGMENTED, video_path=folder / 'video.h5')
    alone = list(loaded(feeder, 0))
    for workers in (1, 2):
        for epoch, batches in enumerate(loaded(feeder, workers)):
            assert len(batches) == 2 and all(map(same, batches, alone[epoch]))


def test_augmentations_differ_between_epochs_seeds_and_repeats(folder):
    feeder = Feeder(folder / 'clips.h5', 'all', **AUGMENTED, repeat=2)

    def clip(seed, epoch, index):
        feeder.set_epoch(seed, epoch)
        return feeder[index].skeleton

    assert torch.equal(clip(1, 2, 4), clip(1, 2, 4))
    for other in (clip(1, 3, 4), clip(2, 2, 4), clip(2, 1, 4), clip(1, 2, 4 + 8)):
        assert not torch.allclose(clip(1, 2, 4), other, atol=1e-3)
    assert feeder[12].index.tolist() == [4] and len(feeder) == 16 and len(feeder.name) == 8


def test_test_clips_are_the_same_in_every_epoch(folder):
    feeder = Feeder(folder / 'clips.h5', 'all')
    before = feeder.__getitems__([0, 1])
    feeder.set_epoch(5, 6)
    assert same(before, feeder.__getitems__([0, 1]))


# --- features ---


def test_features_join_by_name(folder):
    by = {
        file: Feeder(folder / 'clips.h5', 'train', 'xview', video_path=folder / file, text_path=folder / 'text')
        for file in ('video.h5', 'shuffled.h5')
    }
    first = by['video.h5']
    assert first.feature_width == {'video': 4, 'text': 3} and 0 < len(first) < 8
    batch = first.__getitems__(list(range(len(first))))
    assert same(batch, by['shuffled.h5'].__getitems__(list(range(len(first)))))
    assert [int(row[0]) for row in batch.text] == [NAMES.index(name) for name in first.name]
    video = open_features(folder / 'video.h5')
    np.testing.assert_array_equal(batch.video, video.feature[video.rows(first.name, 'video')])


def test_object_path_is_another_name_of_text_path(folder):
    one, other = (Feeder(folder / 'clips.h5', 'all', **{key: folder / 'text'}) for key in ('text_path', 'object_path'))
    assert same(one[3], other[3]) and one[3].text.tolist() == [[3, 4, 5]]


def test_without_paths_there_are_no_features(folder):
    feeder = Feeder(folder / 'clips.h5', 'test', 'xview')
    assert feeder.feature_width == {} and feeder[0].video is None and feeder[0].text is None


def test_clips_without_features_are_counted_before_the_first_batch(folder, tmp_path):
    write_features(tmp_path / 'few.h5', NAMES[:2], np.zeros((2, 4)))
    with pytest.raises(InputError, match=f'6 of 8 clips have no text feature in .*few.h5: {NAMES[2]}, '):
        Feeder(folder / 'clips.h5', 'all', text_path=tmp_path / 'few.h5')
