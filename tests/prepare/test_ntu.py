"""The commands `ntu60` and `ntu120`: stores, public arrays, reports, exit statuses."""

import itertools
import os
import resource
import signal
import subprocess
import sys

import numpy as np
import pytest

from feeders.datasets import DATASETS
from feeders.feeder_MMCL import Feeder
from feeders.label_table import read_names
from feeders.prepare import ntu
from feeders.prepare.__main__ import main
from feeders.public_npz import open_npz, padded, write_public_npz
from feeders.recordings.skeleton_file import read_skeleton
from feeders.skeleton_store import SkeletonStoreWriter, open_skeletons
from feeders.splits import is_train
from tests.helpers import ROOT, refused, skeleton_text

FOLDERS = {'ntu60': 'nturgb+d_skeletons', 'ntu120': 'nturgb+d_skeletons120'}
LISTS = {
    ('ntu60', 'xsub'): 'NTU60_XSub_Val',
    ('ntu60', 'xview'): 'NTU60_XView_Val',
    ('ntu120', 'xsub'): 'NTU120_XSub_Val',
    ('ntu120', 'xset'): 'NTU120_XSet_Val',
}


def one_person(frames=3, seed=0):
    """The text of a `.skeleton` file of one person."""
    return skeleton_text([{'7': pose} for pose in np.random.default_rng(seed).normal(size=(frames, 25, 3))]).decode()


def clip_name(action, setup=1, camera=1, performer=1):
    return f'S{setup:03}C{camera:03}P{performer:03}R001A{action:03}'


def command(raw, out, *more):
    return ['ntu60', '--raw', str(raw), '--out', str(out), *map(str, more)]


@pytest.fixture
def raw(tmp_path):
    """A folder of five good recordings."""
    folder = tmp_path / 'raw'
    folder.mkdir()
    for action in range(1, 6):
        (folder / f'{clip_name(action)}.skeleton').write_text(one_person(seed=action))
    return folder


@pytest.fixture(scope='module', params=sorted(FOLDERS))
def real(request, shared, tmp_path_factory):
    """(data set, its store of the real recordings, the folder of its public arrays)."""
    folder = tmp_path_factory.mktemp(request.param)
    raw = shared / 'data' / 'ntu_raw' / FOLDERS[request.param]
    words = request.param, '--raw', raw, '--out', folder / 'x.h5', '--npz', folder, '--num-worker', 2
    assert main(list(map(str, words))) == 0
    return request.param, folder / 'x.h5', folder


def test_the_store_holds_the_golden_clips(real, public):
    dataset, path, _ = real
    golden, store = public(f'{dataset}_prepared'), open_skeletons(path)
    assert store.name == sorted(golden['name']) and store.dataset == dataset
    for name, length, aligned in zip(golden['name'], golden['length'], golden['aligned']):
        index = store.name.index(name)
        frames = padded(store, index)[: len(aligned)]
        assert store.length[index] == length and frames.tobytes() == aligned.tobytes()
        assert store.person[index] == golden[f'denoised.{name}'].shape[1] // 75
        assert store.label[index] == int(name[-3:]) - 1


def test_feeding_the_store_equals_feeding_the_public_arrays(real, tmp_path):
    dataset, path, folder = real
    filling = 'copy' if dataset == 'ntu120' else 'zero'
    for (benchmark, protocol), split in itertools.product(DATASETS[dataset].protocols.items(), ('train', 'test')):
        names = tmp_path / f'{benchmark}_{split}.txt'
        words = 'names', '--store', path, '--benchmark', benchmark, '--split', split, '--public-order', '--out', names
        if main(list(map(str, words))) == 2:
            assert dataset == 'ntu120' and (benchmark, split) == ('xset', 'test')  # its setups here are even
            continue
        ours = Feeder(str(path), split=split, benchmark=benchmark, missing_person=filling)
        theirs = Feeder(str(folder / protocol.npz), split=split, sample_path=str(names))
        assert sorted(ours.name) == sorted(theirs.name)
        a, b = (feeder.__getitems__([feeder.name.index(name) for name in ours.name]) for feeder in (ours, theirs))
        assert a.skeleton.numpy().tobytes() == b.skeleton.numpy().tobytes() and a.label.equal(b.label)


def test_the_public_arrays_have_the_public_keys_order_and_types(real):
    dataset, path, folder = real
    arrays = np.load(folder / DATASETS[dataset].protocols['xsub'].npz)
    assert set(arrays) == {'x_train', 'y_train', 'x_test', 'y_test'}
    assert arrays['x_test'].dtype == np.float32 and arrays['x_test'].shape[1:] == (300, 150)
    names = [name for name in open_skeletons(path).name if not is_train(name, dataset, 'xsub')]
    names.sort(key=lambda name: (name[8:12], name))
    assert arrays['y_test'].argmax(1).tolist() == [int(name[-3:]) - 1 for name in names]
    assert arrays['y_test'].shape == (len(names), {'ntu60': 60, 'ntu120': 120}[dataset])
    assert arrays['y_test'].dtype == np.float64 and (arrays['y_test'].sum(1) == 1).all()


@pytest.mark.parametrize('dataset, benchmark', sorted(LISTS))
def test_split_rules_give_the_official_counts_and_the_public_lists(shared, dataset, benchmark):
    row, folder = DATASETS[dataset], shared / 'data' / 'ntu_names'
    names = read_names(folder / f'{dataset}_available.txt')
    public = read_names(folder / f'{LISTS[dataset, benchmark]}.txt')
    train = row.protocols[benchmark].train(row.columns(names))  # test_splits.py has the rule for single names
    test = [name for name, trains in zip(names, train.tolist()) if not trains]
    assert (len(names) - len(test), len(test)) == row.protocols[benchmark].counts
    ordered = row.public_order(test, benchmark)
    assert ordered == public or (benchmark == 'xsub' and set(test) == set(public))


def test_clips_left_out_are_named_with_their_reason(raw, tmp_path, capsys):
    good = (raw / f'{clip_name(1)}.skeleton').read_text()
    for action, text in ((11, good[:900]), (12, '2\n0\n0\n'), (61, good)):
        (raw / f'{clip_name(action)}.skeleton').write_text(text)
    (raw / 'noname.skeleton').write_text(good)
    second = tmp_path / 'second'
    second.mkdir()
    (second / f'{clip_name(1)}.skeleton').write_text(good)
    (tmp_path / 'missing.txt').write_text(f'these lack skeletons:\r\n{clip_name(2)}\r\n')
    words = ['ntu60', '--raw', raw, second, '--out', tmp_path / 'x.h5', '--exclude', tmp_path / 'missing.txt']
    words = list(map(str, words))
    assert main(words) == 1
    assert open_skeletons(tmp_path / 'x.h5').name == [clip_name(action) for action in (1, 3, 4, 5)]
    report = (tmp_path / 'x.h5.report.txt').read_text().splitlines()
    assert report[0] == '4 clips stored, 6 left out' and len(report) == 7
    for name, reason in (
        (clip_name(11), 'line '),
        (clip_name(12), 'contains no body'),
        (clip_name(61), 'action 61'),
        ('noname', 'not of the form SsssCcccPpppRrrrAaaa; NTU RGB+D 60 takes its labels from the names, while `python'),
        (clip_name(2), 'named in'),
        (str(second / clip_name(1)), f'same name as {raw / clip_name(1)}'),
    ):
        assert any(name in line and reason in line for line in report[1:]), name
    printed = capsys.readouterr()
    assert 'contains no body' in printed.err and '1 of them as asked' in printed.out
    assert main([*words, '--allow-missing']) == 0


def test_only_excluded_clips_left_out_give_status_0(raw, tmp_path):
    (tmp_path / 'missing.txt').write_text(clip_name(2))
    assert main(command(raw, tmp_path / 'x.h5', '--exclude', tmp_path / 'missing.txt')) == 0


def test_clips_are_in_the_order_of_their_names_over_all_folders(raw, tmp_path):
    second = tmp_path / 'a' / 'deep'
    second.mkdir(parents=True)
    for action in (2, 9, 4):
        (raw / f'{clip_name(action)}.skeleton').unlink(missing_ok=True)
        (second / f'{clip_name(action)}.skeleton').write_text(one_person(seed=action))
    assert main(command(raw, tmp_path / 'x.h5', '--raw', raw, tmp_path / 'a')) == 0
    assert open_skeletons(tmp_path / 'x.h5').name == [clip_name(action) for action in (1, 2, 3, 4, 5, 9)]


@pytest.mark.parametrize(
    'change, message',
    [
        ({'--raw': 'nowhere'}, 'error: nowhere is not a folder'),
        ({'--raw': 'empty'}, 'error: no *.skeleton in empty; --raw takes the folders'),
        ({'--exclude': 'nothing.txt'}, 'nothing.txt does not exist'),
        ({'--exclude': 'empty.txt'}, 'does not name any clip'),
    ],
)
def test_wrong_paths_are_one_line_and_status_2(raw, tmp_path, monkeypatch, capsys, change, message):
    monkeypatch.chdir(tmp_path)
    (tmp_path / 'empty.txt').write_text('')
    (tmp_path / 'empty').mkdir()
    flags = {'--raw': 'raw', '--out': 'x.h5', **change}
    assert message in refused(capsys, main, ['ntu60', *(word for pair in flags.items() for word in pair)])
    assert sorted(os.listdir(tmp_path)) == ['empty', 'empty.txt', 'raw']


def test_no_usable_clip_leaves_no_store(tmp_path, capsys):
    (tmp_path / f'{clip_name(1)}.skeleton').write_text('nonsense')
    error = refused(capsys, main, command(tmp_path, tmp_path / 'x.h5'))
    assert "line 1: 'nonsense' is not a number of frames" in error
    assert os.listdir(tmp_path) == [f'{clip_name(1)}.skeleton']


@pytest.mark.parametrize('room', [1000, 5000, 9500])  # bytes; the frames of five clips take 9000, the store more
def test_a_full_disk_is_one_line_and_leaves_nothing(raw, tmp_path, room):
    out = tmp_path / 'out'
    out.mkdir()
    done = subprocess.run(
        [sys.executable, '-m', 'feeders.prepare', *command(raw, out / 'x.h5')],
        cwd=ROOT,
        capture_output=True,
        text=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (room, room)),
    )
    assert done.returncode == 2 and not os.listdir(out)
    assert done.stderr.startswith(f'error: cannot write {out / "x.h5"}') and done.stderr.count('\n') == 1


@pytest.mark.parametrize(
    'number, status, word', [(signal.SIGINT, 130, 'interrupted'), (signal.SIGTERM, 143, 'terminated')]
)
def test_a_run_that_is_stopped_leaves_nothing_and_the_next_starts_clean(
    raw, tmp_path, monkeypatch, capsys, number, status, word
):
    calls, out = [], tmp_path / 'out'

    def stopped(path):
        calls.append(path)
        if len(calls) == 3:
            os.kill(os.getpid(), number)
        return read_skeleton(path)

    monkeypatch.setattr(ntu, 'read_skeleton', stopped)
    assert main(command(raw, out / 'x.h5')) == status
    assert capsys.readouterr().err == f'{word}; no partial file is left behind; run the same command again\n'
    assert not os.listdir(out)
    assert main(command(raw, out / 'x.h5')) == 0 and len(open_skeletons(out / 'x.h5')) == 5
    whole = (out / 'x.h5').read_bytes()
    calls.clear()
    assert main(command(raw, out / 'x.h5')) == status and (out / 'x.h5').read_bytes() == whole


def test_a_clip_longer_than_the_public_arrays_is_refused_there_and_kept_in_the_store(raw, tmp_path, capsys):
    (raw / f'{clip_name(9)}.skeleton').write_text(one_person(301))
    assert main(command(raw, tmp_path / 'x.h5', '--npz', tmp_path / 'npz')) == 2
    assert 'longer than the 300 frames' in capsys.readouterr().err
    assert open_skeletons(tmp_path / 'x.h5').length.max() == 301 and not (tmp_path / 'npz').exists()


def test_copying_into_slot_2_is_only_for_one_person_clips(tmp_path):
    frames = np.random.default_rng(0).normal(size=(4, 2, 25, 3)).astype(np.float32)
    frames[:, 1] = 0
    with SkeletonStoreWriter(tmp_path / 'x.h5', 'ntu120', (2, 25, 3)) as store:
        store.add(clip_name(1, setup=1), 0, frames[:, :1])
        store.add(clip_name(50, setup=1), 49, frames)
    write_public_npz(tmp_path / 'x.h5', tmp_path)
    slots = open_npz(tmp_path / 'NTU120_CSet.npz', 'test')
    assert np.array_equal(slots.clip(0)[:, 1], frames[:, 0]) and not slots.clip(1)[:, 1].any()
    fed = Feeder(str(tmp_path / 'x.h5'), 'test', 'xset', missing_person='copy').__getitems__([0, 1]).skeleton
    assert fed[0, ..., 1].equal(fed[0, ..., 0]) and not fed[1, ..., 1].any()
