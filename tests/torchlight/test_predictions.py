"""Rankings of classes: on the screen, as CSV and as JSON."""

import csv
import json

import numpy as np
import pytest

from torchlight.errors import InputError
from torchlight.predictions import Ranking

LOGITS = np.log([[0.1, 0.2, 0.7], [0.5, 0.25, 0.25]])


def test_people_read_names_and_probabilities(capsys):
    Ranking.of(['a', 'b'], LOGITS + 1e3, 2, ['drink', '']).write(None)  # large scores do not overflow
    expected = ['a', '  class 2  70.00 %', '  class 1  20.00 %', 'b', '  drink    50.00 %', '  class 1  25.00 %']
    assert capsys.readouterr().out.splitlines() == expected


def test_a_table_has_labels_names_and_probabilities(tmp_path):
    Ranking.of(['a', 'b'], LOGITS, 2, ['drink', 'eat']).write(tmp_path / 'x.csv')
    assert list(csv.reader((tmp_path / 'x.csv').open())) == [
        ['name', 'label_1', 'class_1', 'probability_1', 'label_2', 'class_2', 'probability_2'],
        ['a', '2', '', '0.7000', '1', 'eat', '0.2000'],
        ['b', '0', 'drink', '0.5000', '1', 'eat', '0.2500'],
    ]


def test_json_has_the_same(tmp_path):
    Ranking.of(['a'], LOGITS[:1], 9, ['drink', 'eat', 'größer']).write(tmp_path / 'x.json')  # there are only three
    (record,) = json.loads((tmp_path / 'x.json').read_text())
    assert record['name'] == 'a' and [found['class'] for found in record['classes']] == ['größer', 'eat', 'drink']
    assert record['classes'][0] == {'label': 2, 'class': 'größer', 'probability': pytest.approx(0.7)}


def test_no_name_in_a_table_is_a_formula(tmp_path):
    Ranking.of(['=cmd|x!A1'], LOGITS[:1], 1, ['', '', '=1']).write(tmp_path / 'x.csv')
    assert (tmp_path / 'x.csv').read_text().splitlines()[1] == "'=cmd|x!A1,2,'=1,0.7000"


def test_another_ending_is_refused(tmp_path):
    with pytest.raises(InputError, match=r'--output is .*x.xlsx; expected a name that ends in .csv or .json'):
        Ranking.of(['a'], LOGITS[:1], 1).write(tmp_path / 'x.xlsx')
    assert not list(tmp_path.iterdir())


def test_windows_are_a_timeline_with_their_frames(tmp_path, capsys):
    ranking = Ranking.of(['a', 'a'], LOGITS, 3, ['drink', 'eat'], np.array([[0, 63], [32, 95]]))
    ranking.write(None)
    assert capsys.readouterr().out.splitlines() == [
        'a',
        '  frames  0 to 63: class 2 70.0 %, then eat 20.0 %',
        '  frames 32 to 95: drink 50.0 %, then eat 25.0 %',
    ]
    ranking.write(tmp_path / 'x.csv')
    rows = list(csv.reader((tmp_path / 'x.csv').open()))
    assert rows[0][:4] == ['name', 'first_frame', 'last_frame', 'label_1'] and rows[2][:4] == ['a', '32', '95', '0']
    ranking.write(tmp_path / 'x.json')
    assert json.loads((tmp_path / 'x.json').read_text())[1]['last_frame'] == 95
