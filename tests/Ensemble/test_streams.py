"""Score files: mistakes in them, and joining them by clip name."""

import os
import pickle
from pathlib import Path

import numpy as np
import pytest

from Ensemble import fusion
from Ensemble.streams import read_streams
from tests.Ensemble.scores import SIX, UCLA, fails, label_of, made_up, output, two_streams, write
from torchlight.pickles import write_scores


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
    '1 of 60 clips (S001C001P003R001A004) appear more than once': lambda s: {**s, 3: ROW},
    '61 of 61 clips (test_0, test_1, test_2, test_3, test_4, …) are not in --val_sample': lambda s: {**s, 'S001': ROW},
    "has the key 'S001' among numbered keys": lambda s: {**s, 'S001': ROW, 70: ROW},
    "has the key '-1' among numbered keys": lambda s: {**s, -1: ROW},
    "has the key '1.5' among numbered keys": lambda s: {**s, 1.5: ROW},
    'B.pkl has 40 classes, but J.pkl has 60': lambda s: cut(s, 40),
    'scores of several shapes, such as (59,) and (60,)': lambda s: {**s, 'test_3': ROW[:59]},
    'the scores of 2 of 60 clips (S001C001P003R001A003, S001C001P003R001A006) contain NaN or Inf': lambda s: {
        **s,
        'test_2': ROW * np.nan,
        'test_5': ROW + np.inf,
    },
    'the scores of 1 of 60 clips (S001C001P003R001A001) contain NaN or Inf': lambda s: {
        **s,
        'test_0': np.full(60, 1e300),
    },
    'not a pickle of arrays: it refers to posix.system': lambda s: {**s, 'test_3': Command()},
    'does not contain one array (num_class,) of class scores': lambda s: {**s, 'test_3': 'text'},
    'B.pkl does not contain one array (num_class,) of class scores': lambda s: {key: np.array(['a'] * 60) for key in s},
    'contains a list, not a dict': lambda s: list(s.values()),
    'contains no scores': lambda s: {},
}


@pytest.mark.parametrize('message', FILES)
@pytest.mark.filterwarnings('error')
def test_a_bad_score_file_is_one_line(tmp_path, monkeypatch, capsys, message):
    monkeypatch.chdir(tmp_path)
    flags = two_streams()
    change('B.pkl', FILES[message])
    fails(capsys, flags, message)


def test_neither_the_order_of_clips_nor_of_streams_matters(tmp_path):
    scores = made_up(UCLA, 10)
    files = {stream: tmp_path / f'{stream}.pkl' for stream in SIX}
    expected = sum(rate * scores[name].astype(float) for rate, name in enumerate(SIX, 1))
    fused = None
    for seed in range(4):
        for stream, values in scores.items():
            order = np.random.default_rng([seed, SIX.index(stream)]).permutation(len(UCLA))
            write_scores(files[stream], [UCLA[i] for i in order], values[order])
        for given in (files, dict(reversed(files.items()))):
            joined = read_streams(given, UCLA if seed % 2 else None)
            rows = [joined.clip.index(name) for name in UCLA]
            again = fusion.fuse(joined.scores, range(1, 7))[rows]
            fused = again if fused is None else fused
            assert joined.name == list(SIX) and again.tobytes() == fused.tobytes()
    np.testing.assert_allclose(fused, expected, atol=1e-4)


@pytest.mark.parametrize('key', [str, 'test_{}'.format, int, np.int64])
@pytest.mark.parametrize('sample', ['txt', 'pkl'])
def test_every_way_to_name_clips_gives_the_same(tmp_path, capsys, key, sample):
    scores = made_up(UCLA, 10, SIX[:2])
    plain = output(capsys, *write(tmp_path, UCLA, scores), '--benchmark', 'NW-UCLA')
    order = np.random.default_rng(1).permutation(len(UCLA))
    keys = [UCLA[i] if key is str else key(i) for i in order]
    (tmp_path / 'J.pkl').write_bytes(pickle.dumps(dict(zip(keys, scores['J'][order]))))
    (tmp_path / 'x.txt').write_bytes('\r\n'.join(UCLA).encode())
    rows = [{'file_name': name, 'length': 9, 'label': label_of(name) + 1} for name in UCLA]
    (tmp_path / 'x.pkl').write_bytes(pickle.dumps(rows))
    flags = [f'--{name}_Score={tmp_path / name}.pkl' for name in 'JB']
    assert output(capsys, *flags, '--benchmark', 'NW-UCLA', '--val_sample', tmp_path / f'x.{sample}') == plain
