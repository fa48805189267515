"""A page contains what it shows, escaped, and nothing from elsewhere."""

import pytest

from tests.report.made_up import EVIL
from torchlight.report import page


def test_texts_are_never_markup(tmp_path, monkeypatch):
    monkeypatch.setattr(page, 'TEMPLATES', tmp_path)
    (tmp_path / 'x.html').write_text('<p title="{{ text }}">{{ text }}</p><script>{{ data | tojson }}</script>')
    page.write_page(tmp_path / 'out.html', 'x.html', text=EVIL, data={'b': EVIL, 'a': 1})
    text = (tmp_path / 'out.html').read_text()
    assert text.count('<script>') == 1 and text.count('&lt;script&gt;') == 2 and '\\u003cscript' in text
    assert text.index('"b"') < text.index('"a"')  # the order of the keys, which Bokeh needs


def test_what_cannot_be_written_is_a_warning(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(page, 'TEMPLATES', tmp_path)
    (tmp_path / 'x.html').write_text('x')
    (tmp_path / 'folder').mkdir()
    assert page.write_or_warn(tmp_path / 'out.html', 'x.html')
    assert not page.write_or_warn(tmp_path / 'folder', 'x.html')
    assert capsys.readouterr().err.startswith(f'warning: cannot write {tmp_path}/folder')


@pytest.mark.parametrize(
    'cell, numeric',
    [('−0.30 to +1.25', False), ('88.10 – 91.90 %', True), ('+1.25', True), ('7 kick', False), ('–', False), (3, True)],
)
def test_numbers_are_told_from_words(cell, numeric):
    assert page.looks_numeric(cell) is numeric


def test_numbers_read_as_percent_and_points():
    assert page.percent(0.90125) == '90.12 %' and page.percents((0.8, 1)) == '80.00 – 100.00 %'
    assert page.points(-0.003) == '−0.30' and page.points(-0.00001) == '+0.00'
    assert page.points_range((-0.01, 0.02)) == '−1.00 to +2.00'


def test_a_picture_is_inside_the_page(tmp_path):
    (tmp_path / 'a.png').write_bytes(b'abc')
    assert page.picture(tmp_path / 'a.png') == 'data:image/png;base64,YWJj'
    assert page.picture(tmp_path / 'b.png') is None


def test_a_picture_that_cannot_be_read_is_a_warning(tmp_path, capsys):
    (tmp_path / 'a.png').mkdir()
    assert page.picture(tmp_path / 'a.png') is None
    assert capsys.readouterr().err.startswith(
        f'warning: the report is without {tmp_path}/a.png, which cannot be read: '
    )
