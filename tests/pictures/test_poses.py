"""Which joints of a pose are drawn."""

import numpy as np
import pytest

from torchlight.pictures.poses import found_joints


@pytest.mark.parametrize('coordinates', [2, 3])
def test_joints_that_are_all_zero_were_not_found(coordinates):
    poses = np.ones((2, 3, 4, coordinates))
    poses[0, 0, 1:3] = poses[1, 2] = 0
    poses[1, 1, 3, 0] = 0  # one coordinate only
    found = found_joints(poses)
    assert found[0, 0].tolist() == [True, False, False, True] and not found[1, 2].any() and found.sum() == 4 * 6 - 6


def test_a_single_joint_at_zero_is_the_centre_of_a_pose_in_space_and_absent_from_an_image():
    poses = np.random.default_rng(0).normal(size=(5, 3))
    poses[1] = 0
    assert found_joints(poses).all() and found_joints(poses[:, :2]).sum() == 4
