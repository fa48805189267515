"""Parsing and cleaning of `.skeleton` files: against the golden arrays, and laws on files written here."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from feeders.prepare import denoise
from feeders.prepare.decimals import parse_decimals
from feeders.prepare.skeleton_file import COLOUR, ClipError, parse_skeleton, read_skeleton

SHARED = Path(__file__).resolve().parents[2] / 'shared'
needs_shared = pytest.mark.skipif(not SHARED.is_dir(), reason='needs ../shared, the real recordings and golden arrays')


def body_text(identity='7', joints=25, value=None):
    """One body's lines; joint j lies at (j, j + 0.5, 2) unless `value` is given."""
    rows = [f'{j if value is None else value} {j + 0.5} 2 10 11 {j} {j + 100} 0 0 0 0 2' for j in range(joints)]
    return '\n'.join([f'{identity} 0 1 1 1 1 0 0.02 0.05 2', str(joints), *rows])


def file_text(*frames):
    """A file; each frame is a list of body texts."""
    return (
        '\n'.join([str(len(frames))] + [line for bodies in frames for line in [str(len(bodies)), *bodies]]).encode()
        + b'\n'
    )


TWO_FRAMES = file_text([body_text()], [body_text()])


def actor(first, count, scale=1.0, offset=0.0):
    """{frame: a moving person}, as wide as 0.5 of its height, moving by `scale` a frame."""
    shape = np.zeros((25, 3))
    shape[:, 0], shape[:, 1], shape[:, 2] = np.linspace(0, 0.5, 25), np.linspace(0, 1, 25), 2
    return {frame: shape + [offset, 0, scale * frame] for frame in range(first, first + count)}


def recording(length, **actors):
    """A parsed file in which each keyword is a body id."""
    frames = [[] for _ in range(length)]
    for identity, poses in actors.items():
        for frame, pose in poses.items():
            rows = [f'{x:.6f} {y:.6f} {z:.6f} 0 0 0 0 0 0 0 0 2' for x, y, z in pose]
            frames[frame].append('\n'.join([f'{identity} 0', '25', *rows]))
    return parse_skeleton(file_text(*frames))


@needs_shared
@pytest.mark.parametrize('dataset, folder', [('ntu60', 'nturgb+d_skeletons'), ('ntu120', 'nturgb+d_skeletons120')])
def test_equals_golden_bit_for_bit(dataset, folder):
    golden = np.load(SHARED / 'golden' / f'{dataset}_prepared.npz')
    for name, length, aligned in zip(golden['name'], golden['length'], golden['aligned']):
        people = denoise.actors(read_skeleton(SHARED / 'data' / 'ntu_raw' / folder / f'{name}.skeleton'))
        assert people.reshape(len(people), -1).tobytes() == golden[f'denoised.{name}'].tobytes(), name
        clip = denoise.translate(people)  # (T, P, 25, 3)
        slots = np.zeros((len(aligned), 2, 25, 3), np.float32)
        slots[:length, : clip.shape[1]] = clip
        if dataset == 'ntu120' and clip.shape[1] == 1:
            slots[:, 1] = slots[:, 0]
        assert len(clip) == length and slots.reshape(len(aligned), 150).tobytes() == aligned.tobytes(), name


@needs_shared
def test_a_file_of_another_format_is_refused_with_its_line():
    with pytest.raises(ClipError, match='line 4: 26 joints, expected 25'):
        read_skeleton(SHARED / 'data' / 'ntu_raw' / 'not_ntu_format.skeleton')


def test_ids_stay_text_and_keep_the_order_of_appearance():
    first, second = '72057594037931101', '72057594037931100'  # equal as float64
    parsed = parse_skeleton(file_text([], [body_text(first)], [body_text(second), body_text(first)]))
    assert [body.id for body in parsed.bodies] == [first, second]
    assert parsed.length == 2 and [body.start for body in parsed.bodies] == [0, 1]
    assert parsed.bodies[0].frame.tolist() == [1, 2]


def test_colour_columns_can_be_read():
    parsed = parse_skeleton(TWO_FRAMES, COLOUR)
    assert np.array_equal(parsed.bodies[0].joints[1], np.stack([np.arange(25), np.arange(25) + 100], 1))


@pytest.mark.parametrize('spacing', [('\n', '\r\n'), (' 2 10', '\t2  10'), ('\n', '\r')])
def test_other_spacing_reads_the_same(spacing):
    changed = TWO_FRAMES.decode().replace(*spacing).encode()
    assert changed != TWO_FRAMES
    assert np.array_equal(parse_skeleton(changed).bodies[0].joints, parse_skeleton(TWO_FRAMES).bodies[0].joints)


@pytest.mark.parametrize(
    'text, message',
    [
        (b'', 'the file is cut short: expected the number of frames'),
        (b'three\n', "line 1: 'three' is not a number of frames"),
        (b'-1\n', "line 1: '-1' is not a number of frames"),
        (b'2\n0\n', 'line 2: the file is cut short: expected the number of bodies'),
        (b'1\n1\n\n25\n', "line 3: expected a body's info line, its id first"),
        (file_text([body_text(joints=24)]), 'line 4: 24 joints, expected 25'),
        (TWO_FRAMES + b'1\n', 'line 58: the file goes on after the 2 frames'),
        (TWO_FRAMES.replace(b'3 3.5 2', b'3 abc 2', 1), "line 8: 'abc' is not a finite number"),
        (TWO_FRAMES.replace(b'3 3.5 2', b'3 nan 2', 1), "line 8: 'nan' is not a finite number"),
        (TWO_FRAMES.replace(b'3 3.5 2', b'3 1e39 2', 1), "line 8: '1e39' is not a finite number"),
        (TWO_FRAMES.replace(b'3 3.5 2', b'3 1_0 2', 1), "line 8: '1_0' is not a finite number"),
        (
            TWO_FRAMES.replace(b'3 3.5 2', b'3.5 2', 1),
            'line 8: a joint line has 11 numbers, expected 12 as in the first',
        ),
    ],
)
def test_what_is_wrong_is_said_with_its_line(text, message):
    with pytest.raises(ClipError) as caught:
        parse_skeleton(text)
    assert message in str(caught.value)


@given(st.integers(0, len(TWO_FRAMES) - 4))
@settings(max_examples=60, deadline=None)
def test_a_file_cut_anywhere_is_refused(size):
    with pytest.raises(ClipError):
        parse_skeleton(TWO_FRAMES[:size])


@given(
    st.one_of(st.binary(max_size=200), st.tuples(st.integers(0, len(TWO_FRAMES)), st.binary(min_size=1, max_size=8)))
)
@settings(max_examples=300, deadline=None)
def test_arbitrary_bytes_raise_nothing_but_the_parsers_error(noise):
    if isinstance(noise, tuple):
        place, patch = noise
        noise = TWO_FRAMES[:place] + patch + TWO_FRAMES[place + len(patch) :]
    try:
        denoise.prepare(parse_skeleton(noise))
    except ClipError as error:
        assert str(error)


@given(
    st.lists(
        st.one_of(
            st.floats(-1e4, 1e4).map(repr),
            st.floats(width=32, allow_nan=False, allow_infinity=False).map(repr),
            st.decimals(-99, 99, places=7).map(str),
            st.from_regex(r'\A-?[0-9]{1,18}(\.[0-9]{0,8})?\Z'),
        ),
        min_size=1,
    )
)
@settings(max_examples=80, deadline=None)
def test_decimals_equal_float_exactly(numbers):
    text = ' '.join(numbers).encode()
    end = np.cumsum([len(number) + 1 for number in numbers]) - 1
    start = np.append(0, end[:-1] + 1)
    expected = np.array([float(number) for number in numbers])
    assert parse_decimals(text, start, end).tobytes() == expected.tobytes()


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
    with pytest.raises(ClipError, match='holds no body'):
        denoise.prepare(parse_skeleton(b'2\n0\n0\n'))
    zeros = body_text().split('\n')[:2] + ['0 ' * 11 + '0'] * 25
    with pytest.raises(ClipError, match='all joints at zero'):
        denoise.prepare(parse_skeleton(file_text(['\n'.join(zeros)])))
    with pytest.raises(ClipError, match='observed more often'):
        denoise.prepare(parse_skeleton(file_text([body_text(), body_text()])))
