"""report.html of a fusion."""

import re
from argparse import Namespace

import numpy as np
import pytest

from Ensemble import page
from Ensemble.fusion import EQUAL, FUSED, Rates, judge
from feeders.skeleton_store import SkeletonStoreWriter
from tests.Ensemble.scores import SIX, UCLA, made_up, output, row, write

EVIL = '<script>alert(1)</script>'


def test_the_report_of_a_fusion_agrees_with_the_screen(tmp_path, capsys):
    flags = [*write(tmp_path, UCLA, made_up(UCLA, 10, SIX[:2])), '--benchmark', 'NW-UCLA']
    text = output(capsys, *flags, '--report', tmp_path / 'report')
    html = (tmp_path / 'report' / 'report.html').read_text()
    for name in ('J', 'B', 'equal weights', 'fused'):
        cells = re.search(rf'<th scope="row">{name}</th>(.*?)</tr>', html)[1]
        assert f'>{row(text, name)[-3 if name != "fused" else 0]:.2f} %<' in cells, name
    helped, hurt = re.search(r'(\d+) clips helped, (\d+) hurt', text).groups()
    assert f'{helped} clips helped, {hurt} hurt, p = ' in html and 'data:image/png' in html
    assert html.count('>helped<') == int(helped) and html.count('>hurt<') == int(hurt)
    assert 'ICCV 2021' in html and 'other streams' in html and '<canvas' not in html
    assert not re.search(r'(src|href)="(?!#|data:)', html)


@pytest.mark.parametrize('store', [True, False])
def test_skeletons_are_shown_if_a_store_is_at_hand(tmp_path, store):
    names, label = [f'{EVIL}{i}' for i in range(4)] if not store else list('abcd'), np.array([0, 1, 2, 0])
    with SkeletonStoreWriter(tmp_path / 'clips.h5', '', (1, 5, 3)) as file:
        for name, number in zip('abcd', label):
            file.add(name, int(number), np.random.default_rng(0).normal(size=(6, 1, 5, 3)))
    scores = {'A': np.eye(3)[[0, 1, 1, 1]], 'B': np.eye(3)[[1, 1, 2, 1]], EQUAL: np.eye(3)[[0, 1, 1, 1]]}
    scores[FUSED] = np.eye(3)[[1, 1, 2, 1]]
    verdicts = {name: judge(values, label) for name, values in scores.items()}
    (tmp_path / 'a.pkl').write_bytes(b'a')
    args = Namespace(labels=str(tmp_path / 'clips.h5') if store else None, benchmark='custom', search=True, seed=0)
    args.streams, args.val_sample, args.search_on_test = {'A': tmp_path / 'a.pkl'}, None, False
    rates = Rates({'A': 0, 'B': 1}, EVIL)
    assert page.write(tmp_path, args, rates, names, label, scores[FUSED], verdicts, [EVIL, '', ''], None)
    html = (tmp_path / 'report.html').read_text()
    assert EVIL not in html and html.count('<canvas') == 2 * store and 'the other half' in html
    assert '+0.00' in html and 'no published result' in html
