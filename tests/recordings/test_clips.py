"""Clips on their way to a store: which files are found, which frames are accepted, and reading in parallel."""

import os
import signal
import warnings

import numpy as np
import pytest

from feeders.recordings.clips import ClipError, attempt, checked_frames, find_files, ordered_map
from torchlight.errors import InputError

FRAMES = np.random.default_rng(0).normal(size=(4, 2, 5, 3))


@pytest.mark.parametrize('kind', [np.float64, np.float32, np.float16, np.int64, np.uint8])
def test_numbers_of_any_type_become_float32(kind):
    numbers = (100 * FRAMES).astype(kind)
    frames = checked_frames(numbers, (2, 5, 3))
    assert frames.dtype == np.float32 and np.array_equal(frames, numbers.astype(np.float32))


def test_one_person_may_come_without_an_axis_of_persons():
    assert np.array_equal(checked_frames(FRAMES[:, 0], (2, 5, 3)), FRAMES[:, :1].astype(np.float32))


@pytest.mark.parametrize(
    'frames, message',
    [
        (FRAMES[..., :4, :], r'has frames of shape \(4, 2, 4, 3\), type float64; expected .* \(T, 5, 3\) or'),
        (FRAMES[..., :2], r'of shape \(4, 2, 5, 2\)'),
        (FRAMES[0, 0], r'of shape \(5, 3\)'),
        (FRAMES[None], r'of shape \(1, 4, 2, 5, 3\)'),
        (FRAMES.astype(str), 'type <U'),
        (FRAMES > 0, 'type bool'),
        (FRAMES * 1j, 'type complex128'),
        (np.array(None), r'of shape \(\), type object'),
        (FRAMES[:0], 'has no frames'),
        (FRAMES[:, :0], 'nobody is in it'),
        (np.concatenate([FRAMES, FRAMES], 1), 'has 4 persons; expected no more than 2'),
        (np.where(FRAMES > 1, np.nan, FRAMES), 'contains NaN or Inf'),
        (np.where(FRAMES > 1, -np.inf, FRAMES), 'contains NaN or Inf'),
        (FRAMES * 1e300, 'contains NaN or Inf'),
    ],
)
def test_frames_that_a_store_cannot_take_are_refused_without_a_warning(frames, message):
    with warnings.catch_warnings(), pytest.raises(ClipError, match=message):
        warnings.simplefilter('error')
        checked_frames(frames, (2, 5, 3))


def test_files_are_found_at_any_depth_folder_by_folder(tmp_path):
    files = [tmp_path / 'z' / 'b.npy', tmp_path / 'z' / 'c' / 'a.npy', tmp_path / 'a' / 'd.npy']
    for file in files:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
    assert find_files([tmp_path / 'z', str(tmp_path / 'a')], '*.npy') == files
    with pytest.raises(InputError, match='nowhere is not a folder; --raw takes the folders that contain'):
        find_files([tmp_path / 'z', 'nowhere'], '*.npy')
    with pytest.raises(InputError, match=r'no \*\.mat in .*; --videos takes'):
        find_files([tmp_path / 'z'], '*.mat', '--videos')


def test_reasons_are_returned_and_mistakes_of_the_program_are_not_hidden():
    def read(error):
        raise error

    assert attempt(read, ClipError('is damaged', 3)) == 'line 3: is damaged'
    assert attempt(read, InputError('is unknown')) == 'is unknown'
    with pytest.raises(ZeroDivisionError):
        attempt(read, ZeroDivisionError())


def test_processes_give_the_same_results_in_the_same_order():
    assert list(ordered_map(abs, list(range(-70, 30)), 2)) == list(map(abs, range(-70, 30)))


def killed(number):
    os.kill(os.getpid(), signal.SIGKILL)


def test_a_reading_process_that_is_killed_is_one_line():
    with pytest.raises(InputError, match='the system ended a reading process, perhaps because memory ran out') as error:
        list(ordered_map(killed, list(range(100)), 2))
    assert '\n' not in str(error.value)
