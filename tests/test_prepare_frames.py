"""The command `frames`: boxes, moments, strips, and pictures from videos written here."""

import os
import sys
from pathlib import Path

import numpy as np
import pytest

from feeders.prepare import crops, frames
from feeders.prepare.__main__ import main
from feeders.prepare.skeleton_file import COLOUR, POSITION, ClipError, parse_skeleton
from torchlight.errors import InputError

av = pytest.importorskip('av', reason='needs PyAV (LLMs/requirements.txt)')
Image = pytest.importorskip('PIL.Image', reason='needs Pillow (LLMs/requirements.txt)')
NAME, PAIR = 'S001C001P001R001A001', 'S001C001P001R001A050'
WIDTH, HEIGHT = 480, 270  # a quarter of NTU's, so boxes are scaled
FRAMES = 20
ABSENT = [-np.inf, np.nan]


def place(frame, side=0):
    """(25, 2) pixels of 1920 × 1080: a person 200 wide and 500 high who walks to the right."""
    grid = np.stack(np.meshgrid(np.linspace(0, 200, 5), np.linspace(0, 500, 5)), -1).reshape(25, 2)
    return grid + [300 + 20 * frame + side, 300]


def skeleton_text(bodies):
    """bodies: for each frame {id: (25, 2) places} → the bytes of a `.skeleton` file."""
    lines = [str(len(bodies))]
    for frame, seen in enumerate(bodies):
        lines.append(str(len(seen)))
        for identity, colour in seen.items():
            lines += [
                f'{identity} 0',
                '25',
                *(f'{0.1 * x / 200:.4f} {y / 300:.4f} {2 + 0.01 * frame} 0 0 {x} {y} 0 0 0 0 2' for x, y in colour),
            ]
    return '\n'.join(lines).encode()


def recording(bodies):
    return parse_skeleton(skeleton_text(bodies), POSITION + COLOUR)


def write_video(path, bodies):
    """A black video in which each person is a rectangle, as bright as the frame is late, a quarter of NTU's size."""
    with av.open(str(path), 'w') as container:
        stream = container.add_stream(
            'mpeg4', rate=30, width=WIDTH, height=HEIGHT, pix_fmt='yuv420p', bit_rate=4_000_000
        )
        for frame, seen in enumerate(bodies):
            pixels = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
            for colour in seen.values():
                left, top, right, bottom = (np.concatenate([colour.min(0), colour.max(0)]) / 4).astype(int)
                pixels[top:bottom, left:right] = 100 + 7 * frame
            for packet in stream.encode(av.VideoFrame.from_ndarray(pixels, format='rgb24')):
                container.mux(packet)
        for packet in stream.encode():
            container.mux(packet)


@pytest.fixture
def clips(tmp_path):
    """Writes a clip's video and skeleton; gives the command that makes pictures of all of them."""
    for folder in ('videos', 'skeletons'):
        (tmp_path / folder).mkdir()

    def write(name, bodies):
        write_video(tmp_path / 'videos' / f'{name}_rgb.avi', bodies)
        (tmp_path / 'skeletons' / f'{name}.skeleton').write_bytes(skeleton_text(bodies))
        return [
            'frames',
            '--videos',
            str(tmp_path / 'videos'),
            '--skeletons',
            str(tmp_path / 'skeletons'),
            '--out',
            str(tmp_path / 'out'),
        ]

    return write


def walk(count=FRAMES):
    return [{'7': place(frame)} for frame in range(count)]


def test_the_box_holds_all_joints_with_a_margin():
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
    for nowhere, message in ((joints + [3000, 0], 'outside the colour image'), (joints * np.nan, 'without a place')):
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


def test_two_person_classes_show_both_and_others_the_one_who_moves_most():
    still = place(0, 900)
    both = [{'still': still, 'moves': place(frame)} for frame in range(FRAMES)]
    (_, alone), (_, together) = (crops.moment_boxes(recording(both), people)[0] for people in (1, 2))
    assert alone == crops.person_box(place(2)) and together == crops.person_box(np.concatenate([place(2), still]))
    assert {50, 60, 106, 120} <= crops.TWO_PEOPLE and not {49, 61, 105, 121} & crops.TWO_PEOPLE


def test_whoever_is_seen_stands_in_for_who_has_left():
    bodies = [{'a' if frame < 15 else 'b': place(frame)} for frame in range(30)]
    boxes = dict(crops.moment_boxes(recording(bodies), 1))
    assert boxes == {frame: crops.person_box(place(frame)) for frame in (3, 9, 15, 21, 27)}


def test_a_recording_without_a_body_is_refused():
    with pytest.raises(ClipError, match='holds no body'):
        crops.moment_boxes(recording([{}, {}]), 1)


def test_strips_lie_side_by_side_and_fill_the_canvas():
    grey = [20, 60, 100, 140, 180]
    canvas = np.asarray(crops.strip([Image.new('RGB', (30 + g, 200), (g, g, g)) for g in grey]))
    assert canvas.shape == (480, 480, 3)
    assert np.array_equal(canvas, np.broadcast_to(np.repeat(grey, 96)[None, :, None], canvas.shape))


def test_a_picture_shows_the_person_at_each_moment(clips, tmp_path):
    assert main(clips(NAME, walk())) == 0
    with Image.open(tmp_path / 'out' / f'{NAME}.jpg') as image:
        pixels = np.asarray(image)[..., 0].astype(float)
    assert pixels.shape == (480, 480)
    cells = pixels.reshape(480, 5, 96).swapaxes(0, 1)
    assert np.abs(cells[:, 230:250, 40:56].mean((1, 2)) - [100 + 7 * frame for frame in (2, 6, 10, 14, 18)]).max() < 8
    lit = cells > 50
    assert (lit.any((1, 2)) & ~lit[:, :, :8].any((1, 2)) & ~lit[:, :, -8:].any((1, 2))).all()  # the padding
    assert (0.5 < lit[:, 240].mean(1)).all() and (0.5 < lit[:, :, 48].mean(1)).all()  # the person


def test_both_people_are_in_the_picture_of_a_two_person_class(clips):
    clips(PAIR, [{'1': place(frame), '2': place(frame, 900)} for frame in range(FRAMES)])
    command = clips(NAME, walk())
    footage, _ = frames.find_footage(command[2], command[4:5])
    alone, pair = (np.asarray(image)[240, :96, 0] > 50 for image in crops.pictures(footage))
    assert np.diff(alone.astype(int)).tolist().count(1) == 1 and np.diff(pair.astype(int)).tolist().count(1) == 2


def test_a_second_run_makes_only_what_is_missing_or_damaged(clips, tmp_path, capsys):
    names = [NAME[:-1] + digit for digit in '1234']
    for name in names:
        command = clips(name, walk(6))
    assert main(command) == 0
    paths = [tmp_path / 'out' / f'{name}.jpg' for name in names]
    assert sorted(tmp_path.glob('out/*')) == paths
    whole = paths[0].read_bytes()
    paths[1].unlink()
    paths[2].write_bytes(whole[:-100])
    paths[3].write_bytes(b'no picture')
    before = os.stat(paths[0])
    capsys.readouterr()
    assert main(command) == 0
    assert '4 clips, 1 of them there before' in capsys.readouterr().out
    assert os.stat(paths[0]) == before and all(frames.is_whole(path) for path in paths)


def test_an_interrupted_run_keeps_whole_pictures_alone_and_goes_on(clips, tmp_path, monkeypatch, capsys):
    for digit in '123':
        command = clips(NAME[:-1] + digit, walk(6))
    made, calls = frames.jpeg, []

    def interrupted(footage):
        calls.append(footage)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return made(footage)

    monkeypatch.setattr(frames, 'jpeg', interrupted)
    assert main([*command, '--num-worker', '0']) == 2
    assert os.listdir(tmp_path / 'out') == [f'{NAME}.jpg'] and 'interrupted' in capsys.readouterr().err
    assert main([*command, '--num-worker', '0']) == 0
    assert len(calls) == 4 and len(os.listdir(tmp_path / 'out')) == 3


def test_videos_without_a_picture_are_named_with_their_reason(clips, tmp_path, capsys):
    videos, skeletons = tmp_path / 'videos', tmp_path / 'skeletons'
    command = clips(NAME, walk())
    whole, text = (videos / f'{NAME}_rgb.avi').read_bytes(), (skeletons / f'{NAME}.skeleton').read_bytes()
    other = {digit: NAME[:-2] + '1' + digit for digit in '12345'}
    for digit, video, skeleton in (
        ('1', whole, None),
        ('2', b'no video' * 99, text),
        ('3', whole, b'1\n0\n'),
        ('4', whole, skeleton_text(walk(40))),
        ('5', whole, None),
    ):
        (videos / f'{other[digit]}_rgb.avi').write_bytes(video)
        if skeleton:
            (skeletons / f'{other[digit]}.skeleton').write_bytes(skeleton)
    (videos / 'more').mkdir()
    (videos / 'more' / f'{NAME}.mp4').write_bytes(whole)
    (tmp_path / 'missing.txt').write_text(other['5'])
    command += ['--exclude', str(tmp_path / 'missing.txt')]
    assert main(command) == 1
    assert os.listdir(tmp_path / 'out') == [f'{NAME}.jpg']
    report = (tmp_path / 'out.report.txt').read_text().splitlines()
    assert report[0] == '1 clips stored, 6 left out' and len(report) == 7
    for name, reason in (
        (other['1'], 'has no S001'),
        (other['2'], 'cannot be read after 0 frames'),
        (other['3'], 'holds no body'),
        (other['4'], 'has 20 frames, and the skeleton frame 37'),
        (other['5'], 'named in'),
        (f'{NAME}.mp4', 'has the same name as'),
    ):
        assert any(name in line and reason in line for line in report[1:]), name
    assert 'Traceback' not in capsys.readouterr().err
    assert main([*command, '--allow-missing']) == 0


@pytest.mark.parametrize(
    'change, message',
    [
        ({'--videos': 'nowhere'}, 'nowhere is not a folder; --videos'),
        ({'--videos': 'skeletons'}, 'no video (.avi, '),
        ({'--skeletons': 'videos'}, 'no .skeleton file in videos; --skeletons'),
        ({'--videos': 'videos/damaged'}, 'none of 1 videos gives a picture; the first: '),
        ({'--out': 'skeletons/S001C001P001R001A001.skeleton/out'}, 'cannot make the folder'),
    ],
)
def test_wrong_paths_are_one_line_and_status_2(clips, tmp_path, monkeypatch, capsys, change, message):
    clips(NAME, walk(6))
    (tmp_path / 'videos' / 'damaged').mkdir()
    (tmp_path / 'videos' / 'damaged' / f'{NAME}_rgb.avi').write_bytes(b'')
    monkeypatch.chdir(tmp_path)
    flags = {'--videos': 'videos', '--skeletons': 'skeletons', '--out': 'out', **change}
    assert main(['frames', *(word for pair in flags.items() for word in pair)]) == 2
    assert message in (printed := capsys.readouterr().err) and printed.count('\n') == 1


def test_a_disk_that_refuses_is_one_line_and_status_2(clips, tmp_path, monkeypatch, capsys):
    def full(*_):
        raise OSError(28, 'No space left on device')

    command = clips(NAME, walk(6))
    monkeypatch.setattr(Path, 'write_bytes', full)
    assert main(command) == 2
    assert 'No space left on device; nothing half-written is left' in capsys.readouterr().err
    assert not os.listdir(tmp_path / 'out')


def test_absent_packages_are_named_in_one_line(clips, monkeypatch, capsys):
    command = clips(NAME, walk(6))
    monkeypatch.setitem(sys.modules, 'av', None)
    assert main(command) == 2
    error = capsys.readouterr().err
    assert error.startswith('error: pictures from videos need the packages av and Pillow') and error.count('\n') == 1
    with pytest.raises(InputError, match='LLMs/requirements.txt'):
        crops.pictures([])


def test_a_real_recording_gives_a_picture(shared, tmp_path, capsys):
    command = [
        'frames',
        '--videos',
        str(shared / 'data' / 'ntu_video'),
        '--skeletons',
        str(shared / 'data' / 'ntu_raw' / 'nturgb+d_skeletons'),
        '--out',
        str(tmp_path / 'out'),
    ]
    assert main(command) == 1
    assert 'S018C001P008R001A062_rgb.avi: has no S018' in capsys.readouterr().err
    with Image.open(tmp_path / 'out' / f'{NAME}.jpg') as image:
        cells = np.asarray(image.convert('L')).reshape(480, 5, 96).swapaxes(0, 1)
    assert (cells[:, 130:230, 30:66].mean((1, 2)) < 60).all()  # her black shirt
    assert (cells[:, :300, :6].mean((1, 2)) > 120).all()  # the white wall
