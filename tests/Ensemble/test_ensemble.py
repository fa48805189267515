"""The fusion command as users run it: from either folder, and with mistakes."""

import os
import subprocess
import sys
from pathlib import Path
from unittest.mock import Mock

import pytest

from Ensemble import ensemble
from Ensemble.ensemble import main
from tests.Ensemble.scores import SIX, output, row, two_streams, ucla_flags
from tests.helpers import ROOT


def run_file(folder, file, *words, **environment):
    """Run `python <file> <words>` in `folder`, as a user does."""
    return subprocess.run(
        [sys.executable, file, *map(str, words)],
        cwd=folder,
        capture_output=True,
        text=True,
        env={**os.environ, 'OMP_NUM_THREADS': '1', **environment},
    )


def test_it_runs_from_any_folder_with_paths_relative_to_it(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    flags = two_streams()
    (tmp_path / 'torchlight.py').write_text('raise SystemExit("a module of the working folder was imported")')
    near = [os.path.relpath(tmp_path / word, ROOT / 'Ensemble') if '.' in word else word for word in flags]
    inside = run_file(ROOT / 'Ensemble', 'ensemble.py', *near)
    root = run_file(ROOT, 'Ensemble/ensemble.py', *(word.removeprefix('../') for word in near))
    assert inside.returncode == root.returncode == 0, inside.stderr + root.stderr
    assert inside.stdout == root.stdout and 'total_num: 60\n' in inside.stdout
    if sys.version_info >= (3, 11):  # PYTHONSAFEPATH
        elsewhere = run_file(tmp_path, ROOT / 'Ensemble' / 'ensemble.py', *flags)
        assert elsewhere.stdout == inside.stdout, elsewhere.stderr
    wrong = run_file(ROOT / 'Ensemble', 'ensemble.py', '--J_Score', 'absent.pkl', PYTHONPATH=str(tmp_path / 'other'))
    assert wrong.returncode == 2 and wrong.stderr.startswith('error: ') and wrong.stderr.count('\n') == 1


def test_published_scores_fuse_to_the_published_accuracy(shared, capsys):
    text = output(capsys, *ucla_flags(shared))
    top1 = {stream: row(text, stream)[1] for stream in SIX[:4]}
    assert top1 == {'J': 94.40, 'B': 93.10, 'JM': 92.89, 'BM': 89.44}
    assert row(text, 'equal weights')[1] == 96.12 and row(text, 'fused')[0] == 96.77
    assert 'wrong_num: 15\ntotal_num: 464\nacc: 0.9676724137931034\n' in text
    assert 'weights: published with CTR-GCN' in text
    assert '95 test clips that are copies of training clips (369 remain)' in text and row(text, 'fused')[2] == 95.93


@pytest.mark.parametrize('order', [SIX[:4], ('BM', 'J', 'JM', 'B')])
def test_published_scores_under_other_weights(shared, capsys, order):
    rates = {'J': 0.6, 'B': 0.6, 'JM': 0.4, 'BM': 0.4}
    text = output(capsys, *ucla_flags(shared, order), '--rates', *(rates[name] for name in order))
    assert row(text, 'fused')[0] == 96.77
    assert row(output(capsys, *ucla_flags(shared, order), '--rates', '1,1,1,1'), 'fused')[0] == 96.12
    text = output(capsys, *ucla_flags(shared, [name for name in order if name in 'JB']))
    assert row(text, 'fused')[0] == 95.69 and 'weights: equal' in text


def test_sums_beyond_32_bits_are_refused(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    flags = two_streams()
    assert main([*flags, '--rates', '3e38', '3e38', '--save', 'out.pkl']) == 2 and not Path('out.pkl').exists()
    assert 'too large for 32-bit numbers; give smaller --rates' in capsys.readouterr().err


def test_the_places_to_write_to_are_checked_first(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    flags = two_streams()
    before = {file: (tmp_path / file).read_bytes() for file in os.listdir()}
    for words in (['--save', 'J.pkl'], ['--save', '.'], ['--report', 'Val.txt'], ['--save', 'Val.txt/x.pkl']):
        assert main([*flags, *words]) == 2 and capsys.readouterr().err.startswith('error: ')
    assert {file: (tmp_path / file).read_bytes() for file in os.listdir()} == before


@pytest.mark.parametrize(
    'error, status, line', [(KeyboardInterrupt, 130, 'interrupted'), (OSError('x'), 2, 'error: x')]
)
def test_an_interruption_is_one_line(tmp_path, monkeypatch, capsys, error, status, line):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(ensemble, 'read_streams', Mock(side_effect=error))
    assert ensemble.main(two_streams()) == status and capsys.readouterr().err == f'{line}\n'
