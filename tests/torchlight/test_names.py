"""Names that may become names of files, and those that may not."""

import re
from pathlib import Path

import pytest

from torchlight.errors import InputError
from torchlight.names import safe_name, safe_names, stays_inside

UNSAFE = [
    '',
    '.',
    '..',
    '../outside',
    '/etc/passwd',
    'a/b',
    'a\\b',
    '\\\\host\\share',
    'C:\\x',
    'a\0b',
    'a\nb',
    '\x1b[2J',
    'a\ud800',
    'a\udcff',
]


@pytest.mark.parametrize('name', ['S001C001P001R001A001', 'two é', '...', 'a..b', '.hidden', '=cmd|x!A1', '-1', '名'])
def test_a_name_that_stays_in_its_folder_is_returned(name, tmp_path):
    assert safe_name(name, 'x.csv') == name
    assert (tmp_path / f'{name}.npy').resolve().parent == tmp_path.resolve()


@pytest.mark.parametrize('name', UNSAFE)
def test_a_name_that_leaves_its_folder_or_line_is_refused(name):
    with pytest.raises(InputError, match=re.escape(f'x.csv has the clip name {name!r}; ')) as error:
        safe_name(name, 'x.csv')
    assert '\n' not in str(error.value) and '\x1b' not in str(error.value)


def test_one_wrong_name_of_many_is_found():
    good = [f'clip_{i}' for i in range(1000)]
    assert safe_names(good, 'x.h5') == good
    with pytest.raises(InputError, match=r"x.h5 has the clip name '\.\./y'"):
        safe_names([*good, '../y', *good], 'x.h5')


def test_a_path_stays_inside_the_current_folder_or_another_one(tmp_path, monkeypatch):
    for folder in ('here/deep', 'other', 'here2'):
        (tmp_path / folder).mkdir(parents=True)
    monkeypatch.chdir(tmp_path / 'here')
    for path in ('x', 'deep/../x', '../here/x', tmp_path / 'here' / 'x', '.'):
        assert stays_inside(path), path
    for path in ('..', '../here2', tmp_path / 'here2', 'deep/../../x', '/'):
        assert not stays_inside(path) and not stays_inside(path, Path('deep')), path
    assert stays_inside('../other/x', tmp_path / 'other') and not stays_inside('../other/x')
    (tmp_path / 'here' / 'big').symlink_to(tmp_path / 'other')
    assert stays_inside('big/x')
