"""The command line: mistakes in it, and CTR-GCN's flags."""

import numpy as np
import pytest

from Ensemble.arguments import parse
from tests.Ensemble.scores import NTU, NTU60, SIX, acc, fails, label_of, made_up, output, two_streams
from torchlight.pickles import write_scores


def swap(flags, **changed):
    """The command line with other values; None takes a flag out."""
    words = []
    for flag, value in zip(flags[::2], flags[1::2]):
        value = changed.pop(flag.strip('-'), value)
        words += [] if value is None else [flag, value]
    return words + [word for name, value in changed.items() for word in (f'--{name}', *value.split())]


FLAGS = {  # what is changed in the command line: what the message says
    'cannot': {'J_Score': '.', 'expect': 'is not a file'},
    'absent': {'B_Score': 'absent.pkl', 'expect': 'absent.pkl does not exist'},
    'no names': {'val_sample': None, 'expect': "J.pkl numbers its clips (its first key is 'test_0')"},
    'names twice': {'val_sample': 'twice.txt', 'expect': '1 of 60 clips (S001C001P003R001A002) appear more than once'},
    'no list': {'val_sample': 'J.pkl', 'expect': "J.pkl is not a list of {'file_name': …"},
    'empty list': {'val_sample': 'empty.txt', 'expect': 'empty.txt contains no clip names'},
    'other names': {
        'benchmark': 'NW-UCLA',
        'expect': '60 of 60 clips (S001C001P003R001A001, S001C001P003R001A002, S001C001P003R001A003, '
        'S001C001P003R001A004, S001C001P003R001A005, …) are not clips of NW-UCLA: clip name '
        "'S001C001P003R001A001' is not of the form aXX_sXX_eXX_vXX; is --benchmark right?",
    },
    'other classes': {'benchmark': 'NTU120XSub', 'expect': 'the scores have 60 classes, but NTU120XSub has 120'},
    'beyond': {
        'val_sample': 'beyond.txt',
        'expect': '1 of 60 clips (S001C001P003R001A061) are not clips of NTU60XSub: clip name '
        "'S001C001P003R001A061' has action 61, which NTU RGB+D 60 does not have; is --benchmark right?",
    },
    'benchmark': {'benchmark': 'NTU60XSubb', 'expect': "'NTU60XSubb' is not known; did you mean 'NTU60XSub'?"},
    'no benchmark': {'benchmark': None, 'expect': '--benchmark is missing; give one of NTU60XSub'},
    'two benchmarks': {
        'dataset': 'ntu/xview',
        'expect': '--benchmark is NTU60XSub and --dataset is ntu/xview; give one',
    },
    'one stream': {'B_Score': None, 'expect': 'fusion needs at least two streams, such as --J_Score FILE'},
    'same file': {'B_Score': './J.pkl', 'expect': 'J.pkl is given twice, as J and as B'},
    'same stream': {'scores': 'J=B.pkl', 'expect': 'the stream J is given twice: J.pkl and B.pkl'},
    'no stream': {'scores': 'B.pkl', 'expect': "argument --scores: 'B.pkl' is not NAME=FILE"},
    'taken name': {'scores': 'fused=B.pkl', 'expect': "names a stream 'fused', which is reserved for the report"},
    'zero': {'rates': '0 0', 'expect': '--rates gives 0 0; expected finite numbers, not all zero'},
    'underflow': {'rates': '1e-60 0', 'expect': 'not all zero'},
    'nan': {'rates': 'nan 1', 'expect': 'expected finite numbers'},
    'overflow': {'rates': '1e300 1', 'expect': 'expected finite numbers'},
    'words': {'rates': 'a b', 'expect': '--rates gives a b; expected numbers'},
    'few': {'rates': '1', 'expect': '--rates gives 1; expected a weight for each of J, B'},
    'unknown rate': {'rates': 'J=1 BM=1', 'expect': 'expected a weight for each of J, B'},
    'half named': {'rates': 'J=1 2', 'expect': 'expected a weight for each of J, B'},
    'twice named': {'rates': 'J=1 J=2', 'expect': 'expected a weight for each of J, B'},
    'both': {'rates': '1 1', 'alpha': '1', 'expect': '--rates and --alpha exclude each other'},
    'labels': {'labels': 'Val.txt', 'expect': '--labels is for --benchmark custom'},
    'no labels': {'benchmark': 'custom', 'expect': '--benchmark custom needs --labels'},
    'bad labels': {'benchmark': 'custom', 'labels': 'Val.txt', 'expect': "Val.txt begins with 'S001C001P003R001A001'"},
    'few labels': {'benchmark': 'custom', 'labels': 'few.csv', 'expect': '59 of 60 clips (S001C001P003R001A002, '},
    'label twice': {'benchmark': 'custom', 'labels': 'twice.csv', 'expect': '1 of 1 clips (x) appear more than once'},
    'large label': {'benchmark': 'custom', 'labels': 'large.csv', 'expect': 'labels 60 to 60; with 60 classes'},
    'alpha': {'alpha': 'nan', 'expect': '--alpha gives J=1 B=nan; expected finite numbers'},
    'unknown flag': {'J_Scor': 'x', 'expect': "unknown argument '--J_Scor'; did you mean '--J_Score'?"},
    'choice': {'normalise': 'l3', 'expect': 'argument --normalise'},
    'seed': {'seed': '-1', 'expect': "argument --seed: '-1' must be an integer ≥ 0"},
}


@pytest.mark.parametrize('case', FLAGS)
@pytest.mark.filterwarnings('error')
def test_a_bad_flag_is_one_line(tmp_path, monkeypatch, capsys, case):
    monkeypatch.chdir(tmp_path)
    flags = two_streams()
    (tmp_path / 'twice.txt').write_text('\n'.join([*NTU60, NTU60[1]]))
    (tmp_path / 'beyond.txt').write_text('\n'.join(NTU60[:-1] + ['S001C001P003R001A061']))
    (tmp_path / 'empty.txt').write_text('')
    (tmp_path / 'few.csv').write_text(f'name,label\n{NTU60[0]},0\n')
    (tmp_path / 'twice.csv').write_text('name,label\nx,0\nx,1\n')
    (tmp_path / 'large.csv').write_text('name,label\n' + ''.join(f'{name},60\n' for name in NTU60))
    changed = dict(FLAGS[case])
    message = changed.pop('expect')
    fails(capsys, swap(flags, **changed), message)


def test_the_names_of_ctr_gcn(tmp_path, capsys):
    scores = made_up(NTU, 120, SIX[:4], signal=1)
    dirs = []
    for flag, (stream, values) in zip(('joint', 'bone', 'joint-motion', 'bone-motion'), scores.items()):
        write_scores(tmp_path / stream / 'epoch1_test_score.pkl', NTU, values)
        dirs += [f'--{flag}-dir', tmp_path / stream]
    label = np.array([label_of(name) for name in NTU])
    two = output(capsys, '--dataset', 'ntu120/xsub', '--alpha', 0.5, *dirs[:4])
    assert acc(two) == ((scores['J'] + 0.5 * scores['B']).argmax(1) == label).mean()
    four = output(capsys, '--datasets', 'ntu120/xset', '--alpha', 0.5, *dirs)
    weighed = sum(rate * scores[name] for rate, name in zip((0.6, 0.6, 0.4, 0.4), SIX))
    assert (
        acc(four) == (weighed.argmax(1) == label).mean()
        and '--alpha is ignored; it is the weight of the bone stream' in four
    )


def test_both_spellings_of_a_flag_mean_the_same(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    flags = two_streams()
    swapped = [word.replace('_', '-') if word.startswith('--') else word for word in flags]
    assert swapped != flags and parse([*swapped, '--search_on_test']) == parse([*flags, '--search-on-test'])
