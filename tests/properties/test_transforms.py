"""Laws of the transforms, and of the NTU feeder that applies them to whole batches: it equals a plain loop over clips.

Legend: B bodies, C coordinates, V joints, T frames, M persons.
"""

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as nps

from feeders import transforms
from feeders.feeder_MMCL import LARGEST_ANGLE, LEAST_CROP, Feeder
from feeders.skeleton_store import SkeletonStoreWriter
from tests.properties.laws import tried

metres = st.floats(-8, 8, width=32)
angles = st.floats(-np.pi, np.pi)
bodies = st.tuples(st.integers(1, 3), st.integers(2, 3), st.integers(1, 6), st.integers(1, 5)).flatmap(
    lambda shape: nps.arrays(np.float64, shape, elements=metres)
)
STAR = {'num_point': 4, 'edges': [[1, 0], [2, 1], [3, 1]]}
PARENTS = 0, 0, 1, 1


def trees(x):
    """Parents for the joints of bodies (B, C, V, T): each is an earlier joint, or the joint itself."""
    return st.tuples(*(st.integers(0, joint) for joint in range(x.shape[2])))


@tried(30)
@given(bodies, st.data())
def test_the_bones_to_a_joint_add_up_to_its_way_from_the_root(x, data):
    parents = data.draw(trees(x))
    found = transforms.bones(torch.from_numpy(x), torch.tensor(parents)).numpy()
    for joint, parent in enumerate(parents):
        total, at = found[:, :, joint].copy(), parent
        while parents[at] != at and at != joint:
            total, at = total + found[:, :, at], parents[at]
        root = joint if parent == joint else at
        np.testing.assert_allclose(total, x[:, :, joint] - x[:, :, root], atol=1e-12)


@tried(30)
@given(bodies, st.integers(1, 6))
def test_motion_adds_up_and_what_stands_still_has_none(x, window):
    motion = transforms.motion(torch.from_numpy(x)).numpy()
    np.testing.assert_allclose(x[..., :1] + motion.cumsum(-1)[..., :-1], x[..., 1:], atol=1e-12)
    still = np.repeat(x[..., :1], window, -1)
    assert not transforms.motion(torch.from_numpy(still)).any()


@tried(30)
@given(bodies, st.data())
def test_rotation_keeps_lengths_and_the_origin_and_is_undone_by_its_transpose(x, data):
    turns = data.draw(nps.arrays(np.float64, (len(x), 3), elements=angles))
    matrix = torch.from_numpy(transforms.rotation(turns, x.shape[1]))
    turned = transforms.rotate(torch.from_numpy(x), matrix)
    np.testing.assert_allclose(np.linalg.norm(turned, axis=1), np.linalg.norm(x, axis=1), atol=1e-12)
    np.testing.assert_allclose(transforms.rotate(turned, matrix.transpose(1, 2)), x, atol=1e-12)
    assert not transforms.rotate(torch.zeros_like(turned), matrix).any()


lengths = nps.arrays(np.int64, st.integers(1, 6), elements=st.integers(1, 400))
unit = st.floats(0, 1, exclude_max=True)


@tried(50)
@given(lengths, st.data())
def test_crops_are_inside_their_clips_and_keep_at_least_a_frame(length, data):
    low, high = sorted(data.draw(st.lists(st.floats(0.001, 1), min_size=2, max_size=2)))
    least = data.draw(st.integers(1, 80))
    draws = data.draw(nps.arrays(np.float64, (len(length), 2), elements=unit))
    start, kept = transforms.centre_crop(length, low)
    assert (start >= 0).all() and (kept >= 1).all() and (2 * start + kept == length).all()
    start, kept = transforms.random_crop(length, (low, high), least, draws)
    assert (start >= 0).all() and (kept >= np.minimum(least, length)).all() and (start + kept <= length).all()
    assert (kept <= np.maximum(length * high, least)).all()


@tried(50)
@given(lengths, st.integers(1, 80))
def test_new_frames_lie_between_neighbours_in_order_and_evenly(length, window):
    lower, upper, weight = transforms.resampling(length, window)
    place = lower + weight.astype(float)
    assert (lower >= 0).all() and (upper < length[:, None]).all() and ((upper - lower) <= 1).all()
    assert (weight >= 0).all() and (weight < 1 + 1e-6).all() and (np.diff(place) >= -1e-4).all()
    np.testing.assert_allclose(place + place[:, ::-1], np.repeat(length[:, None] - 1, window, 1), atol=1e-3)


@tried(30)
@given(lengths, st.integers(1, 5), st.integers(0, 2**63 - 1), st.integers(0, 10**6))
def test_samples_are_distinct_and_draws_are_the_clips_own(length, count, seed, epoch):
    index = np.arange(len(length))
    draws = transforms.uniform(seed, epoch, index, count)
    picked = transforms.sample_without_replacement(draws, length + count)
    assert all(
        len(set(row)) == count and 0 <= min(row) <= max(row) < top for row, top in zip(picked.tolist(), length + count)
    )
    alone = [transforms.uniform(seed, epoch, index[i : i + 1], count)[0] for i in index]
    np.testing.assert_array_equal(draws, alone)


# --- whole batches ---


clips = st.tuples(st.integers(1, 90), st.integers(1, 2), st.integers(0, 2**32 - 1))  # frames, persons, seed


@st.composite
def feeders(draw):
    """Clips, and the arguments of a feeder of them."""
    arguments = {
        'window_size': draw(st.integers(1, 20)),
        'p_interval': draw(st.sampled_from([[0.95], [1], [0.5, 1], [0.2, 0.3]])),
        'random_rot': draw(st.booleans()),
        'bone': draw(st.booleans()),
        'vel': draw(st.booleans()),
        'num_person': draw(st.integers(2, 3)),
        'missing_person': draw(st.sampled_from(['zero', 'copy'])),
    }
    return draw(st.lists(clips, min_size=1, max_size=4)), arguments, draw(st.sampled_from([2, 3]))


def plain(clip, index, arguments, seed, epoch):
    """The stream of one clip (T, M, V, C), frame by frame and joint by joint, in double precision: (C, T, V, M)."""
    draws = transforms.uniform(seed, epoch, np.array([index]), 5)
    interval, length = arguments['p_interval'], np.array([len(clip)])
    if len(interval) == 2:
        start, length = transforms.random_crop(length, interval, LEAST_CROP, draws[:, :2])
    else:
        start, length = transforms.centre_crop(length, interval[0])
    clip, window = clip[start[0] : start[0] + length[0]].astype(float), arguments['window_size']
    frames = []
    for t in range(window):
        place = min(max((t + 0.5) * len(clip) / window - 0.5, 0), len(clip) - 1)
        low = int(place)
        frames.append(clip[low] + (place - low) * (clip[min(low + 1, len(clip) - 1)] - clip[low]))
    x = np.zeros((window, arguments['num_person'], *clip.shape[2:]))
    x[:, : clip.shape[1]] = frames
    if arguments['missing_person'] == 'copy' and clip.shape[1] == 1:
        x[:, 1] = x[:, 0]
    if arguments['random_rot']:
        matrix = transforms.rotation((2 * draws[:, 2:] - 1) * LARGEST_ANGLE, clip.shape[3])[0]
        x = np.array([[[matrix @ joint for joint in person] for person in frame] for frame in x])
    if arguments['bone']:
        x = np.stack([x[:, :, joint] - x[:, :, parent] for joint, parent in enumerate(PARENTS)], 2)
    if arguments['vel']:
        x = np.stack([x[t + 1] - x[t] for t in range(window - 1)] + [0 * x[-1]])
    return x.transpose(3, 0, 2, 1)


@tried(25)
@given(feeders(), st.integers(0, 1000), st.integers(0, 100), st.data())
def test_a_batch_is_its_clips_one_by_one_whichever_they_are(tmp_path, drawn, seed, epoch, data):
    made, arguments, coordinates = drawn
    shapes = [(frames, persons, 4, coordinates) for frames, persons, _ in made]
    arrays = [np.random.default_rng(clip[2]).uniform(-3, 3, shape).astype('f4') for clip, shape in zip(made, shapes)]
    with SkeletonStoreWriter(tmp_path / 'x.h5', 'custom', (2, 4, coordinates)) as store:
        for number, array in enumerate(arrays):
            store.add(f'clip{number}', number, array)
    feeder = Feeder(tmp_path / 'x.h5', 'all', graph='graph.custom.Graph', graph_args=STAR, **arguments)
    feeder.set_epoch(seed, epoch)
    rows = data.draw(st.lists(st.integers(0, len(made) - 1), min_size=1, max_size=5))
    batch = feeder.__getitems__(rows)
    assert batch.skeleton.shape == (len(rows), coordinates, arguments['window_size'], 4, arguments['num_person'])
    assert batch.label.tolist() == batch.index.tolist() == rows
    for row, skeleton in zip(rows, batch.skeleton):
        assert torch.equal(skeleton, feeder[row].skeleton[0])
        np.testing.assert_allclose(skeleton, plain(arrays[row], row, arguments, seed, epoch), atol=2e-5)
