"""Files are complete or absent, whatever happens while they are written."""

import csv
import errno
import multiprocessing
import os
import resource
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time

import numpy as np
import pytest

from tests.helpers import ROOT
from torchlight import files
from torchlight.errors import InputError
from torchlight.files import (
    atomic_path,
    make_folder,
    remove_abandoned,
    require_file,
    require_writable,
    write_csv,
    write_text,
    writing,
)


def test_a_file_takes_its_name_when_it_is_whole(tmp_path):
    path = tmp_path / 'new' / 'folder' / 'x.txt'
    with atomic_path(path) as temporary:
        temporary.write_text('whole')
        assert temporary.parent == path.parent and not path.exists()
    assert path.read_text() == 'whole' and list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize('error', [RuntimeError, KeyboardInterrupt])
def test_an_error_leaves_the_old_file_and_no_other(tmp_path, error):
    (tmp_path / 'x.txt').write_text('old')
    with pytest.raises(error):
        with atomic_path(tmp_path / 'x.txt') as temporary:
            temporary.write_text('half')
            raise error
    assert (tmp_path / 'x.txt').read_text() == 'old' and len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize('mask, mode', [(0o022, 0o644), (0o077, 0o600), (0o002, 0o664)])
def test_permissions_follow_the_umask(tmp_path, mask, mode):
    former = os.umask(mask)
    try:
        write_text(tmp_path / 'x.txt', 'text')
        assert os.umask(mask) == mask  # and it is as it was
    finally:
        os.umask(former)
    assert stat.S_IMODE((tmp_path / 'x.txt').stat().st_mode) == mode


def test_a_place_that_takes_no_file_is_an_input_error(tmp_path):
    (tmp_path / 'file').write_text('')
    with pytest.raises(InputError, match=r'cannot make the folder .*file/below: Not a directory'):
        write_text(tmp_path / 'file' / 'below' / 'x.txt', 'text')
    with pytest.raises(InputError, match=r'cannot make the folder .*file: File exists'):
        make_folder(tmp_path / 'file')


def test_a_folder_without_write_permission_is_an_input_error():
    root = os.geteuid() == 0  # for whom every folder is writable
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o555)
        try:
            os.seteuid(65534 if root else os.geteuid())
            with pytest.raises(InputError, match=r'cannot write .*x.txt: Permission denied; no partial file'):
                write_text(f'{folder}/x.txt', 'text')
        finally:
            os.seteuid(0 if root else os.geteuid())
        assert not os.listdir(folder)


def test_a_table_is_written_as_csv(tmp_path):
    write_csv(tmp_path / 'x.csv', [['a', 'b, c'], np.array([0.5, 1])])
    assert list(csv.reader(open(tmp_path / 'x.csv'))) == [['a', 'b, c'], ['0.5', '1.0']]


def test_no_cell_of_a_table_is_a_formula(tmp_path):
    write_csv(tmp_path / 'x.csv', [['=cmd|x!A1', '-a', -1, np.float32(-0.5), '-0.5']])
    assert list(csv.reader(open(tmp_path / 'x.csv'))) == [["'=cmd|x!A1", "'-a", '-1', '-0.5', '-0.5']]


def test_what_the_disk_reports_is_a_user_error(tmp_path):
    with pytest.raises(InputError, match='cannot write x: No space left on device; no partial file is left behind'):
        with writing('x'):
            raise OSError(28, 'No space left on device')
    with pytest.raises(InputError, match=r'cannot write .*x.txt: No space left'):
        with atomic_path(tmp_path / 'x.txt'):
            raise OSError(28, 'No space left on device')
    assert not list(tmp_path.iterdir())


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(InputError, match='x does not exist or is not a file'):
        require_file(tmp_path / 'x')


# --- what killed writers leave


def abandon(folder, name='x.txt'):
    """Leave the part of a writer that is killed; return its path."""
    writer = multiprocessing.get_context('fork').Process(target=die_while_writing, args=(folder / name,))
    writer.start()
    writer.join()
    (part,) = folder.glob(f'.{name}.*.part')
    return part


def die_while_writing(path):
    with atomic_path(path) as part:
        part.write_text('half')
        os.kill(os.getpid(), signal.SIGKILL)


def test_the_next_process_that_writes_to_a_folder_removes_what_killed_ones_left(tmp_path):
    abandon(tmp_path), abandon(tmp_path, 'y.txt')
    write_text(tmp_path / 'z.txt', 'whole')
    assert [path.name for path in tmp_path.iterdir()] == ['z.txt']


def test_a_folder_is_searched_once(tmp_path, monkeypatch):
    searched = []
    monkeypatch.setattr(files, 'remove_abandoned', searched.append)
    for number in range(5):
        write_text(tmp_path / f'{number}.txt', '')
    assert searched == [tmp_path]


def test_parts_of_living_writers_and_other_files_stay(tmp_path):
    kept = [tmp_path / name for name in ('.x.txt.part', 'x.abcdefgh.part', '.x.abcdefg.part', '.x.abcdefgh.part2')]
    for path in kept:
        path.write_text('not ours')
    (tmp_path / '.x.abcdefgh.part').mkdir()
    part = abandon(tmp_path)
    with atomic_path(tmp_path / 'y.txt') as living:
        assert living.exists() and not part.exists() and remove_abandoned(tmp_path) == 0 and living.exists()
        living.write_text('whole')
    assert {*tmp_path.iterdir()} == {*kept, tmp_path / '.x.abcdefgh.part', tmp_path / 'y.txt'}
    assert remove_abandoned(tmp_path / 'no folder') == 0


def test_a_forked_worker_does_not_keep_the_lock_of_a_killed_writer(tmp_path):
    reader, writer = os.pipe()
    child = os.fork()
    if not child:  # a writer whose worker outlives it
        with atomic_path(tmp_path / 'x.txt'):
            if not os.fork():
                os.write(writer, b'%d' % os.getpid())
                time.sleep(60)
            time.sleep(60)
    worker = int(os.read(reader, 20))
    os.kill(child, signal.SIGKILL), os.waitpid(child, 0)
    assert len(list(tmp_path.iterdir())) == 1
    assert remove_abandoned(tmp_path) == 1 and not list(tmp_path.iterdir())
    os.kill(worker, signal.SIGKILL)


def test_a_worker_that_ends_leaves_its_parents_part(tmp_path):
    with atomic_path(tmp_path / 'x.txt') as part:
        part.write_text('whole')
        child = os.fork()
        if not child:
            try:
                raise SystemExit
            finally:
                files._forget_locks()
                os._exit(0)
        os.waitpid(child, 0)
    assert (tmp_path / 'x.txt').read_text() == 'whole'


@pytest.mark.parametrize('number', [errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP])
def test_without_locks_files_are_written_and_no_part_is_removed(tmp_path, monkeypatch, number):
    def no_locks(handle, how):
        raise OSError(number, os.strerror(number))

    part = abandon(tmp_path)
    monkeypatch.setattr(files.fcntl, 'flock', no_locks)
    write_text(tmp_path / 'x.txt', 'whole')
    assert {*tmp_path.iterdir()} == {part, tmp_path / 'x.txt'}


def test_the_file_and_then_its_folder_are_synchronised(tmp_path, monkeypatch):
    done = []
    monkeypatch.setattr(files.os, 'fsync', lambda handle: done.append(os.readlink(f'/proc/self/fd/{handle}')))
    write_text(tmp_path / 'x.txt', 'whole')
    assert done[0].endswith('.part') and done[1:] == [str(tmp_path)]


# --- what may be replaced


@pytest.mark.parametrize('target', ['other/x.txt', 'other/absent.txt'])
def test_a_link_stays_and_its_target_is_written(tmp_path, target):
    write_text(tmp_path / 'other' / 'x.txt', 'old')
    (tmp_path / 'link').symlink_to(target)
    write_text(tmp_path / 'link', 'new')
    assert (tmp_path / 'link').is_symlink() and (tmp_path / target).read_text() == 'new'
    assert len(list(tmp_path.iterdir())) == 2


def test_devices_pipes_and_folders_are_not_replaced(tmp_path):
    os.mkfifo(tmp_path / 'pipe')
    (tmp_path / 'folder').mkdir()
    (tmp_path / 'null').symlink_to('/dev/null')
    (tmp_path / 'circle').symlink_to('circle')
    for name, kind in (('pipe', 'pipe'), ('folder', 'folder'), ('null', 'device or a socket')):
        for write in (write_text, lambda path, _: require_writable(path)):
            with pytest.raises(InputError, match=f'cannot write .*{name}: it is a {kind}; give the path of a file'):
                write(tmp_path / name, 'x')
    with pytest.raises(InputError, match=r'cannot write .*circle: Too many levels of symbolic links'):
        write_text(tmp_path / 'circle', 'x')
    assert stat.S_ISFIFO((tmp_path / 'pipe').stat().st_mode) and len(list(tmp_path.iterdir())) == 4


def test_what_could_not_be_written_is_known_before_and_nothing_is_made(tmp_path):
    write_text(tmp_path / 'file', 'old')
    for path in ('file', 'new', 'a/b/new'):
        require_writable(tmp_path / path)
    for path in (tmp_path / 'file' / 'new', '/proc/new'):
        with pytest.raises(InputError, match='cannot write'):
            require_writable(path)
    assert (tmp_path / 'file').read_text() == 'old' and [path.name for path in tmp_path.iterdir()] == ['file']


# --- full disks and other refusals, as a process of its own meets them

WRITERS = """
import sys, numpy as np
from pathlib import Path
from torchlight.command import run_command
def main(argv):
    kind, path = argv
    big = np.random.default_rng(0).normal(size=(1000, 100)).astype(np.float32)
    if kind == 'tensors':
        import torch
        from torchlight.checkpoint import save
        save({'a': torch.from_numpy(big)}, path)
    elif kind == 'scores':
        from torchlight.pickles import write_scores
        write_scores(path, [str(i) for i in range(1000)], big)
    elif kind == 'csv':
        from torchlight.files import write_csv
        write_csv(path, big)
    elif kind == 'png':
        from torchlight.pictures.confusion import draw_confusion
        draw_confusion(path, np.random.default_rng(0).integers(9, size=(400, 400)), 'title')
    elif kind == 'features':
        from feeders.feature_store import write_features
        write_features(path, [str(i) for i in range(1000)], big, kind='video')
    elif kind == 'skeletons':
        from feeders.skeleton_store import SkeletonStoreWriter
        with SkeletonStoreWriter(path, 'x', (1, 25, 2)) as store:
            store.add('a', 0, np.resize(big, (2000, 1, 25, 2)))
sys.exit(run_command(main, sys.argv[1:]))
"""
KINDS = 'tensors', 'scores', 'csv', 'png', 'features', 'skeletons'


def attempt(kind, path, **options):
    """The exit status and the lines on stderr of a process that writes a file of this kind."""
    done = subprocess.run([sys.executable, '-c', WRITERS, kind, str(path)], cwd=ROOT, capture_output=True, **options)
    return done.returncode, done.stderr.decode().splitlines()


@pytest.mark.parametrize('kind', KINDS)
def test_a_limit_of_file_sizes_costs_one_line_and_no_file(tmp_path, kind):
    path = tmp_path / 'out' / 'x'
    write_text(path, 'old')
    limit = {'preexec_fn': lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))}
    status, lines = attempt(kind, path, **limit)
    refusal = f'error: cannot write {path}: File too large; no partial file is left behind'
    assert (status, [line for line in lines if 'font_manager' not in line]) == (2, [refusal])
    assert path.read_text() == 'old' and list(path.parent.iterdir()) == [path]
    assert attempt(kind, path) == (0, []), 'without the limit, it is written'


@pytest.mark.parametrize('kind', KINDS)
def test_a_full_disk_costs_one_line_and_no_file(tmp_path, kind):
    disk = tmp_path / 'disk'
    disk.mkdir()
    if subprocess.run(['mount', '-t', 'tmpfs', '-o', 'size=100k', 'none', disk], capture_output=True).returncode:
        pytest.skip('needs the right to mount a small disk')
    try:
        write_text(disk / 'x', 'old')
        status, lines = attempt(kind, disk / 'x')
        refusal = f'error: cannot write {disk / "x"}: No space left on device; no partial file is left behind'
        assert (status, lines) == (2, [refusal])
        assert (disk / 'x').read_text() == 'old' and len(list(disk.iterdir())) == 1
    finally:
        subprocess.run(['umount', disk], check=True)


def test_a_folder_that_vanishes_costs_one_line(tmp_path):
    with pytest.raises(InputError, match=r'cannot write .*x: No such file or directory'):
        with atomic_path(tmp_path / 'out' / 'x') as part:
            part.write_text('whole')
            shutil.rmtree(tmp_path / 'out')
    assert not list(tmp_path.iterdir())


def test_a_report_may_name_a_path_that_is_not_utf_8(tmp_path):
    files.write_text(tmp_path / 'x.txt', f'é {os.fsdecode(bytes([255]))}')
    assert (tmp_path / 'x.txt').read_bytes() == 'é '.encode() + bytes([255])
