"""The command."""

import csv

import pytest

from tests.helpers import refused
from tests.runs.folders import leave
from torchlight.runs.__main__ import main


@pytest.fixture
def folder(tmp_path):
    leave(tmp_path / 'runs' / 'joint', [0, 1, 2, 0, 1, 0])
    leave(tmp_path / 'runs' / '<b>', [0] * 6, stream='bone')
    return tmp_path / 'runs'


def test_the_table_is_printed_and_written(folder, tmp_path, capsys):
    files = ['--csv', str(tmp_path / 'a.csv'), '--html', str(tmp_path / 'a.html')]
    assert main([str(folder), *files, '--compare', 'joint', str(folder / '<b>')]) == 0
    text = capsys.readouterr().out
    assert 'joint against <b>: 6 clips' in text and 'stream bone' in text
    rows = list(csv.reader(open(tmp_path / 'a.csv')))
    assert len(rows) == 3 and rows[0][-1] == 'stream'
    html = (tmp_path / 'a.html').read_text()
    assert '<b>' not in html and '&lt;b&gt;' in html and 'joint against' in html and '83.33 %' in html


def test_mistakes_are_one_line(folder, tmp_path, capsys):
    (tmp_path / 'empty').mkdir()
    assert 'no runs are in' in refused(capsys, main, [tmp_path / 'empty'])
    assert "did you mean 'joint'?" in refused(capsys, main, [folder, '--compare', 'jiont', '<b>'])
    assert '.html' in refused(capsys, main, [folder, '--html', 'a.pdf'])
    assert '.csv' in refused(capsys, main, [folder, '--csv', 'a.xlsx'])
