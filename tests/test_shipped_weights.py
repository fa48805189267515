"""The weights that come with the program: what they say of themselves, and the accuracy that they reach."""

import shutil

import pytest

import main_MMCL
from feeders.prepare.__main__ import main as prepare
from tests.helpers import ROOT, draw_nothing
from torchlight.runs.found import read_pairs
from torchlight.tensor_files import read_description

SHIPPED = [ROOT / 'config' / name / 'joint.pt' for name in ('ucla', 'utd-mhad')]


@pytest.mark.parametrize('path', SHIPPED, ids=lambda path: path.parent.name)
def test_they_are_small_and_say_how_they_were_made(path):
    said, known = read_description(path), (ROOT / 'README.md').read_text()
    made = said['training']
    assert path.stat().st_size < 3e6 and said['classes'] and not {'commit', 'torch', 'epoch'} - made.keys()
    (row,) = [line for line in known.splitlines() if line.startswith(f'| `{path.relative_to(ROOT)}`')]
    assert f'`python {made["command"]}`' in row and f'{100 * made["top1"]:.2f} %' in row
    assert f'{made["started"][:10]}, {made["seed"]}' in row


@pytest.mark.parametrize('path', SHIPPED, ids=lambda path: path.parent.name)
def test_the_recorded_accuracy_is_reproduced(path, shared, tmp_path, monkeypatch):
    draw_nothing(monkeypatch)
    if path.parent.name == 'ucla':
        data = shared / 'data' / 'NW-UCLA' / 'all_sqe'
    else:
        data, raw = tmp_path / 'x.h5', shared / 'data' / 'UTD-MHAD'
        assert prepare(['utd-mhad', '--raw', str(raw), '--num-worker', '0', '--out', str(data)]) == 0
    weights = shutil.copy(path, tmp_path / 'student.pt')  # the lists of clips are written next to it
    flags = '--phase', 'test', '--device', 'cpu', '--weights', weights, '--work-dir', tmp_path / 'out'
    assert main_MMCL.main([*map(str, flags), '--test-feeder-args', f'data_path={data}']) == 0
    made, pairs = read_description(path)['training'], read_pairs(tmp_path / 'student_right.txt')
    right = sum(predicted == true for predicted, true in pairs)
    assert len(pairs) == made['clips'] and abs(right - made['top1'] * made['clips']) <= 1  # half precision may cost one
