"""Which wrong clips a report shows, and what becomes of their joints."""

import base64

import numpy as np

from tests.report.made_up import PARENTS, walk
from torchlight.report import clips


def joints(animation):
    """(T, M, V, 2) uint8."""
    flat = np.frombuffer(base64.b64decode(animation['points']), np.uint8)
    return flat.reshape(*animation['shape'], 2)


def test_each_confused_pair_comes_before_the_second_clip_of_one():
    label = np.array([0, 0, 0, 0, 1, 2])
    predicted = np.array([1, 1, 2, 0, 0, 2])  # 0 → 1 twice, 0 → 2, 1 → 0; clips 3 and 5 are right
    confidence = np.array([0.5, 0.9, 0.1, 1, 0.3, 1])
    assert clips.choose_wrong(predicted, label, confidence) == [1, 2, 4, 0]


def test_no_more_clips_are_shown_than_a_page_can_hold():
    label = np.zeros(200, int)
    assert len(clips.choose_wrong(label + 1, label, np.arange(200))) == clips.MOST_CLIPS


def test_joints_keep_their_places_and_people_stand_upright():
    frames = np.zeros((3, 1, 3, 3))
    frames[:, 0] = [[0, 2, 5], [0, 0, 5], [1, 1, 5]]  # head, foot, hand
    points = joints(clips.animation(frames, y_up=True))
    head, foot, hand = points[0, 0].astype(int)
    assert head[1] < hand[1] < foot[1] and head[0] == foot[0] < hand[0]
    assert abs((foot[1] - head[1]) - 2 * (hand[0] - head[0])) <= 1  # one scale for both axes
    upside_down = joints(clips.animation(frames, y_up=False))[0, 0].astype(int)
    assert upside_down[0, 1] > upside_down[1, 1]


def test_who_is_not_there_is_not_drawn():
    never, later = walk(0), walk(1)
    assert clips.animation(never, True)['shape'] == [10, 1, len(PARENTS)]
    points = joints(clips.animation(later, True))
    assert points.shape[1] == 2
    assert (points[0, 1] == clips.ABSENT).all() and (points[-1, 1] != clips.ABSENT).all()
    assert clips.animation(np.zeros((4, 2, 5, 3)), True)['shape'] == [0, 0, 5]


def test_joints_that_were_not_found_are_absent_but_not_the_one_on_which_a_pose_is_centred():
    frames = np.ones((1, 1, 3, 2)) * [[1, 1], [2, 2], [0, 0]]
    assert (joints(clips.animation(frames, y_up=False))[0, 0] == clips.ABSENT).all(1).tolist() == [False, False, True]
    in_space = np.ones((1, 1, 3, 3)) * [[1, 1, 1], [2, 2, 2], [0, 0, 0]]
    assert (joints(clips.animation(in_space, y_up=True)) != clips.ABSENT).all()


def test_frames_in_which_nobody_is_are_left_out():
    padded = np.concatenate([np.zeros((3, 2, len(PARENTS), 3)), walk(0), np.zeros((290, 2, len(PARENTS), 3))])
    assert clips.animation(padded, True) == clips.animation(walk(0), True)


def test_long_clips_are_thinned_out():
    assert clips.animation(np.ones((1000, 1, 5, 3)), True)['shape'][0] == clips.MOST_FRAMES


def test_captions_are_of_the_clips_that_are_drawn():
    label, predicted = np.array([0, 1, 1]), np.array([1, 1, 0])
    source = clips.Skeletons(walk, PARENTS, True)
    found = clips.wrong_clips(['a', 'b', 'c'], label, predicted, np.array([0.5, 1, 0.9]), ['x', 'y'], source)
    assert [caption['name'] for caption in found['shown']] == ['a', 'c'] and found['wrong'] == 2
    assert found['shown'][0]['true'] == '0 x' and found['shown'][0]['predicted'] == '1 y'
    assert [clip['shape'][0] for clip in found['animations']['clips']] == [10, 12]
    assert [1, 0] in found['animations']['bones'] and [0, 0] not in found['animations']['bones']
    assert clips.wrong_clips(['a', 'b', 'c'], label, predicted, label, [], None)['shown'] == []
