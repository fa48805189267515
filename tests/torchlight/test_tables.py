"""Cells of tables: no spreadsheet runs one, numbers stay numbers, and the text can be read back."""

import numpy as np
import pytest

from torchlight.tables import as_cell, as_cells, cell_text

RUN = ['=cmd|x!A1', '+1+2', '-2+3', '@SUM(A1)', '\t=1', '\r=1', '\n=1', '=', '-', '-abc', '+-5', '--5', '=1', '@']


@pytest.mark.parametrize('text', [*RUN, "'=1", "''-abc", "'-5"])
def test_text_like_a_formula_is_written_as_text_and_read_back(text):
    assert as_cell(text) == f"'{text}" and cell_text(as_cell(text)) == text


@pytest.mark.parametrize(
    'text',
    ['S001C001P001R001A001', '', "'", "'abc", "it's", 'a=b', 'a-b', ' =', '-5', '+0.25', '-1e-4', '-inf', '5', '0.5'],
)
def test_other_text_and_numbers_stay(text):
    assert as_cell(text) == text and cell_text(text) == text


def test_what_is_no_text_stays():
    row = [-5, -0.5, np.float32(-1.5), np.int64(-3), None]
    assert list(as_cells([row, ['=1', np.str_('-x')]])) == [row, ["'=1", "'-x"]]
