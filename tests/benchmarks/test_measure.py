"""The timing loop takes turns and compares within rounds; the command lists its benchmarks and writes their rows."""

import importlib
import json
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from tests.benchmarks import measure
from tests.benchmarks.__main__ import BENCHMARKS, main
from tests.helpers import refused

KEYS = ['name', 'case', 'plain_ms', 'ours_ms', 'ratio', 'low', 'high', 'peak_share']


@pytest.fixture
def fake(monkeypatch):
    """Let `student` be a benchmark that takes no time; returns its options as they come."""
    seen, imported = [], importlib.import_module

    def run(options):
        seen.append(options)
        yield measure.row('student', 'quick', np.array([2.0, 4.0]), np.array([1.0, 1.0]), clips=10, note='a note')

    def fake_import(name):
        return SimpleNamespace(run=run) if name == 'tests.benchmarks.student' else imported(name)

    monkeypatch.setattr(importlib, 'import_module', fake_import)
    return seen


@pytest.mark.parametrize('module', BENCHMARKS.values())
def test_every_benchmark_has_a_run(module):
    assert callable(importlib.import_module(f'tests.benchmarks.{module}').run)


def test_functions_take_turns_and_the_warm_up_does_not_count():
    calls = []

    def made(name):
        return lambda: (calls.append(name), len(calls))[1]

    found = measure.alternate({'plain': made('plain'), 'ours': made('ours')}, 2, warm_up=1)
    assert calls == ['ours', 'plain', 'plain', 'ours', 'ours', 'plain']
    assert found['plain'].tolist() == [3, 6] and found['ours'].tolist() == [4, 5]


def test_a_function_may_return_the_seconds_of_its_parts():
    assert measure.alternate({'ours': lambda: [1.0, 2.0]}, 3)['ours'].shape == (3, 2)


def test_a_ratio_is_taken_within_a_round():
    plain = np.array([1, 10, 2, 3, 50.0])  # the machine was busy in two rounds
    row = measure.row('x', 'y', plain, plain / 4, clips=2)
    assert (row.ratio, row.low, row.high) == (4, 4, 4)
    assert (row.plain_ms, row.ours_ms, row.peak_share) == (1500, 375, None)


def test_the_share_of_the_peak_counts_the_flops_of_all_clips(monkeypatch):
    monkeypatch.setattr(measure, 'matrix_peak', lambda device, threads: 1e9)
    row = measure.row('x', 'y', np.array([4.0]), np.array([2.0]), clips=4, flops=1e8)
    assert row.peak_share == pytest.approx(0.2) and row.note == '0 → 0 of 1 GFLOP/s'


def test_the_peak_of_a_matrix_product_is_above_zero(monkeypatch):
    monkeypatch.setattr(measure, 'MATRIX_SIZES', (32,))
    assert measure.matrix_peak.__wrapped__(torch.device('cpu'), 1) > 1e6


def test_flops_are_two_for_a_multiply_add():
    assert measure.count_flops(lambda: torch.ones(2, 3) @ torch.ones(3, 5)) == 60


def test_results_that_differ_stop_a_benchmark():
    measure.close(torch.tensor([1.0, 100.005]), np.array([1.0, 100.0]))
    for other in ([1.0, 100.02], [1.0, float('nan')], [1.0]):
        with pytest.raises(AssertionError, match='differ'):
            measure.close(torch.tensor(other), torch.tensor([1.0, 100.0]))


def test_peak_memory_is_that_of_a_process_with_numpy():
    assert 2**24 < measure.peak_memory() < 2**40


def test_the_json_has_the_named_keys(fake, tmp_path, capsys):
    assert main(['student', 'student', '--json', str(tmp_path / 'x.json'), '--rounds', '2']) == 0
    (row,) = json.loads((tmp_path / 'x.json').read_text())
    assert list(row) == KEYS and row['ratio'] == 3 and row['peak_share'] is None
    assert 'quick' in (out := capsys.readouterr().out) and 'a note' in out
    assert [(options.device, options.rounds) for options in fake] == [(torch.device('cpu'), 2)]


def test_a_real_benchmark_of_one_round(tmp_path):
    assert main(['prepare', '--rounds', '1', '--json', str(tmp_path / 'x.json')]) == 0
    assert json.loads((tmp_path / 'x.json').read_text())[0]['ratio'] > 0


@pytest.mark.parametrize('argv', [['nothing'], ['student', 'nothing'], ['--device', 'tpu'], ['--rounds', '0']])
def test_what_cannot_be_run_is_refused(argv, fake, capsys):
    assert argv[-1] in refused(capsys, main, argv)
    assert not fake
