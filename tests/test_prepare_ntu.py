"""The commands `ntu60`, `ntu120` and `names`: stores, public arrays, reports, exit statuses, splits."""

import itertools
import os
import resource
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from feeders import splits
from feeders.feeder_MMCL import Feeder
from feeders.prepare import ntu, public_npz
from feeders.prepare.__main__ import main
from feeders.prepare.build import ordered_map
from feeders.prepare.skeleton_file import read_skeleton
from feeders.stores import SkeletonStoreWriter, open_npz, open_skeletons, read_names

ROOT = Path(__file__).resolve().parents[1]
SHARED = ROOT.parent / 'shared'
RAW = SHARED / 'data' / 'ntu_raw'
FOLDERS = {'ntu60': RAW / 'nturgb+d_skeletons', 'ntu120': RAW / 'nturgb+d_skeletons120'}
needs_shared = pytest.mark.skipif(not SHARED.is_dir(), reason='needs ../shared, the real recordings and golden arrays')
LISTS = {
    ('ntu60', 'xsub'): 'NTU60_XSub_Val',
    ('ntu60', 'xview'): 'NTU60_XView_Val',
    ('ntu120', 'xsub'): 'NTU120_XSub_Val',
    ('ntu120', 'xset'): 'NTU120_XSet_Val',
}


def skeleton_text(frames=3, seed=0):
    """A `.skeleton` file of one person."""
    rng = np.random.default_rng(seed)
    lines = [str(frames)]
    for _ in range(frames):
        pose = rng.normal(size=(25, 3))
        lines += ['1', '7 0', '25', *(f'{x:.5f} {y:.5f} {z:.5f} 0 0 1 1 0 0 0 0 2' for x, y, z in pose)]
    return '\n'.join(lines) + '\n'


def clip_name(action, setup=1, camera=1, performer=1):
    return f'S{setup:03}C{camera:03}P{performer:03}R001A{action:03}'


@pytest.fixture
def raw(tmp_path):
    """A folder of five good recordings."""
    folder = tmp_path / 'raw'
    folder.mkdir()
    for action in range(1, 6):
        (folder / f'{clip_name(action)}.skeleton').write_text(skeleton_text(seed=action))
    return folder


@pytest.fixture(scope='module', params=sorted(FOLDERS))
def real(request, tmp_path_factory):
    """(data set, its store of the real recordings, the folder of its public arrays)."""
    folder = tmp_path_factory.mktemp(request.param)
    assert (
        main(
            [
                request.param,
                '--raw',
                str(FOLDERS[request.param]),
                '--out',
                str(folder / 'x.h5'),
                '--npz',
                str(folder),
                '--num-worker',
                '2',
            ]
        )
        == 0
    )
    return request.param, folder / 'x.h5', folder


@needs_shared
def test_the_store_holds_the_golden_clips(real):
    dataset, path, _ = real
    golden, store = np.load(SHARED / 'golden' / f'{dataset}_prepared.npz'), open_skeletons(path)
    assert store.name == sorted(golden['name']) and store.dataset == dataset
    for name, length, aligned in zip(golden['name'], golden['length'], golden['aligned']):
        index = store.name.index(name)
        frames = public_npz.padded(store, index)[: len(aligned)]
        assert store.length[index] == length and frames.tobytes() == aligned.tobytes()
        assert store.person[index] == golden[f'denoised.{name}'].shape[1] // 75
        assert store.label[index] == int(name[-3:]) - 1


@needs_shared
def test_feeding_the_store_equals_feeding_the_public_arrays(real, tmp_path):
    dataset, path, folder = real
    filling = 'copy' if dataset == 'ntu120' else 'zero'
    for benchmark, split in itertools.product(splits.PROTOCOLS[dataset], ('train', 'test')):
        names = tmp_path / f'{benchmark}_{split}.txt'
        if (
            main(
                [
                    'names',
                    '--store',
                    str(path),
                    '--benchmark',
                    benchmark,
                    '--split',
                    split,
                    '--public-order',
                    '--out',
                    str(names),
                ]
            )
            == 2
        ):
            assert dataset == 'ntu120' and (benchmark, split) == ('xset', 'test')  # its setups here are even
            continue
        ours = Feeder(str(path), split=split, benchmark=benchmark, missing_person=filling)
        theirs = Feeder(str(folder / public_npz.FILES[dataset, benchmark]), split=split, sample_path=str(names))
        assert sorted(ours.name) == sorted(theirs.name)
        a, b = (feeder.__getitems__([feeder.name.index(name) for name in ours.name]) for feeder in (ours, theirs))
        assert a.skeleton.numpy().tobytes() == b.skeleton.numpy().tobytes() and a.label.equal(b.label)


@needs_shared
def test_the_public_arrays_have_the_public_keys_order_and_types(real):
    dataset, path, folder = real
    benchmark = 'xsub'
    arrays = np.load(folder / public_npz.FILES[dataset, benchmark])
    assert set(arrays) == {'x_train', 'y_train', 'x_test', 'y_test'}
    assert arrays['x_test'].dtype == np.float32 and arrays['x_test'].shape[1:] == (300, 150)
    names = [name for name in open_skeletons(path).name if not splits.is_train(name, dataset, benchmark)]
    names.sort(key=lambda name: (name[8:12], name))
    assert arrays['y_test'].argmax(1).tolist() == [int(name[-3:]) - 1 for name in names]
    assert arrays['y_test'].shape == (len(names), public_npz.NUM_CLASS[dataset])
    assert arrays['y_test'].dtype == np.float64 and (arrays['y_test'].sum(1) == 1).all()


@needs_shared
@pytest.mark.parametrize('dataset, benchmark', sorted(LISTS))
def test_split_rules_give_the_official_counts_and_the_public_lists(dataset, benchmark):
    names = read_names(SHARED / 'data' / 'ntu_names' / f'{dataset}_available.txt')
    public = read_names(SHARED / 'data' / 'ntu_names' / f'{LISTS[dataset, benchmark]}.txt')
    test = [name for name in names if not splits.is_train(name, dataset, benchmark)]
    assert (len(names) - len(test), len(test)) == splits.OFFICIAL_COUNTS[dataset, benchmark]
    assert splits.public_order(test, benchmark) == public or set(test) == set(public)
    if benchmark in ('xview', 'xset'):
        assert splits.public_order(test, benchmark) == public


def test_clips_left_out_are_named_with_their_reason(raw, tmp_path, capsys):
    good = (raw / f'{clip_name(1)}.skeleton').read_text()
    for action, text in ((11, good[:900]), (12, '2\n0\n0\n'), (61, good)):
        (raw / f'{clip_name(action)}.skeleton').write_text(text)
    (raw / 'noname.skeleton').write_text(good)
    second = tmp_path / 'second'
    second.mkdir()
    (second / f'{clip_name(1)}.skeleton').write_text(good)
    (tmp_path / 'missing.txt').write_text(f'these lack skeletons:\r\n{clip_name(2)}\r\n')
    command = [
        'ntu60',
        '--raw',
        str(raw),
        str(second),
        '--out',
        str(tmp_path / 'x.h5'),
        '--exclude',
        str(tmp_path / 'missing.txt'),
    ]
    assert main(command) == 1
    assert open_skeletons(tmp_path / 'x.h5').name == [clip_name(action) for action in (1, 3, 4, 5)]
    report = (tmp_path / 'x.h5.report.txt').read_text().splitlines()
    assert report[0] == '4 clips stored, 6 left out' and len(report) == 7
    for name, reason in (
        (clip_name(11), 'line '),
        (clip_name(12), 'holds no body'),
        (clip_name(61), 'action 61'),
        ('noname', 'not of the form'),
        (clip_name(2), 'named in'),
        (clip_name(1), 'same name'),
    ):
        assert any(name in line and reason in line for line in report[1:]), name
    printed = capsys.readouterr()
    assert 'holds no body' in printed.err and '1 of them as asked' in printed.out
    assert main([*command, '--allow-missing']) == 0


def test_excluded_clips_alone_leave_status_0(raw, tmp_path):
    (tmp_path / 'missing.txt').write_text(clip_name(2))
    assert (
        main(['ntu60', '--raw', str(raw), '--out', str(tmp_path / 'x.h5'), '--exclude', str(tmp_path / 'missing.txt')])
        == 0
    )


@pytest.mark.parametrize(
    'change, message',
    [
        ({'--raw': 'nowhere'}, 'error: nowhere is not a folder'),
        ({'--raw': '.'}, 'error: no .skeleton file in .'),
        ({'--exclude': 'nothing.txt'}, 'nothing.txt does not exist'),
        ({'--exclude': 'empty.txt'}, 'names no clip'),
    ],
)
def test_wrong_paths_are_one_line_and_status_2(raw, tmp_path, monkeypatch, capsys, change, message):
    monkeypatch.chdir(tmp_path)
    (tmp_path / 'empty.txt').write_text('')
    flags = {'--raw': 'raw', '--out': 'x.h5', **change}
    assert main(['ntu60', *(word for pair in flags.items() for word in pair)]) == 2
    assert message in (printed := capsys.readouterr().err) and printed.count('\n') == 1
    assert sorted(os.listdir(tmp_path)) == ['empty.txt', 'raw']


def test_no_usable_clip_leaves_no_store(tmp_path, capsys):
    (tmp_path / f'{clip_name(1)}.skeleton').write_text('nonsense')
    assert main(['ntu60', '--raw', str(tmp_path), '--out', str(tmp_path / 'x.h5')]) == 2
    assert "line 1: 'nonsense' is not a number of frames" in capsys.readouterr().err
    assert os.listdir(tmp_path) == [f'{clip_name(1)}.skeleton']


@pytest.mark.parametrize('room', [1000, 5000, 9500])  # bytes; the frames of five clips take 9000, the store more
def test_a_full_disk_is_one_line_and_leaves_nothing(raw, tmp_path, room):
    out = tmp_path / 'out'
    out.mkdir()
    command = [sys.executable, '-m', 'feeders.prepare', 'ntu60', '--raw', str(raw), '--out', str(out / 'x.h5')]
    done = subprocess.run(
        command,
        cwd=ROOT,
        capture_output=True,
        text=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (room, room)),
    )
    assert done.returncode == 2 and not os.listdir(out)
    assert done.stderr.startswith(f'error: cannot write {out / "x.h5"}') and done.stderr.count('\n') == 1


def test_an_interrupted_run_leaves_nothing_and_the_next_starts_clean(raw, tmp_path, monkeypatch, capsys):
    calls = []

    def interrupted(path):
        calls.append(path)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return read_skeleton(path)

    monkeypatch.setattr(ntu, 'read_skeleton', interrupted)
    assert main(['ntu60', '--raw', str(raw), '--out', str(tmp_path / 'out' / 'x.h5')]) == 2
    assert capsys.readouterr().err.startswith('error: interrupted') and not os.listdir(tmp_path / 'out')
    command = ['ntu60', '--raw', str(raw), '--out', str(tmp_path / 'out' / 'x.h5')]
    assert main(command) == 0 and len(open_skeletons(tmp_path / 'out' / 'x.h5')) == 5
    whole = (tmp_path / 'out' / 'x.h5').read_bytes()
    calls.clear()
    assert main(command) == 2 and (tmp_path / 'out' / 'x.h5').read_bytes() == whole


def test_processes_give_the_same_results_in_the_same_order():
    assert list(ordered_map(abs, list(range(-70, 30)), 2)) == list(map(abs, range(-70, 30)))


def test_a_clip_longer_than_the_public_arrays_is_refused_there_and_kept_in_the_store(raw, tmp_path, capsys):
    (raw / f'{clip_name(9)}.skeleton').write_text(skeleton_text(301))
    assert main(['ntu60', '--raw', str(raw), '--out', str(tmp_path / 'x.h5'), '--npz', str(tmp_path / 'npz')]) == 2
    assert 'longer than the 300 frames' in capsys.readouterr().err
    assert open_skeletons(tmp_path / 'x.h5').length.max() == 301 and not (tmp_path / 'npz').exists()


def test_copying_into_slot_2_is_for_one_person_clips_alone(tmp_path):
    frames = np.random.default_rng(0).normal(size=(4, 2, 25, 3)).astype(np.float32)
    frames[:, 1] = 0
    with SkeletonStoreWriter(tmp_path / 'x.h5', 'ntu120', (2, 25, 3)) as store:
        store.add(clip_name(1, setup=1), 0, frames[:, :1])
        store.add(clip_name(50, setup=1), 49, frames)
    public_npz.write_public_npz(tmp_path / 'x.h5', tmp_path)
    slots = open_npz(tmp_path / 'NTU120_CSet.npz', 'test')
    assert np.array_equal(slots.clip(0)[:, 1], frames[:, 0]) and not slots.clip(1)[:, 1].any()
    fed = Feeder(str(tmp_path / 'x.h5'), 'test', 'xset', missing_person='copy').__getitems__([0, 1]).skeleton
    assert fed[0, ..., 1].equal(fed[0, ..., 0]) and not fed[1, ..., 1].any()


def test_names_writes_one_split_and_says_what_is_missing(raw, tmp_path, capsys):
    store, out = str(tmp_path / 'x.h5'), tmp_path / 'names.txt'
    main(['ntu60', '--raw', str(raw), '--out', store])
    command = ['names', '--store', store, '--split', 'train', '--out', str(out)]
    assert main([*command, '--benchmark', 'xsub']) == 0
    assert read_names(out) == [clip_name(action) for action in range(1, 6)]
    for more, message in (
        ([], 'give --benchmark (xsub, xview)'),
        (['--benchmark', 'xset'], "benchmark 'xset'"),
        (['--benchmark', 'xview'], 'has no train clip'),
    ):
        assert main([*command, *more]) == 2
        assert message in capsys.readouterr().err
