"""Files are complete or absent, whatever happens while they are written."""

import csv
import os
import stat

import numpy as np
import pytest

from torchlight.errors import InputError
from torchlight.files import (
    atomic_path,
    make_folder,
    require_file,
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


@pytest.mark.skipif(os.geteuid() == 0, reason='every folder is writable for root')
def test_a_folder_without_write_permission_is_an_input_error(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(InputError, match=r'cannot write .*x.txt: Permission denied'):
        write_text(tmp_path / 'x.txt', 'text')


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
