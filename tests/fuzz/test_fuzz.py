"""A few damaged files for each reader; `python -m tests.fuzz` tries as many as there is time for."""

import re

import pytest

from tests.fuzz import __main__ as fuzz
from tests.fuzz import coverage, files
from tests.fuzz.damage import Failure, damaged, run
from tests.fuzz.readers import READERS, Reader
from tests.fuzz.tally import Tally
from torchlight.errors import InputError


@pytest.mark.parametrize('name', READERS)
def test_damaged_files_are_refused_or_read_as_they_were_written(name, tmp_path):
    tally = Tally(name, tmp_path, tmp_path / 'failed')
    for seed in range(20):
        tally.read(damaged(tally.original, seed), seed)
        assert not tally.counts['failed'], seed
    assert not (tmp_path / 'failed').exists()


def test_what_a_reader_must_not_do_is_found(tmp_path):
    assert run(lambda path: 1 / 0, tmp_path) == Failure('ZeroDivisionError: division by zero')
    assert damaged(b'x' * 100, 0) != b'x' * 100 and len(damaged(b'x' * 100, 2)) < 100


def fragile(path):
    """A reader with three faults, and a file that it refuses."""
    match path.read_bytes():
        case b'refused':
            raise InputError('refused')
        case b'lines':
            raise InputError('two\nlines')
        case b'1' | b'2' as number:
            raise ValueError(f'no {number}')
        case data:
            return data[:2]


def test_failures_are_counted_and_one_of_each_kind_is_kept(tmp_path, monkeypatch, capsys):
    reader = Reader(files.text('x.txt', 'whole'), fragile, checked=True)
    monkeypatch.setitem(READERS, 'fragile', reader)
    tally = Tally('fragile', tmp_path, tmp_path / 'failed')
    for number, data in enumerate((b'refused', b'whale', b'lines', b'1', b'2', b'other')):
        tally.read(data, number)
    assert tally.counts == {'refused': 1, 'read': 1, 'changed': 0, 'failed': 4}
    kept = {path.name: path.read_bytes() for path in (tmp_path / 'failed').iterdir()}
    assert kept == {'fragile-2.txt': b'lines', 'fragile-3.txt': b'1', 'fragile-5.txt': b'other'}
    assert re.findall(r'fragile-\d.txt: (.*?):', capsys.readouterr().out) == ['more than one line', 'ValueError']
    monkeypatch.setitem(READERS, 'fragile', reader._replace(checked=False))
    tally = Tally('fragile', tmp_path, tmp_path / 'failed')
    tally.read(b'other', 0)
    assert tally.counts['changed'] == 1
    monkeypatch.setitem(READERS, 'fragile', reader._replace(make=files.text('x.txt', '1')))
    with pytest.raises(ValueError, match='the fragile file is not read as it was written'):
        Tally('fragile', tmp_path, tmp_path / 'failed')


def test_status_says_whether_a_file_failed(tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(READERS, 'fragile', Reader(files.text('x.txt', 'ab'), fragile, checked=True))
    options = ['--seconds', '0', '--keep', str(tmp_path / 'failed')]
    assert [fuzz.main([name, *options]) for name in ('names', 'fragile')] == [0, 1]
    assert re.findall(r'^(names|fragile) +1 .* ([01])$', capsys.readouterr().out, re.MULTILINE) == [
        ('names', '0'),
        ('fragile', '1'),
    ]


def test_without_atheris_the_guided_search_says_how_to_get_it(monkeypatch, capsys):
    monkeypatch.setattr(fuzz, 'find_spec', lambda name: None)
    assert fuzz.main(['names', '--coverage']) == 2
    error = capsys.readouterr().err
    assert error.startswith('error: ') and 'pip install atheris' in error and error.count('\n') == 1


@pytest.mark.parametrize('status, failed', [(10, False), (11, True), (77, True), (0, True)])
def test_a_process_of_the_guided_search_that_does_not_end_as_it_should_has_failed(
    tmp_path, monkeypatch, capsys, status, failed
):
    process = tmp_path / 'python'
    process.write_text(f'#!/bin/sh\necho Segmentation fault >&2; exit {status}\n')
    process.chmod(0o755)
    monkeypatch.setattr('sys.executable', str(process))
    (tmp_path / 'file').mkdir()
    (tmp_path / 'file' / 'x.png').write_bytes(b'the last')
    assert coverage.fuzz('png', tmp_path, 1, 0, tmp_path / 'failed') is failed
    if status == 77:
        assert 'png: its process ended with status 77\n  Segmentation fault\n' in capsys.readouterr().out
        assert (tmp_path / 'failed' / 'png-last.png').read_bytes() == b'the last'
