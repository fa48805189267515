"""Runs are found at any depth, and damaged ones are listed."""

import time

import pytest
import torch

from tests.runs.folders import leave
from torchlight import checkpoint, record
from torchlight.errors import InputError
from torchlight.runs.found import find_runs


def test_a_run_says_what_it_has_reached(tmp_path):
    leave(tmp_path / 'a' / 'b', [0, 1, 2, 0, 0, 0], lr=0.1)
    leave(tmp_path / 'c', state='running')
    first, second = find_runs(tmp_path)
    assert (first.name, first.finished, first.epoch, first.accuracy) == ('a/b', True, 2, 4 / 6)
    assert first.settings['lr'] == 0.1 and first.session['devices'] == ['cpu'] and first.problems == []
    assert (second.name, second.finished, second.accuracy) == ('c', False, 0.5)  # of the checkpoint
    assert find_runs(tmp_path / 'c')[0].name == 'c'


def test_the_time_is_that_of_all_sessions_and_not_of_the_pause_between(tmp_path, monkeypatch):
    monkeypatch.setenv('TZ', 'UTC')
    time.tzset()
    run = leave(tmp_path / 'a')
    record.write(run, 'finished', [{'started': f'2026-03-0{day}T10:00:00+0000'} for day in (1, 2)])
    lines = [
        'Sun Foo 99 10:00:00',
        'Sat Feb 28 10:00:00',
        'Sun Mar  1 10:05:00',
        'Sun Mar  1 10:30:00',
        'Mon Mar  2 10:00:40',
    ]
    (run / 'log.txt').write_text(''.join(f'[ {line} 2026 ] text\n' for line in lines))
    assert find_runs(tmp_path)[0].seconds == 30 * 60 + 40
    sessions = record.read(run)['sessions']
    sessions[1]['ended'] = '2026-03-02T10:00:20+0000'  # what came later was a test in the same folder
    record.write(run, 'finished', sessions)
    assert find_runs(tmp_path)[0].seconds == 30 * 60 + 20
    (run / 'log.txt').unlink()
    assert find_runs(tmp_path)[0].seconds is None


@pytest.mark.parametrize('name', ['config.yaml', 'run.json', 'checkpoint.pt', 'runs-2-9_right.txt'])
@pytest.mark.parametrize('text', ['{', '\udcff'])
def test_what_is_damaged_is_named(tmp_path, name, text):
    run = leave(tmp_path / 'a', [0] * 6)
    (run / name).write_text(text, errors='surrogateescape')
    leave(tmp_path / 'b', [0] * 6)
    damaged, sound = find_runs(tmp_path)
    assert len(damaged.problems) == 1 and str(run / name) in damaged.problems[0] and not sound.problems


def test_a_checkpoint_of_something_else_is_damaged(tmp_path):
    checkpoint.save({'epoch': 'x'}, leave(tmp_path / 'a') / 'checkpoint.pt')
    assert find_runs(tmp_path)[0].problems == [f'{tmp_path}/a/checkpoint.pt is not the checkpoint of a run']


def test_the_tensors_of_a_checkpoint_are_not_read(tmp_path):
    path, value = leave(tmp_path / 'a') / 'checkpoint.pt', torch.arange(1000)
    checkpoint.save({'model': {'value': value}, 'epoch': 1, 'best': None}, path)
    data = path.read_bytes()
    place = data.index(value.numpy().tobytes())
    path.write_bytes(data[:place] + b'\1' + data[place + 1 :])
    assert find_runs(tmp_path)[0].epoch == 1 and not find_runs(tmp_path)[0].problems


def test_no_runs_are_one_line(tmp_path):
    with pytest.raises(InputError, match='no runs are in'):
        find_runs(tmp_path)
    with pytest.raises(InputError, match='is not a folder'):
        find_runs(tmp_path / 'x')
