"""The clips of pictures: one from the test clips, and an even batch of the training clips."""

import numpy as np
import torch

from feeders import examples
from feeders.skeleton_store import SkeletonStore
from tests.feeders.test_feeder import STAR, Custom, Still

CPU = torch.device('cpu')


def test_a_clip_is_shown_by_its_own_joints_whatever_the_stream():
    frames = np.random.default_rng(0).normal(size=(6, 2, 5, 3)).astype(np.float32)
    frames[3:] = 0  # the person is seen in three frames only
    store = SkeletonStore(frames, [0], [6], ['a'], [1], [2])
    feeder = Still(store, 'graph.custom.Graph', STAR, bone=True)
    feeder.classes = ['sit', 'jump']
    title, skeleton, pose = examples.first_clip(feeder, CPU)
    assert title == 'a, jump' and skeleton.shape == (1, 3, 1, 5, 2)
    np.testing.assert_array_equal(pose, frames[1, 0])
    feeder.store.confidence = True
    np.testing.assert_array_equal(examples.first_clip(feeder, CPU).pose, frames[1, 0, :, :2])


def test_a_pose_has_as_many_joints_as_the_clip_shows_at_once():
    frames = np.random.default_rng(0).uniform(1, 2, size=(7, 1, 5, 2)).astype(np.float32)
    frames[:5, 0, 3:] = 0  # two keypoints are found at the end only
    feeder = Still(SkeletonStore(frames, [0], [7], ['a'], [1], [1]), 'graph.custom.Graph', STAR)
    np.testing.assert_array_equal(examples.first_clip(feeder, CPU).pose, frames[6, 0])


def test_of_another_feeder_the_batch_is_shown():
    title, skeleton, pose = examples.first_clip(Custom(), CPU)
    assert title == 'clip 0, class 0' and skeleton.shape == (1, 3, 4, 5, 1) and pose.shape == (5, 3)


def test_a_batch_has_as_many_clips_of_each_class():
    batch = examples.even_batch(Custom(clips=20), 6, CPU)
    assert np.bincount(batch.label).tolist() == [2, 2, 2]


def test_only_training_with_videos_shows_an_alignment():
    chosen = examples.choose({'train': Custom(), 'test': Custom()}, CPU)
    assert chosen['aligned'] is None and chosen['classes'] == () and chosen['clip'].title == 'clip 0, class 0'
    train = Custom()
    train.feature_stores = {'video': type('Store', (), {'width': 3})}
    assert len(examples.choose({'train': train, 'test': Custom()}, CPU)['aligned'].label) == 7
