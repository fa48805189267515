"""Parsing of `.skeleton` files: laws on files written here."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from feeders.recordings import denoise
from feeders.recordings.clips import ClipError
from feeders.recordings.skeleton_file import COLOUR, parse_decimals, parse_skeleton, read_skeleton


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


def test_a_file_of_another_format_is_refused_with_its_line(shared):
    with pytest.raises(ClipError, match='line 4: a body of 26 joints, expected 25'):
        read_skeleton(shared / 'data' / 'ntu_raw' / 'not_ntu_format.skeleton')


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
        (b'1\n1\n\n25\n', "line 3: expected a body's info line, which begins with its id"),
        (file_text([body_text(joints=24)]), 'line 4: a body of 24 joints, expected 25'),
        (TWO_FRAMES + b'1\n', 'line 58: the file continues after the 2 frames'),
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
def test_errors_name_the_line(text, message):
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
