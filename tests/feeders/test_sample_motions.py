"""The motions of the embedded sample: anatomy, angles, and who leaves the ground."""

import numpy as np
import pytest

from feeders import sample_motions as sample
from feeders.datasets import DATASETS
from graph import ntu_rgb_d

CHILDREN, PARENTS = np.transpose(ntu_rgb_d.inward)
NAMED = dict(zip(DATASETS['sample'].classes, sample.ACTIONS))


def still_clips():
    """One noiseless clip of each action."""
    bodies = [sample.performer_body(1, performer) for performer in range(2)]
    for label, action in enumerate(sample.ACTIONS):
        yield action, sample.make_clip(action, bodies[: len(action.motions)], 1, np.random.default_rng(label), noise=0)


def test_the_skeleton_has_the_bones_of_ntu():
    bones = {frozenset(bone) for bone in sample.PARENT.items() if bone[1] is not None}
    assert bones == {frozenset(edge) for edge in ntu_rgb_d.inward}


def test_bones_keep_their_length():
    for _, clip in still_clips():
        length = np.linalg.norm(clip[:, :, CHILDREN] - clip[:, :, PARENTS], axis=-1)
        np.testing.assert_allclose(length, np.broadcast_to(length[0], length.shape), atol=1e-9)
        assert 0.01 < length.min() and length.max() < 0.6


def test_a_rest_pose_stands_upright_and_faces_the_camera():
    joints = sample.pose(np.zeros((1, 25, 3)), sample.performer_body(1, 0))[0]
    at = {name: joints[index] for name, index in sample.JOINT.items()}
    assert at['head'][1] > at['chest'][1] > at['base'][1] > at['left_knee'][1] > at['left_foot'][1]
    assert at['left_shoulder'][0] < 0 < at['right_shoulder'][0]
    assert at['left_foot'][2] < at['left_ankle'][2]


def test_the_same_angles_on_both_sides_make_a_symmetric_pose():
    angles = np.zeros((1, 25, 3))
    for name, components in sample.both(shoulder=(20, 30, 40), elbow=(50, 60, 70), hip=(30, 20, 10)).items():
        angles[:, sample.JOINT[name]] = components
    joints = sample.pose(angles, sample.OFFSET)
    np.testing.assert_allclose(joints[:, sample.LEFT], joints[:, sample.RIGHT] * (-1, 1, 1), atol=1e-12)


@pytest.mark.parametrize('angles, direction', [((90, 0, 0), (0, 0, -1)), ((0, 0, 90), (1, 0, 0))])
def test_pitch_raises_forward_and_spread_outward(angles, direction):
    np.testing.assert_allclose(sample.rotations(angles) @ (0, -1, 0), direction, atol=1e-12)


@pytest.mark.parametrize('name, action', NAMED.items(), ids=list(NAMED))
def test_only_a_jump_leaves_the_ground(name, action):
    phase = np.linspace(0, 1, 50)
    for motion in action.motions:
        joints = sample.perform(motion, phase, np.sin(9 * phase), sample.OFFSET * 1.7, np.random.default_rng(3))
        height = joints[..., 1].min(1)
        assert (height.max() > 0.1) == (name == 'jump')
        assert abs(height.min()) < 1e-9


def test_the_actions_are_the_classes_of_the_data_set():
    assert len(sample.ACTIONS) == DATASETS['sample'].num_class
    assert NAMED['wave a flag'].object == 'flag' and NAMED['wave'].object is None
    assert {name for name, action in NAMED.items() if len(action.motions) == 2} == {'shake hands', 'push'}
