"""Text files about clips: tables of labels, and lists of names."""

import re

import pytest

from feeders.label_table import read_classes, read_label_table, read_names
from torchlight.errors import InputError
from torchlight.files import write_csv


def test_a_table_of_labels(tmp_path):
    path = tmp_path / 'x.csv'
    path.write_bytes('\ufeffname,label,split\r\ntwo é,3,test\r\n\r\none,0,train\r\n'.encode())
    rows, wrong, classes = read_label_table(path)
    assert classes == [] and [tuple(row) for row in rows] == [('two é', 3, 'test'), ('one', 0, 'train')] and wrong == []
    path.write_text('name,label\none,1\n')
    assert [tuple(row) for row in read_label_table(path)[0]] == [('one', 1, '')]


def test_a_table_that_the_program_wrote_gives_back_its_names(tmp_path):
    names = ['=cmd|x!A1', '-a', "'=a", "'a", '@a', '+a', '-5', 'a']
    write_csv(tmp_path / 'x.csv', [['name', 'label'], *([name, f'{name}x'] for name in names)])
    rows, wrong, classes = read_label_table(tmp_path / 'x.csv')
    assert [row.name for row in rows] == names and wrong == []
    assert [classes[row.label] for row in rows] == [f'{name}x' for name in names]


def test_wrong_lines_are_named_and_the_rest_is_read(tmp_path):
    path = tmp_path / 'x.csv'
    path.write_text(f'name,label,split\na,0,train\nb,-1,train\nc,1.0,test\nd\ne,1,val\nf,{"9" * 5000},test\n')
    rows, wrong, _ = read_label_table(path)
    assert [row.name for row in rows] == ['a']
    assert [place for place, _ in wrong] == [f'{path} line {line}' for line in (3, 4, 5, 6, 7)]
    labels = "label '-1' is not a number from 0 to 65535", "label '1.0' is not a number from 0 to 65535"
    assert [reason for _, reason in wrong[:2]] == list(labels)
    assert "['d']: expected 3 cells, name,label,split" == wrong[2][1] and "split 'val' is not one of" in wrong[3][1]


@pytest.mark.parametrize('name', ['../outside', '/etc/passwd', '..', '.', '', 'a/b', 'a\\b', '"a\0b"'])
def test_a_name_that_leaves_the_folder_of_the_clips_is_wrong(tmp_path, name):
    path = tmp_path / 'x.csv'
    path.write_text(f'name,label\n{name},1\nwalk,2\n')
    rows, wrong, _ = read_label_table(path)
    assert [row.name for row in rows] == ['walk']
    assert len(wrong) == 1 and wrong[0][0] == f'{path} line 2' and 'a name must not be empty' in wrong[0][1]


@pytest.mark.parametrize('text, found', [('', 'nothing'), ('a,b\n', "'a,b'"), ('name\n', "'name'")])
def test_another_header_is_refused(tmp_path, text, found):
    (tmp_path / 'x.csv').write_text(text)
    with pytest.raises(InputError, match=f'x.csv begins with {found}; expected the header name,label'):
        read_label_table(tmp_path / 'x.csv')


def test_what_is_not_a_table_is_refused(tmp_path):
    (tmp_path / 'x.csv').write_text('x' * 200_000)
    with pytest.raises(InputError, match=r'x.csv is not a CSV table'):
        read_label_table(tmp_path / 'x.csv')
    with pytest.raises(InputError, match=r'none.csv does not exist'):
        read_label_table(tmp_path / 'none.csv')


def test_names_of_classes_become_numbers(tmp_path):
    path = tmp_path / 'x.csv'
    path.write_text('name,label\na,sit\nb,wave hand\nc,drink\nd,sit\ne,\n')
    rows, wrong, classes = read_label_table(path)
    assert classes == ['drink', 'sit', 'wave hand'] and [row.label for row in rows] == [1, 2, 0, 1]
    assert wrong == [(f'{path} line 6', "label '' is not the name of a class")]
    rows, wrong, classes = read_label_table(path, ['wave hand', 'sit'])
    assert classes == ['wave hand', 'sit'] and [row.label for row in rows] == [1, 0, 1] and len(wrong) == 2
    path.write_text('name,label\na,wave hadn\n')
    assert read_label_table(path, classes).wrong[0][1].endswith("is not the name of a class; did you mean 'wave hand'?")
    path.write_text('name,label\na,3\nb,wave\n')
    with pytest.raises(InputError, match=r"both numbers and names as labels \('3' in line 2 and 'wave' in line 3\)"):
        read_label_table(path)


def test_a_list_of_classes(tmp_path):
    path = tmp_path / 'classes.txt'
    path.write_bytes('\ufeffsit\r\n wave hand \ndrink\n\n'.encode())
    assert read_classes(path) == ['sit', 'wave hand', 'drink']
    for text, problem in (
        ('', 'names no class'),
        ('a\n\nb', 'class has no name'),
        ('a\nb\na', 'more than once: a'),
    ):
        path.write_text(text)
        with pytest.raises(InputError, match=problem):
            read_classes(path)


def test_names_have_any_line_ending(tmp_path):
    (tmp_path / 'names.txt').write_bytes(b'one\r\ntwo\nthree')
    assert read_names(tmp_path / 'names.txt') == ['one', 'two', 'three']


@pytest.mark.parametrize('name', ['../outside', '/etc/passwd', '..', 'a\\b', 'a\0b'])
def test_a_list_with_a_name_that_leaves_its_folder_is_refused(tmp_path, name):
    (tmp_path / 'names.txt').write_text(f'one\n{name}\n')
    with pytest.raises(InputError, match=re.escape(f'names.txt has the clip name {name!r}')):
        read_names(tmp_path / 'names.txt')
