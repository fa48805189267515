"""Cleaning of parsed recordings: against the golden and the public arrays, and laws on recordings written here."""

import numpy as np
import pytest

from feeders.recordings import denoise
from feeders.recordings.clips import ClipError
from feeders.recordings.skeleton_file import parse_skeleton, read_skeleton
from tests.golden import inputs
from tests.helpers import skeleton_text

POSE = np.column_stack([np.linspace(0, 0.5, 25), np.linspace(0, 1, 25), np.full(25, 2)])  # half as wide as high


def actor(first, count, scale=1.0, offset=0.0):
    """{frame: a moving person}, who moves by `scale` in each frame."""
    return {frame: POSE + [offset, 0, scale * frame] for frame in range(first, first + count)}


def recording(length, **actors):
    """A parsed file in which each keyword is a body id."""
    frames = [{} for _ in range(length)]
    for identity, poses in actors.items():
        for frame, pose in poses.items():
            frames[frame][identity] = pose
    return parse_skeleton(skeleton_text(frames))


@pytest.mark.parametrize('name', inputs.recordings())
def test_equals_the_golden_arrays_bit_for_bit(golden, name):
    expected = golden('recordings')[name]
    clip = denoise.prepare(parse_skeleton(inputs.recordings()[name]))
    assert clip.reshape(len(clip), -1).tobytes() == expected.tobytes() and clip.size == expected.size


@pytest.mark.parametrize('dataset, folder', [('ntu60', 'nturgb+d_skeletons'), ('ntu120', 'nturgb+d_skeletons120')])
def test_equals_the_public_pipeline_bit_for_bit(shared, public, dataset, folder):
    arrays = public(f'{dataset}_prepared')
    for name, length, aligned in zip(arrays['name'], arrays['length'], arrays['aligned']):
        people = denoise.actors(read_skeleton(shared / 'data' / 'ntu_raw' / folder / f'{name}.skeleton'))
        assert people.reshape(len(people), -1).tobytes() == arrays[f'denoised.{name}'].tobytes(), name
        clip = denoise.translate(people)  # (T, M, 25, 3)
        slots = np.zeros((len(aligned), 2, 25, 3), np.float32)
        slots[:length, : clip.shape[1]] = clip
        if dataset == 'ntu120' and clip.shape[1] == 1:
            slots[:, 1] = slots[:, 0]
        assert len(clip) == length and slots.reshape(len(aligned), 150).tobytes() == aligned.tobytes(), name


def test_one_body_is_not_cleaned_and_short_or_wide_second_bodies_are():
    assert denoise.actors(recording(5, one=actor(0, 5))).shape == (5, 1, 25, 3)
    ghost = actor(0, 11)
    assert denoise.actors(recording(20, one=actor(0, 20), two=ghost)).shape == (20, 1, 25, 3)
    assert denoise.actors(recording(20, one=actor(0, 20), two=actor(0, 12))).shape == (20, 2, 25, 3)
    lying = {frame: pose[:, [1, 0, 2]] for frame, pose in actor(0, 20).items()}
    assert denoise.actors(recording(20, one=actor(0, 20), two=lying)).shape == (20, 1, 25, 3)


def test_the_actor_that_moves_most_comes_first_and_a_successor_takes_its_slot():
    bodies = {'slow': actor(0, 40, 0.01), 'fast': actor(0, 20, 0.1, 5), 'late': actor(20, 20, 0.05, 9)}
    frames = denoise.actors(recording(40, **bodies))
    assert np.allclose(frames[[0, 19], 0, 0, 0], 5) and np.allclose(frames[[20, 39], 0, 0, 0], 9)
    assert np.allclose(frames[:, 1, 0, 0], 0) and frames.any((2, 3)).all()


def test_slot_2_counts_as_taken_from_the_first_frame_on():
    bodies = {'main': actor(0, 40, 0.1), 'second': actor(20, 20, 0.05, 5), 'third': actor(5, 12, 0.02, 9)}
    frames = denoise.actors(recording(40, **bodies))  # third overlaps main, and second's slot from frame 0 on
    assert np.allclose(frames[20:, 1, 0, 0], 5) and not frames[:20, 1].any()


def test_a_body_that_returns_closes_its_gap_and_frames_without_anyone_go():
    poses = {**actor(0, 15), **actor(20, 15)}
    parsed = recording(35, one=poses, two=actor(15, 5))
    assert parsed.length == 35
    assert len(denoise.actors(parsed)) == 30


def test_translation_puts_the_spine_of_the_first_shown_actor_at_zero_and_keeps_empty_slots():
    frames = np.random.default_rng(0).normal(size=(6, 2, 25, 3)).astype(np.float32)
    frames[:2, 0] = frames[4, 1] = 0
    moved = denoise.translate(frames)
    assert not moved[2, 0, 1].any() and not moved[:2, 0].any() and not moved[4, 1].any()
    assert np.array_equal(moved[3], frames[3] - frames[2, 0, 1])


def test_no_body_all_zero_joints_and_too_many_observations_are_refused():
    with pytest.raises(ClipError, match='contains no body'):
        denoise.prepare(parse_skeleton(b'2\n0\n0\n'))
    with pytest.raises(ClipError, match='all joints at zero'):
        denoise.prepare(recording(1, one={0: 0 * POSE}))
    first, *body = skeleton_text([{'one': POSE}]).split(b'\n')[1:-1]
    with pytest.raises(ClipError, match='observed more often'):
        denoise.prepare(parse_skeleton(b'\n'.join([first, b'2', *body, *body])))
