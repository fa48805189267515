"""What rotations, bones, motions and crops keep; what the random numbers depend on."""

import itertools

import numpy as np
import pytest
import torch
from scipy import stats

from feeders import transforms
from graph import ntu_rgb_d

PARENTS = torch.from_numpy(ntu_rgb_d.Graph().parents)


@pytest.fixture
def bodies():
    """(B, C, V, T) = (3, 3, 25, 6), in double precision."""
    return torch.from_numpy(np.random.default_rng(0).normal(size=(3, 3, 25, 6)))


def distances(x):
    return np.linalg.norm(x[:, :, :, None] - x[:, :, None], axis=1)


def rotations(angles, coordinates=3):
    return torch.from_numpy(transforms.rotation(np.asarray(angles, float), coordinates))


@pytest.mark.parametrize('coordinates', [2, 3])
def test_rotation_keeps_joint_distances(bodies, coordinates):
    bodies = bodies[:, :coordinates]
    matrix = rotations(np.random.default_rng(1).uniform(-3, 3, (3, 3)), coordinates)
    turned = transforms.rotate(bodies, matrix)
    np.testing.assert_allclose(distances(turned.numpy()), distances(bodies.numpy()), atol=1e-12)
    assert (turned - bodies).abs().max() > 0.1
    np.testing.assert_allclose(np.linalg.det(matrix), 1)


def test_each_body_has_its_own_rotation_and_no_angle_leaves_it(bodies):
    turned = transforms.rotate(bodies, rotations([[0, 0, 0], [0.1, 0.2, 0.3], [0, 0, 0]]))
    assert [torch.equal(a, b) for a, b in zip(turned, bodies)] == [True, False, True]


def test_rotation_is_a_product_with_columns(bodies):
    matrix = rotations([[0.1, 0.2, 0.3]] * 3)
    expected = torch.einsum('bij,bjvt->bivt', matrix, bodies)
    np.testing.assert_allclose(transforms.rotate(bodies, matrix), expected, atol=1e-12)


def test_rotation_is_x_then_y_then_z_with_the_published_signs():
    x, y, z = np.eye(3) * np.pi / 2
    e = np.eye(3)
    for angle, start, end in (
        (x, e[1], -e[2]),
        (x, e[2], e[1]),
        (y, e[0], e[2]),
        (y, e[2], -e[0]),
        (z, e[0], -e[1]),
        (z, e[1], e[0]),
    ):
        np.testing.assert_allclose(transforms.rotation(angle[None])[0] @ start, end, atol=1e-15)
    one = [transforms.rotation(np.array([angle]) * 0.4)[0] for angle in (x, y, z)]
    np.testing.assert_allclose(transforms.rotation(np.full((1, 3), 0.2 * np.pi))[0], one[2] @ one[1] @ one[0])


def test_bones_do_not_see_where_the_body_stands(bodies):
    moved = bodies + torch.tensor([4, -5, 6]).reshape(3, 1, 1)
    np.testing.assert_allclose(transforms.bones(moved, PARENTS), transforms.bones(bodies, PARENTS), atol=1e-12)


def test_bones_add_up_to_the_joint(bodies):
    bones, joint, total = transforms.bones(bodies, PARENTS), 23, 0  # the tip of the right hand
    while PARENTS[joint] != joint:
        total, joint = total + bones[:, :, joint], PARENTS[joint].item()
    np.testing.assert_allclose(bodies[:, :, joint] + total, bodies[:, :, 23], atol=1e-12)
    assert joint == 20 and not bones[:, :, joint].any()


def test_motion_ends_at_rest_and_adds_up(bodies):
    motion = transforms.motion(bodies)
    assert motion.shape == bodies.shape and not motion[..., -1].any()
    np.testing.assert_allclose(bodies[..., 0] + motion.sum(-1), bodies[..., -1], atol=1e-12)


def test_streams_are_joint_bone_motion_and_motion_of_bones(bodies):
    made = {name: transforms.stream(bodies, PARENTS, **how) for name, how in transforms.STREAMS.items()}
    assert list(made) == ['joint', 'bone', 'joint_motion', 'bone_motion'] and made['joint'] is bodies
    assert torch.equal(made['joint_motion'][..., :-1], bodies[..., 1:] - bodies[..., :-1])
    np.testing.assert_allclose(made['bone_motion'], transforms.bones(made['joint_motion'], PARENTS), atol=1e-12)


def test_a_confidence_is_neither_rotated_nor_subtracted(bodies):
    matrix = torch.from_numpy(transforms.rotation(np.full((3, 3), 0.3), 3, confidence=True))
    turned = transforms.rotate(bodies, matrix)
    assert torch.equal(turned[:, 2], bodies[:, 2]) and not torch.equal(turned[:, :2], bodies[:, :2])
    np.testing.assert_allclose(turned[:, :2], transforms.rotate(bodies[:, :2], rotations(np.full((3, 3), 0.3), 2)))
    plain, made = (
        [transforms.stream(bodies, PARENTS, **how, confidence=confidence) for how in transforms.STREAMS.values()]
        for confidence in (False, True)
    )
    assert all(torch.equal(a[:, :2], b[:, :2]) for a, b in zip(plain, made))
    score = bodies[:, 2]
    of_bone, (_, bone, motion, both) = (score + score[:, PARENTS]) / 2, (each[:, 2] for each in made)
    assert torch.equal(bone, of_bone) and torch.equal(motion[..., :-1], (score[..., 1:] + score[..., :-1]) / 2)
    assert torch.equal(both[..., :-1], (of_bone[..., 1:] + of_bone[..., :-1]) / 2)
    assert not motion[..., -1].any() and not both[..., -1].any()


def test_a_new_frame_is_mixed_from_two():
    frames = torch.arange(12.0).reshape(4, 3)
    index, weight = torch.tensor([[[0, 1], [3, 3]]]), torch.tensor([[[0.25, 0.75], [1, 0]]])
    assert transforms.resample(frames, index, weight).tolist() == [[[2.25, 3.25, 4.25], [9, 10, 11]]]


@pytest.mark.parametrize('window', [1, 13, 64])
def test_resampling_is_torch_bilinear_with_half_pixel_centres(window):
    length = np.array([1, 2, 40, 63, 64, 65, 300])
    clips = [np.random.default_rng(frames).normal(size=(frames, 5)) for frames in length]
    lower, upper, weight = transforms.resampling(length, window)
    assert (upper < length[:, None]).all() and lower.min() >= 0
    for clip, low, high, share in zip(clips, lower, upper, weight.astype(float)[..., None]):
        expected = torch.nn.functional.interpolate(
            torch.from_numpy(clip)[None, None], size=(window, 5), mode='bilinear', align_corners=False
        )[0, 0]
        np.testing.assert_allclose(clip[low] * (1 - share) + clip[high] * share, expected, atol=2e-6)


def test_resampling_to_the_same_length_changes_nothing():
    lower, _, weight = transforms.resampling(np.array([7]), 7)
    assert lower.tolist() == [list(range(7))] and not weight.any()


def test_centre_crop_takes_the_same_from_both_ends():
    start, length = transforms.centre_crop(np.array([1, 39, 40, 79, 80, 300]), 0.95)
    assert start.tolist() == [0, 0, 1, 1, 2, 7]  # int(0.05 · frames / 2)
    assert length.tolist() == [1, 39, 38, 77, 76, 286]
    assert [part.tolist() for part in transforms.centre_crop(np.array([9]), 1)] == [[0], [9]]


def test_random_crop_keeps_the_share_but_no_fewer_than_it_may():
    frames, zero, one = np.array([200, 200, 100, 64, 20]), np.zeros((5, 2)), np.full((5, 2), 1 - 2**-53)
    start, kept = transforms.random_crop(frames, (0.5, 1), 64, zero)
    assert kept.tolist() == [100, 100, 64, 64, 20] and not start.any()
    start, kept = transforms.random_crop(frames, (0.5, 1), 64, np.array([[0.25, 1 - 2**-53]] * 5))
    assert kept.tolist() == [125, 125, 64, 64, 20]  # floor(frames · 0.625)
    assert (start + kept).tolist() == frames.tolist()
    start, kept = transforms.random_crop(frames, (0.5, 1), 64, one)
    assert (start >= 0).all() and (start + kept <= frames).all()


def test_draws_depend_on_seed_epoch_and_clip_alone():
    index = np.arange(50)
    whole = transforms.uniform(1, 2, index, 4)
    shuffled = np.random.default_rng(0).permutation(50)
    np.testing.assert_array_equal(transforms.uniform(1, 2, shuffled, 4), whole[shuffled])
    np.testing.assert_array_equal(
        np.concatenate([transforms.uniform(1, 2, part, 4) for part in np.split(index, 10)]), whole
    )
    np.testing.assert_array_equal(transforms.uniform(1, 2, index, 9)[:, :4], whole)
    for seed, epoch in ((1, 3), (2, 2), (2, 1)):
        assert not (transforms.uniform(seed, epoch, index, 4) == whole).any()
    assert len(np.unique(whole)) == whole.size


@pytest.mark.parametrize('axis', ['clip', 'epoch', 'seed', 'draw'])
def test_draws_are_uniform_and_unrelated_along(axis):
    count = np.arange(4000)
    draws = {
        'clip': lambda: transforms.uniform(1, 0, count, 1)[:, 0],
        'epoch': lambda: np.concatenate([transforms.uniform(1, e, [7], 1)[0] for e in count]),
        'seed': lambda: np.concatenate([transforms.uniform(s, 0, [7], 1)[0] for s in count]),
        'draw': lambda: transforms.uniform(1, 0, [7], 4000)[0],
    }[axis]()
    assert draws.min() >= 0 and draws.max() < 1
    assert abs(draws.mean() - 1 / 2) < 4 / np.sqrt(12 * 4000) and abs(draws.var() - 1 / 12) < 0.005
    assert stats.kstest(draws, 'uniform').pvalue > 1e-3
    for lag in (1, 2, 64):
        assert abs(np.corrcoef(draws[:-lag], draws[lag:])[0, 1]) < 4 / np.sqrt(4000)


def test_a_sample_without_replacement_is_distinct_and_in_range():
    population = np.array([5, 6, 100, 20100])
    for seed in range(20):
        picked = transforms.sample_without_replacement(transforms.uniform(seed, 0, np.arange(4), 5), population)
        assert all(len(set(row)) == 5 for row in picked.tolist())
        assert (picked >= 0).all() and (picked < population[:, None]).all()
        assert sorted(picked[0]) == [0, 1, 2, 3, 4]


def test_every_subset_is_equally_likely():
    draws = transforms.uniform(3, 0, np.arange(6000), 3)
    picked = np.sort(transforms.sample_without_replacement(draws, np.full(6000, 6)))
    counts = [(picked == subset).all(1).sum() for subset in itertools.combinations(range(6), 3)]
    assert sum(counts) == 6000 and stats.chisquare(counts).pvalue > 1e-3


def test_the_model_gets_coordinates_first_and_persons_last_over_memory_in_its_own_order(bodies):
    x = transforms.to_model(bodies, torch.tensor([2, 0, 1, 1]), persons=2)
    assert x.shape == (2, 3, 6, 25, 2) and x.permute(0, 4, 3, 1, 2).is_contiguous()
    assert torch.equal(x[0, :, :, :, 0], bodies[2].transpose(1, 2)) and x[1, 1, 5, 7, 0] == bodies[1, 1, 7, 5]
    assert torch.equal(x[1, ..., 0], x[1, ..., 1])


def test_time_comes_last(bodies):
    moved = transforms.time_last(bodies.permute(0, 3, 2, 1).contiguous())
    assert torch.equal(moved, bodies) and moved.is_contiguous()
