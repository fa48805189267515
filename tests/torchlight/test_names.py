"""Names that may become names of files, and those that may not."""

import re

import pytest

from torchlight.errors import InputError
from torchlight.names import safe_name, safe_names

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
