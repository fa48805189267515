"""The contract of a feeder: what a custom one must give, what it has by default, and whole batches from a loader."""

import numpy as np
import pytest
import torch

from feeders.feeder import Batch, Feeder, StoreFeeder
from feeders.loading import make_loader, on_device
from feeders.skeleton_store import SkeletonStore
from graph import custom
from torchlight.errors import InputError

STAR = {'num_point': 5, 'edges': [[1, 0], [2, 1], [3, 1], [4, 1]]}


class Custom(Feeder):
    """What somebody would write first: the attributes, the length and the batch."""

    def __init__(self, clips=7):
        self.name, self.label = [f'clip {i}' for i in range(clips)], np.arange(clips) % 3
        self.layout = (1, 5, 3)

    def __len__(self):
        return 2 * len(self.name)

    def __getitems__(self, indices):
        rows = torch.tensor(indices) % len(self.name)
        skeleton = rows.float().reshape(-1, 1, 1, 1, 1).expand(-1, 3, 4, 5, 1)
        return Batch(skeleton, torch.from_numpy(self.label)[rows], rows)


class Still(StoreFeeder):
    """The first frame of every clip, moved by its random numbers."""

    def skeletons(self, rows, draws_of):
        first = self.store.frames[self.store.start[rows]][:, None]
        return (first + draws_of(2)[:, :1, None, None, None]).astype(np.float32)


@pytest.fixture
def store():
    """Three clips of 2, 1 and 3 frames, one person, five joints."""
    frames = np.random.default_rng(0).normal(size=(6, 1, 5, 3)).astype(np.float32)
    return SkeletonStore(frames, [0, 2, 3], [2, 1, 3], ['a', 'b', 'c'], [1, 0, 1], [1, 1, 1])


@pytest.mark.parametrize('joints, graph', [(17, 'coco'), (20, 'ucla'), (25, 'ntu_rgb_d')])
def test_another_number_of_joints_names_the_graph_that_has_it(joints, graph):
    store = SkeletonStore(np.zeros((1, 1, joints, 3)), [0], [1], ['a'], [0], [1])
    message = f'the clips have {joints} joints, but graph.custom.Graph has 5; graph.{graph}.Graph has {joints} joints'
    with pytest.raises(InputError, match=message):
        StoreFeeder(store, 'graph.custom.Graph', STAR)


def test_a_feeder_has_no_features_and_no_random_numbers_by_default():
    feeder = Custom()
    assert feeder.feature_width == feeder.feature_statistics == feeder.feature_origin == {}
    assert feeder.set_epoch(1, 2) is None and Custom.prepare_data({}) is None
    batch = feeder[9]
    assert batch.index.tolist() == [2] and batch.video is batch.text is None


@pytest.mark.parametrize('device', ['cpu', 'cuda'])
def test_batches_come_to_the_device_in_order(device):
    if device == 'cuda' and not torch.cuda.is_available():
        pytest.skip('needs a GPU')
    loader = make_loader(Custom(), 3, False, 0, False)
    moved = list(on_device(loader, torch.device(device)))
    assert [batch.index.tolist() for batch in moved] == [[0, 1, 2], [3, 4, 5], [6]]
    for batch, expected in zip(moved, loader):
        assert batch.skeleton.device.type == device and torch.equal(batch.skeleton.cpu(), expected.skeleton)
    assert list(on_device([], torch.device(device))) == []


def test_training_batches_are_whole_and_evaluation_covers_every_clip_once():
    feeder = Custom()
    train = [batch.index.tolist() for batch in make_loader(feeder, 4, True, 0, False)]
    assert [len(batch) for batch in train] == [4, 4, 4]  # of 14 samples
    test = [batch.index.tolist() for batch in make_loader(feeder, 4, False, 0, False)]
    assert test == [[0, 1, 2, 3], [4, 5, 6]]


def test_more_clips_in_a_batch_than_there_are_is_refused():
    with pytest.raises(InputError, match='batch_size is 15, but there are only 14 training clips'):
        make_loader(Custom(), 15, True, 0, False)


def test_a_batch_moves_to_a_device_without_its_clip_numbers():
    batch = Custom()[0]._replace(video=torch.zeros(1, 4)).to(torch.device('meta'))
    assert {part.device.type for part in (batch.skeleton, batch.label, batch.video)} == {'meta'} and batch.text is None
    assert batch.index.device.type == 'cpu'


@pytest.mark.parametrize('bone', [False, True])
def test_a_feeder_of_a_store_gives_only_the_joints(store, bone):
    feeder = Still(store, 'graph.custom.Graph', STAR, bone=bone, repeat=2)
    assert len(feeder) == 6 and feeder.name == ['a', 'b', 'c'] and feeder.layout == (1, 5, 3)
    feeder.set_epoch(1, 0)
    batch = feeder.__getitems__([2, 0, 5])
    assert batch.skeleton.shape == (3, 3, 1, 5, 1) and batch.label.tolist() == [1, 1, 1]
    assert batch.index.tolist() == [2, 0, 2]
    moved = (batch.skeleton[0] - batch.skeleton[2]).abs().max()  # the repeats of a clip have other random numbers
    assert moved < 1e-6 if bone else moved > 1e-3
    parents = custom.Graph(**STAR).parents
    x = store.frames[3] - store.frames[3][:, parents] if bone else store.frames[3]
    np.testing.assert_allclose(np.ptp(batch.skeleton[0, :, 0].numpy() - x.transpose(2, 1, 0)), 0, atol=1e-6)


def test_a_graph_of_another_skeleton_is_refused(store):
    with pytest.raises(InputError, match=r'the clips have 5 joints, but graph\.ucla\.Graph has 20'):
        Still(store, 'graph.ucla.Graph')
