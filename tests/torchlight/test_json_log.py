"""log.jsonl has a line for each step, also after a run was interrupted."""

import json

import pytest

from torchlight.errors import InputError
from torchlight.logging import JsonLog


def steps_in(path):
    return [json.loads(line)['step'] for line in path.read_text().splitlines()]


def test_each_step_is_a_line(tmp_path):
    log = JsonLog(tmp_path / 'work', on=True)
    log.epoch = 3
    log.add('train', 7, lr=0.1, loss=1.5)
    log.add('val', 7, loss=2.0)
    assert [json.loads(line) for line in log.path.read_text().splitlines()] == [
        {'part': 'train', 'epoch': 3, 'step': 7, 'lr': 0.1, 'loss': 1.5},
        {'part': 'val', 'epoch': 3, 'step': 7, 'loss': 2.0},
    ]


def test_a_run_that_goes_on_repeats_no_step_and_a_new_one_begins_with_none(tmp_path):
    log = JsonLog(tmp_path, on=True)
    for step in range(1, 6):
        log.add('train', step, loss=1.0)
    with open(log.path, 'a') as file:
        file.write('{"part": "train", "epo')  # where the run was killed
    log.start(3)
    log.add('train', 4, loss=1.0)
    assert steps_in(log.path) == [1, 2, 3, 4]
    log.start(0)
    assert steps_in(log.path) == []


def test_nothing_is_written_unless_asked_for(tmp_path):
    log = JsonLog(tmp_path, on=False)
    log.start(0)
    log.add('train', 1, loss=1.0)
    assert not list(tmp_path.iterdir())


def test_a_file_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / 'log.jsonl').mkdir()
    with pytest.raises(InputError, match=r'cannot write .*log\.jsonl: Is a directory'):
        JsonLog(tmp_path, on=True).add('train', 1, loss=1.0)


def test_damaged_lines_are_left_out_with_a_warning(tmp_path, capsys):
    log = JsonLog(tmp_path, on=True)
    for step in (1, 2, 3):
        log.add('train', step, loss=1.0)
    first, _, last = log.path.read_bytes().splitlines()
    log.path.write_bytes(b'\n'.join([first, b'{"step": "x"}', b'\xff{', b'[1]', last]) + b'\n')
    log.start(3)
    assert steps_in(log.path) == [1, 3]
    assert 'warning: 3 lines of' in capsys.readouterr().err
