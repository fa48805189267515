"""The command `frames`: images of videos that are written here."""

import os
import sys
from pathlib import Path

import numpy as np
import pytest

from feeders.prepare import person_images
from feeders.prepare.__main__ import main
from tests.helpers import refused
from tests.recordings.walker import skeleton_of, walk, write_video

pytest.importorskip('av', reason='needs PyAV (LLMs/requirements.txt)')
Image = pytest.importorskip('PIL.Image', reason='needs Pillow (LLMs/requirements.txt)')
NAME = 'S001C001P001R001A001'


@pytest.fixture
def clips(tmp_path):
    """Writes a clip's video and skeleton; gives the command that makes images of all of them."""
    for folder in ('videos', 'skeletons'):
        (tmp_path / folder).mkdir()

    def write(name, bodies):
        write_video(tmp_path / 'videos' / f'{name}_rgb.avi', bodies)
        (tmp_path / 'skeletons' / f'{name}.skeleton').write_bytes(skeleton_of(bodies))
        return [
            'frames',
            *(word for flag in ('videos', 'skeletons', 'out') for word in (f'--{flag}', f'{tmp_path / flag}')),
        ]

    return write


def test_an_image_shows_the_person_at_each_moment(clips, tmp_path):
    assert main(clips(NAME, walk())) == 0
    with Image.open(tmp_path / 'out' / f'{NAME}.jpg') as image:
        pixels = np.asarray(image)[..., 0].astype(float)
    assert pixels.shape == (480, 480)
    cells = pixels.reshape(480, 5, 96).swapaxes(0, 1)
    assert np.abs(cells[:, 230:250, 40:56].mean((1, 2)) - [100 + 7 * frame for frame in (2, 6, 10, 14, 18)]).max() < 8
    lit = cells > 50
    assert (lit.any((1, 2)) & ~lit[:, :, :8].any((1, 2)) & ~lit[:, :, -8:].any((1, 2))).all()  # the padding
    assert (0.5 < lit[:, 240].mean(1)).all() and (0.5 < lit[:, :, 48].mean(1)).all()  # the person


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
    paths[3].write_bytes(b'not an image')
    before = os.stat(paths[0])
    capsys.readouterr()
    assert main(command) == 0
    assert '4 clips, of which 1 was already there' in capsys.readouterr().out
    assert os.stat(paths[0]) == before and all(person_images.is_complete(path) for path in paths)


def test_an_interrupted_run_keeps_only_complete_images_and_resumes(clips, tmp_path, monkeypatch, capsys):
    for digit in '123':
        command = clips(NAME[:-1] + digit, walk(6))
    encode, calls = person_images.jpeg, []

    def interrupted(clip):
        calls.append(clip)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return encode(clip)

    monkeypatch.setattr(person_images, 'jpeg', interrupted)
    assert main([*command, '--num-worker', '0']) == 130
    assert os.listdir(tmp_path / 'out') == [f'{NAME}.jpg'] and 'interrupted' in capsys.readouterr().err
    assert main([*command, '--num-worker', '0']) == 0
    assert len(calls) == 4 and len(os.listdir(tmp_path / 'out')) == 3


def test_videos_without_an_image_are_named_with_their_reason(clips, tmp_path, capsys):
    videos, skeletons = tmp_path / 'videos', tmp_path / 'skeletons'
    command = clips(NAME, walk())
    whole, text = (videos / f'{NAME}_rgb.avi').read_bytes(), (skeletons / f'{NAME}.skeleton').read_bytes()
    other = {digit: NAME[:-2] + '1' + digit for digit in '12345'}
    for digit, video, skeleton in (
        ('1', whole, None),
        ('2', b'no video' * 99, text),
        ('3', whole, b'1\n0\n'),
        ('4', whole, skeleton_of(walk(40))),
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
    assert report[0] == '1 clip stored, 6 left out' and len(report) == 7
    for name, reason in (
        (other['1'], 'has no S001'),
        (other['2'], 'cannot be read after 0 frames'),
        (other['3'], 'contains no body'),
        (other['4'], 'has 20 frames, but the skeleton needs frame 37'),
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
        ({'--skeletons': 'videos'}, 'no *.skeleton in videos; --skeletons'),
        ({'--videos': 'videos/damaged'}, 'no image can be made of 1 video; the first: '),
        ({'--out': 'skeletons/S001C001P001R001A001.skeleton/out'}, 'cannot make the folder'),
    ],
)
def test_wrong_paths_are_one_line_and_status_2(clips, tmp_path, monkeypatch, capsys, change, message):
    clips(NAME, walk(6))
    (tmp_path / 'videos' / 'damaged').mkdir()
    (tmp_path / 'videos' / 'damaged' / f'{NAME}_rgb.avi').write_bytes(b'')
    monkeypatch.chdir(tmp_path)
    flags = {'--videos': 'videos', '--skeletons': 'skeletons', '--out': 'out', **change}
    assert message in refused(capsys, main, ['frames', *(word for pair in flags.items() for word in pair)])


def test_a_disk_that_refuses_is_one_line_and_status_2(clips, tmp_path, monkeypatch, capsys):
    def full(*_):
        raise OSError(28, 'No space left on device')

    command = clips(NAME, walk(6))
    monkeypatch.setattr(Path, 'write_bytes', full)
    assert main(command) == 2
    assert 'No space left on device; no partial file is left behind' in capsys.readouterr().err
    assert not os.listdir(tmp_path / 'out')


def test_absent_packages_are_named_in_one_line(clips, monkeypatch, capsys):
    command = clips(NAME, walk(6))
    monkeypatch.setitem(sys.modules, 'av', None)
    error = refused(capsys, main, command)
    assert error.startswith('error: images from videos need the packages av and Pillow: pip install -r LLMs/requirem')


def test_a_real_recording_gives_an_image(shared, tmp_path, capsys):
    folders = {'videos': 'ntu_video', 'skeletons': 'ntu_raw/nturgb+d_skeletons'}
    flags = [word for flag, folder in folders.items() for word in (f'--{flag}', str(shared / 'data' / folder))]
    assert main(['frames', *flags, '--out', str(tmp_path / 'out')]) == 1
    assert 'S018C001P008R001A062_rgb.avi: has no S018' in capsys.readouterr().err
    with Image.open(tmp_path / 'out' / f'{NAME}.jpg') as image:
        cells = np.asarray(image.convert('L')).reshape(480, 5, 96).swapaxes(0, 1)
    assert (cells[:, 130:230, 30:66].mean((1, 2)) < 60).all()  # her black shirt
    assert (cells[:, :300, :6].mean((1, 2)) > 120).all()  # the white wall
