"""The last lines of a log say what came out and what to do next."""

import argparse

import numpy as np
import pytest
from torch import nn

from torchlight.metrics import Evaluation
from torchlight.summary import closing_lines
from torchlight.workdir import WorkDir

BEST = {'accuracy': 0.5, 'epoch': 4, 'step': 120}
RESULT = Evaluation('ab', np.array([0, 2]), np.array([[2, 1, 0], [2, 1, 0]], np.float32))


@pytest.fixture
def lines(tmp_path, monkeypatch):
    """lines(**settings): the closing lines of a run in tmp_path/work with these settings."""
    monkeypatch.setattr('importlib.util.find_spec', lambda name: None)
    settings = {'held_out': 0.1, 'work_dir': 'w', 'weight_decay': 4e-4, 'base_lr': 0.1, 'batch_size': 8, 'seed': 1}
    settings |= {'test_batch_size': 16, 'show_topk': [2], 'num_epoch': 9, 'eval_interval': 1, 'resume': None}
    settings |= {'allow_imports': [], 'model_saved_name': 'runs', 'pictures': True}
    work, model = WorkDir(tmp_path / 'work'), nn.Linear(8, 2)
    return lambda **more: list(closing_lines(argparse.Namespace(**settings | more), work, BEST, RESULT, model, 272))


def test_what_there_is_to_look_at(lines):
    looks = [[line for line in lines(pictures=wanted) if 'to look at' in line] for wanted in (True, False)]
    assert 'report.html' in looks[0][0] and 'report.html' not in looks[1][0]


def test_the_first_lines_are_those_of_the_public_implementation(lines):
    assert lines()[:9] == [
        'Best accuracy: 0.5',
        'Epoch number: 4 (chosen on held-out training clips)',
        'Model name: w',
        'Model total number of params: 18',
        'Weight decay: 0.0004',
        'Base LR: 0.1',
        'Batch Size: 8',
        'Test Batch Size: 16',
        'seed: 1',
    ]


def test_an_epoch_without_rivals_was_not_chosen(lines):
    assert lines(eval_interval=9)[1] == 'Epoch number: 4 (the last, and the only one that was evaluated)'


def test_the_table_has_the_result_the_time_and_the_files(lines, tmp_path):
    table = lines()[9:16]
    assert table[:4] == [
        'Results:',
        '  accuracy    top-1 50.00 %, top-2 50.00 % of 2 test clips',
        '  best epoch  4 of 9',
        '  time        4 min 32 s',
    ]
    assert table[4].endswith(str(tmp_path / 'work')) and 'runs-4-120.pt' in table[5]
    assert lines(resume='auto')[12].endswith('4 min 32 s since the run was continued')


def test_the_next_commands_can_be_typed(lines, tmp_path, monkeypatch):
    work = tmp_path / 'work'
    test, predict, export = lines()[-3:]
    assert test.endswith(f'main_MMCL.py --config {work}/config.yaml --phase test --weights {work}/best.pt')
    assert predict.endswith(f'--phase predict --weights {work}/best.pt --input CLIP')
    assert export.endswith(f'--weights {work}/best.pt --with-preprocessing --output student.onnx')
    assert all(
        line.endswith(' --allow-imports mine ours.nets') for line in lines(allow_imports=['mine', 'ours.nets'])[-3:]
    )
    assert lines(model_saved_name='/other/runs')[-3].endswith(' --model-saved-name /other/runs')
    assert lines(model_saved_name=str(work / 'runs'))[-3] == test
    monkeypatch.setattr('importlib.util.find_spec', lambda name: name)
    assert f'tensorboard --logdir {work}/runs' in lines()[-1]
