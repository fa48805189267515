"""The skeletons of a report are those of the clips, with the bones of their data set."""

import numpy as np

from feeders import drawn_clips
from feeders.feeder import Feeder
from feeders.skeleton_store import SkeletonStore
from graph import coco
from graph.ntu_rgb_d import Graph


def store(dataset, joints, coordinates=3):
    frames = np.random.default_rng(0).normal(size=(9, 1, joints, coordinates))
    return SkeletonStore(frames, [0, 4], [4, 5], ['a', 'b'], [0, 0], [1, 1], dataset)


def test_clips_of_a_store_are_found_by_name():
    clips = store('ntu60', 25)
    found = drawn_clips.of_store(clips, ['b', 'a'])
    assert np.array_equal(found.frames(0), clips.clip(1)) and np.array_equal(found.frames(1), clips.clip(0))
    assert found.parents == Graph().parents.tolist() and found.y_up


def test_unknown_skeletons_have_no_bones_and_images_are_upside_down():
    assert drawn_clips.of_store(store('mine', 5), ['a']).parents is None
    assert drawn_clips.of_store(store('mine', 17), ['a']).parents is None
    assert not drawn_clips.of_store(store('mine', 18, 2), ['a']).y_up


def test_a_store_of_a_custom_data_set_has_the_bones_of_a_known_skeleton():
    keypoints = store('mine', 17)
    keypoints.confidence = True
    for clips in (keypoints, store('mine', 17, 2)):
        assert drawn_clips.of_store(clips, ['a']).parents == coco.Graph().parents.tolist()


def test_keypoints_of_an_image_have_no_third_coordinate():
    clips = store('mine', 17)
    clips.confidence = True
    found = drawn_clips.of_store(clips, ['b'])
    assert not found.y_up and np.array_equal(found.frames(0), clips.clip(1)[..., :2])


def test_a_feeder_without_a_store_has_no_skeletons():
    assert drawn_clips.of_feeder(Feeder()) is None
