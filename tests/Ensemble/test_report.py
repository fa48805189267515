"""The files of --report and --save."""

import csv

import numpy as np
from PIL import Image

from Ensemble.ensemble import main
from Ensemble.fusion import EQUAL, FUSED, judge
from Ensemble.report import certainty_of, write_report
from tests.Ensemble.scores import SIX, UCLA, acc, label_of, made_up, output, row, write
from torchlight.pickles import read_arrays


def test_saved_scores_are_a_stream_again_and_the_report_adds_up(tmp_path, capsys):
    flags = [*write(tmp_path, UCLA, made_up(UCLA, 10, SIX[:3])), '--benchmark', 'NW-UCLA']
    text = output(capsys, *flags, '--save', tmp_path / 'sum.pkl', '--report', tmp_path / 'report')
    fused = read_arrays(tmp_path / 'sum.pkl')
    right = [clip for clip, scores in fused.items() if scores.argmax() == label_of(clip)]
    assert len(right) / len(fused) == acc(text)
    again = output(
        capsys,
        f'--J_Score={tmp_path}/J.pkl',
        '--scores',
        f'sum={tmp_path}/sum.pkl',
        '--rates',
        'sum=2',
        'J=0',
        '--benchmark',
        'NW-UCLA',
    )
    assert acc(again) == acc(text)
    tables = {
        name: list(csv.reader(open(tmp_path / 'report' / f'{name}.csv')))
        for name in ('per_class', 'confusion_matrix', 'helped_hurt')
    }
    matrix = np.array(tables['confusion_matrix'][1:], int)[:, 1:]
    assert matrix.trace() == len(right) and matrix.sum() == len(UCLA)
    share = [float(line[tables['per_class'][0].index('fused')]) for line in tables['per_class'][1:]]
    np.testing.assert_allclose(share, matrix.diagonal() / 6, atol=1e-4)
    helped = sum(line[1] == 'helped' for line in tables['helped_hurt'][1:])
    hurt = len(tables['helped_hurt']) - 1 - helped
    assert helped - hurt == len(right) - round(row(text, 'J')[1] / 100 * len(UCLA))
    assert f'{helped} clips helped, {hurt} hurt' in text
    with Image.open(tmp_path / 'report' / 'confusion_matrix.png') as picture:
        assert picture.size[0] > 400 and len(np.unique(picture.convert('L'))) > 20


def test_no_clip_in_a_report_is_a_formula(tmp_path):
    scores, label = {'a': np.eye(2)[[0, 0]], FUSED: np.eye(2)[[0, 1]]}, np.array([0, 1])
    verdicts = {name: judge(values, label) for name, values in {**scores, EQUAL: scores['a']}.items()}
    list(write_report(tmp_path, ['one', '=cmd|x!A1'], label, verdicts, ['', '']))
    assert (tmp_path / 'helped_hurt.csv').read_text().splitlines()[1] == "'=cmd|x!A1,helped,1,1,0"


def test_intervals_by_subject_are_wider_than_by_clip_where_subjects_differ():
    subject = np.repeat(np.arange(6), 30)
    predicted = {
        'a': (subject < 3).astype(int),
        'b': np.zeros(180, int),
        EQUAL: np.ones(180, int),
        FUSED: subject % 3 // 2,
    }
    verdicts = {name: judge(np.eye(2)[rows], np.ones(180, int)) for name, rows in predicted.items()}
    by_subject, by_clip = (
        certainty_of(verdicts, by, group, 0) for by, group in (('subject', subject), ('clip', np.arange(180)))
    )
    width = [np.subtract(*found.interval['a'][::-1]) for found in (by_subject, by_clip)]
    assert width[0] > 3 * width[1] and by_subject.interval['b'] == (0, 0) and by_subject.interval[EQUAL] == (1, 1)
    assert by_subject.best == 'a' and abs(by_subject.gain + 1 / 6) < 1e-9 and by_subject.groups == 6
    assert by_subject.gain_interval[0] < -1 / 6 < by_subject.gain_interval[1]


def test_intervals_stand_in_the_table_and_on_the_page(tmp_path, capsys):
    flags = [*write(tmp_path, UCLA, made_up(UCLA, 10, SIX[:2])), '--benchmark', 'NW-UCLA', '--interval-by']
    text = output(capsys, *flags, 'clip', '--report', tmp_path / 'report')
    assert '95 % interval' in text and f'resamples by clip, of which there are {len(UCLA)})' in text
    assert '95 % interval by clip' in (tmp_path / 'report' / 'report.html').read_text()
    for field, line in (('view', 'all clips have the view 3'), ('camera', "do not number 'camera', but execution")):
        assert main([*map(str, flags), field]) == 2 and line in capsys.readouterr().err
