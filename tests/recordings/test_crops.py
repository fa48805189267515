"""Person crops: boxes, moments, strips, and the images of videos that are written here."""

import numpy as np
import pytest

from feeders.recordings import crops
from feeders.recordings.clips import ClipError
from feeders.recordings.skeleton_file import COLOUR, POSITION, parse_skeleton
from feeders.recordings.videos import find_video_clips
from tests.recordings.walker import FRAMES, place, skeleton_of, walk, write_video

pytest.importorskip('av', reason='needs PyAV (LLMs/requirements.txt)')
Image = pytest.importorskip('PIL.Image', reason='needs Pillow (LLMs/requirements.txt)')
NAME, PAIR = 'S001C001P001R001A001', 'S001C001P001R001A050'
ABSENT = [-np.inf, np.nan]


def recording(bodies):
    return parse_skeleton(skeleton_of(bodies), POSITION + COLOUR)


def test_the_box_contains_all_joints_with_a_margin():
    joints = place(0)
    left, top, right, bottom = crops.person_box(joints)
    assert (left, right) == (300 - 75, 500 + 75)  # 0.15 of the height of 500
    assert (top, bottom) == (550 - 438, 550 + 438)  # 2.5 times the width of 350, in whole pixels
    assert crops.person_box(joints * [0.25, 1]) == (75 - 75, 300 - 75, 125 + 75, 800 + 75)  # high enough as it is


def test_the_box_ends_at_the_edges_of_the_image():
    joints = place(0)
    assert crops.person_box(joints - [400, 400])[:2] == (0, 0)
    assert crops.person_box(joints + [1400, 400])[2:] == (1920, 1080)
    joints[3] = ABSENT
    assert crops.person_box(joints) == crops.person_box(np.delete(joints, 3, 0))
    for nowhere, message in ((joints + [3000, 0], 'outside the colour image'), (joints * np.nan, 'without a position')):
        with pytest.raises(ClipError, match=message):
            crops.person_box(nowhere)


@pytest.mark.parametrize(
    'count, moments', [(20, [2, 6, 10, 14, 18]), (5, [0, 1, 2, 3, 4]), (1, [0] * 5), (43, [4, 12, 21, 30, 38])]
)
def test_moments_are_the_middles_of_five_equal_parts(count, moments):
    assert [frame for frame, _ in crops.moment_boxes(recording(walk(count)), 1)] == moments


def test_moments_are_frames_in_which_somebody_is_seen():
    bodies = [{}] * 10 + walk(10)
    assert [frame for frame, _ in crops.moment_boxes(recording(bodies), 1)] == [11, 13, 15, 17, 19]


def test_a_box_shows_two_people_or_the_one_who_moves_most():
    still = place(0, 900)
    both = [{'still': still, 'moves': place(frame)} for frame in range(FRAMES)]
    (_, one), (_, two) = (crops.moment_boxes(recording(both), people)[0] for people in (1, 2))
    assert one == crops.person_box(place(2)) and two == crops.person_box(np.concatenate([place(2), still]))


def test_whoever_is_seen_stands_in_for_who_has_left():
    bodies = [{'a' if frame < 15 else 'b': place(frame)} for frame in range(30)]
    boxes = dict(crops.moment_boxes(recording(bodies), 1))
    assert boxes == {frame: crops.person_box(place(frame)) for frame in (3, 9, 15, 21, 27)}


def test_a_recording_without_a_body_is_refused():
    with pytest.raises(ClipError, match='contains no body'):
        crops.moment_boxes(recording([{}, {}]), 1)


def test_strips_are_side_by_side_and_fill_the_canvas():
    grey = [20, 60, 100, 140, 180]
    canvas = np.asarray(crops.join_strips([Image.new('RGB', (30 + g, 200), (g, g, g)) for g in grey]))
    assert canvas.shape == (480, 480, 3)
    assert np.array_equal(canvas, np.broadcast_to(np.repeat(grey, 96)[None, :, None], canvas.shape))


@pytest.mark.parametrize('action, people', [(1, 1), (49, 1), (50, 2), (60, 2), (61, 1), (105, 1), (106, 2), (120, 2)])
def test_both_people_are_in_the_image_of_a_two_person_class(tmp_path, action, people):
    name, bodies = f'S001C001P001R001A{action:03}', [{'1': place(i), '2': place(i, 900)} for i in range(FRAMES)]
    write_video(tmp_path / f'{name}_rgb.avi', bodies)
    (tmp_path / f'{name}.skeleton').write_bytes(skeleton_of(bodies))
    (clip,), left_out = find_video_clips(tmp_path, [tmp_path])
    lit = np.asarray(crops.person_image(clip))[240, :96, 0] > 50
    assert not left_out and np.diff(lit.astype(int)).tolist().count(1) == people


def test_a_video_whose_name_no_image_may_have_is_left_out(tmp_path):
    for file in ('.._rgb.avi', '_rgb.avi', '...skeleton', 'walk_rgb.avi', 'walk.skeleton'):
        (tmp_path / file).write_bytes(b'')
    clips, left_out = find_video_clips(tmp_path, [tmp_path])
    assert [clip.name for clip in clips] == ['walk'] and len(left_out) == 2
    assert all('a name must not be empty' in video.reason for video in left_out)


def test_a_title_that_is_no_text_does_not_matter(tmp_path):
    path = tmp_path / 'x.avi'
    write_video(path, [{}] * 3)
    data = path.read_bytes()
    assert data.count(b'Lavf') == 1, 'the writer is the only text in the file'
    path.write_bytes(data.replace(b'Lavf', b'\x9c\xff\xfe\xfd'))
    assert len(crops.read_crops(path, [(0, (0, 0, 8, 8))])) == 1


def test_a_video_of_an_unknown_format_is_refused(tmp_path):
    path = tmp_path / 'x.avi'
    write_video(path, [{}] * 3)
    path.write_bytes(path.read_bytes().replace(b'FMP4', b'\0\xf3\xf2\xf1'))
    with pytest.raises(ClipError, match='of a format that cannot be decoded'):
        crops.read_crops(path, [(0, (0, 0, 8, 8))])
