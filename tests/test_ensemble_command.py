"""The fusion command as users run it: from either folder, and with mistakes."""

import os
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from Ensemble.ensemble import main
from torchlight.scores import write_scores

ROOT = Path(__file__).resolve().parents[1]
NAMES = [f'S001C001P003R001A{action:03}' for action in range(1, 61)]


def run_file(folder, file, *words, **environment):
    """Run `python <file> <words>` in `folder`, as a user does."""
    return subprocess.run(
        [sys.executable, file, *map(str, words)],
        cwd=folder,
        capture_output=True,
        text=True,
        env={**os.environ, 'OMP_NUM_THREADS': '1', **environment},
    )


@pytest.fixture
def flags(tmp_path):
    """The command line of two good streams of NTU60, counted, and their names; files lie in tmp_path."""
    scores = np.random.default_rng(0).normal(size=(2, 60, 60)).astype(np.float32) + 2 * np.eye(60)
    for name, values in zip('JB', scores):
        write_scores(tmp_path / f'{name}.pkl', [f'test_{i}' for i in range(60)], values)
    (tmp_path / 'Val.txt').write_text('\n'.join(NAMES))
    return ['--J_Score', 'J.pkl', '--B_Score', 'B.pkl', '--val_sample', 'Val.txt', '--benchmark', 'NTU60XSub']


def test_it_runs_from_any_folder_with_paths_relative_to_it(tmp_path, flags):
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


class Command:
    """Pickles as a call that leaves a trace."""

    def __reduce__(self):
        return os.system, ('touch trace',)


def change(path, function):
    scores = pickle.loads(Path(path).read_bytes())
    Path(path).write_bytes(pickle.dumps(function(scores)))


def without(scores, *keys):
    return {key: value for key, value in scores.items() if key not in keys}


def cut(scores, classes):
    return {key: value[:classes] for key, value in scores.items()}


ROW = np.zeros(60, np.float32)
FILES = {  # what is done to B.pkl: what the message says
    'lacks 7 of 60 clips (S001C001P003R001A001, S001C001P003R001A002, S001C001P003R001A003, S001C001P003R001A004, '
    'S001C001P003R001A005, …) of --val_sample': lambda s: without(s, *(f'test_{i}' for i in range(7))),
    '2 of 62 clips (test_60, test_99) are not in --val_sample': lambda s: {**s, 'test_60': ROW, 'test_99': ROW},
    '1 of 60 clips (S001C001P003R001A004) come more than once': lambda s: {**s, 3: ROW},
    '61 of 61 clips (test_0, test_1, test_2, test_3, test_4, …) are not in --val_sample': lambda s: {**s, 'S001': ROW},
    "has the key 'S001' among keys that count": lambda s: {**s, 'S001': ROW, 70: ROW},
    "has the key '-1' among keys that count": lambda s: {**s, -1: ROW},
    "has the key '1.5' among keys that count": lambda s: {**s, 1.5: ROW},
    'B.pkl has 40 classes, and J.pkl has 60': lambda s: cut(s, 40),
    'scores of several shapes, such as (59,) and (60,)': lambda s: {**s, 'test_3': ROW[:59]},
    'the scores of 2 of 60 clips (S001C001P003R001A003, S001C001P003R001A006) hold NaN or Inf': lambda s: {
        **s,
        'test_2': ROW * np.nan,
        'test_5': ROW + np.inf,
    },
    'the scores of 1 of 60 clips (S001C001P003R001A001) hold NaN or Inf': lambda s: {**s, 'test_0': np.full(60, 1e300)},
    'not a pickle of arrays alone: it refers to posix.system': lambda s: {**s, 'test_3': Command()},
    'does not hold one array of class scores': lambda s: {**s, 'test_3': 'text'},
    'B.pkl does not hold one array of class scores': lambda s: {key: np.array(['a'] * 60) for key in s},
    'holds a list, not a dict': lambda s: list(s.values()),
    'holds no scores': lambda s: {},
}


def fails(capsys, words, message):
    """Run with a mistake: status 2, one line, nothing written."""
    before = sorted(os.listdir())
    assert main([*words, '--save', 'out.pkl', '--report', 'out']) == 2
    captured = capsys.readouterr()
    assert captured.err.startswith('error: ') and captured.err.count('\n') == 1 and message in captured.err
    assert captured.out == '' and sorted(os.listdir()) == before


@pytest.mark.parametrize('message', FILES)
@pytest.mark.filterwarnings('error')
def test_a_bad_score_file_is_one_line(tmp_path, flags, monkeypatch, capsys, message):
    monkeypatch.chdir(tmp_path)
    change('B.pkl', FILES[message])
    fails(capsys, flags, message)


def swap(flags, **changed):
    """The command line with other values; None takes a flag out."""
    words = []
    for flag, value in zip(flags[::2], flags[1::2]):
        value = changed.pop(flag.strip('-'), value)
        words += [] if value is None else [flag, value]
    return words + [word for name, value in changed.items() for word in (f'--{name}', *value.split())]


FLAGS = {  # what is changed in the command line: what the message says
    'cannot': dict(J_Score='.', expect='is not a file'),
    'absent': dict(B_Score='absent.pkl', expect='absent.pkl does not exist'),
    'no names': dict(val_sample=None, expect="J.pkl counts its clips (its first key is 'test_0')"),
    'names twice': dict(val_sample='twice.txt', expect='1 of 60 clips (S001C001P003R001A002) come more than once'),
    'no list': dict(val_sample='J.pkl', expect="J.pkl is not a list of {'file_name': …"),
    'empty list': dict(val_sample='empty.txt', expect='empty.txt names no clips'),
    'other names': dict(benchmark='NW-UCLA', expect='these are not the clips of NW-UCLA; is --benchmark right?'),
    'other classes': dict(benchmark='NTU120XSub', expect='the scores have 60 classes, and NTU120XSub has 120'),
    'beyond': dict(val_sample='beyond.txt', expect='1 of 60 clips (S001C001P003R001A061) mean a class beyond'),
    'benchmark': dict(benchmark='NTU60XSubb', expect="'NTU60XSubb' is not known; did you mean 'NTU60XSub'?"),
    'no benchmark': dict(benchmark=None, expect='--benchmark is missing: one of NTU60XSub'),
    'two benchmarks': dict(dataset='ntu/xview', expect='--benchmark is NTU60XSub and --dataset is ntu/xview; give one'),
    'one stream': dict(B_Score=None, expect='1 streams are given; fusing takes two or more'),
    'same file': dict(B_Score='./J.pkl', expect='J.pkl is given twice, as J and as B'),
    'same stream': dict(scores='J=B.pkl', expect='the stream J is given twice: J.pkl and B.pkl'),
    'no stream': dict(scores='B.pkl', expect="--scores has 'B.pkl', not NAME=FILE"),
    'taken name': dict(scores='fused=B.pkl', expect="names a stream 'fused', which the report needs"),
    'zero': dict(rates='0 0', expect='--rates gives 0 0; expected finite numbers, not all zero'),
    'underflow': dict(rates='1e-60 0', expect='not all zero'),
    'nan': dict(rates='nan 1', expect='expected finite numbers'),
    'overflow': dict(rates='1e300 1', expect='expected finite numbers'),
    'words': dict(rates='a b', expect='--rates gives a b; expected numbers'),
    'few': dict(rates='1', expect='--rates gives 1; expected a weight for each of J, B'),
    'unknown rate': dict(rates='J=1 BM=1', expect='expected a weight for each of J, B'),
    'half named': dict(rates='J=1 2', expect='expected a weight for each of J, B'),
    'twice named': dict(rates='J=1 J=2', expect='expected a weight for each of J, B'),
    'both': dict(rates='1 1', alpha='1', expect='--rates and --alpha exclude each other'),
    'labels': dict(labels='Val.txt', expect='--labels is for --benchmark custom'),
    'no labels': dict(benchmark='custom', expect='--benchmark custom needs --labels'),
    'bad labels': dict(benchmark='custom', labels='Val.txt', expect="Val.txt begins with 'S001C001P003R001A001'"),
    'few labels': dict(benchmark='custom', labels='few.csv', expect='59 of 60 clips (S001C001P003R001A002, '),
    'label twice': dict(benchmark='custom', labels='twice.csv', expect='1 of 1 clips (x) come more than once'),
    'large label': dict(benchmark='custom', labels='large.csv', expect='labels 60 to 60; with 60 classes'),
    'alpha': dict(alpha='nan', expect='--alpha gives J=1 B=nan; expected finite numbers'),
    'unknown flag': dict(J_Scor='x', expect="unknown argument '--J_Scor'; did you mean '--J_Score'?"),
    'choice': dict(normalise='l3', expect='argument --normalise'),
    'seed': dict(seed='-1', expect='--seed is -1'),
}


@pytest.mark.parametrize('case', FLAGS)
@pytest.mark.filterwarnings('error')
def test_a_bad_flag_is_one_line(tmp_path, flags, monkeypatch, capsys, case):
    monkeypatch.chdir(tmp_path)
    (tmp_path / 'twice.txt').write_text('\n'.join([*NAMES, NAMES[1]]))
    (tmp_path / 'beyond.txt').write_text('\n'.join(NAMES[:-1] + ['S001C001P003R001A061']))
    (tmp_path / 'empty.txt').write_text('')
    (tmp_path / 'few.csv').write_text(f'name,label\n{NAMES[0]},0\n')
    (tmp_path / 'twice.csv').write_text('name,label\nx,0\nx,1\n')
    (tmp_path / 'large.csv').write_text('name,label\n' + ''.join(f'{name},60\n' for name in NAMES))
    changed = dict(FLAGS[case])
    message = changed.pop('expect')
    fails(capsys, swap(flags, **changed), message)


def test_sums_beyond_32_bits_are_refused(tmp_path, flags, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main([*flags, '--rates', '3e38', '3e38', '--save', 'out.pkl']) == 2 and not Path('out.pkl').exists()
    assert 'too large for 32-bit numbers; give smaller --rates' in capsys.readouterr().err


def test_the_places_to_write_to_are_checked_first(tmp_path, flags, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    before = {file: (tmp_path / file).read_bytes() for file in os.listdir()}
    for words in (['--save', 'J.pkl'], ['--save', '.'], ['--report', 'Val.txt'], ['--save', 'Val.txt/x.pkl']):
        assert main([*flags, *words]) == 2 and capsys.readouterr().err.startswith('error: ')
    assert {file: (tmp_path / file).read_bytes() for file in os.listdir()} == before


def test_other_clips_than_the_benchmarks_are_remarked_on(tmp_path, flags, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(flags) == 0 and 'NTU60XSub has 16487 test clips, and here are 60' in capsys.readouterr().out
    (tmp_path / 'Val.txt').write_text('\n'.join(name.replace('P003', 'P001') for name in NAMES))
    assert main(flags) == 0 and '60 of 60 clips (S001C001P001R001A001, ' in capsys.readouterr().out
