"""A few damaged files for each reader; `python -m tests.fuzz` tries as many as there is time for."""

import pytest

from tests.fuzz.damage import Failure, damaged, run
from tests.fuzz.readers import READERS


@pytest.mark.parametrize('name', READERS)
def test_damaged_files_are_refused_or_read_as_they_were_written(name, tmp_path):
    reader = READERS[name]
    path = reader.make(tmp_path)
    original, expected = path.read_bytes(), run(reader.read, path)
    assert isinstance(expected, bytes)
    for seed in range(20):
        path.write_bytes(damaged(original, seed))
        outcome = run(reader.read, path)
        assert not isinstance(outcome, Failure), (seed, outcome)
        assert not reader.checked or outcome in (None, expected), seed


def test_what_a_reader_must_not_do_is_found(tmp_path):
    assert run(lambda path: 1 / 0, tmp_path) == Failure('ZeroDivisionError: division by zero')
    assert damaged(b'x' * 100, 0) != b'x' * 100 and len(damaged(b'x' * 100, 2)) < 100
