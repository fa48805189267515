"""Cells of CSV tables: a spreadsheet runs text that begins like a formula, so such text gets an apostrophe."""

import re
from collections.abc import Iterable, Iterator
from typing import Any

FORMULA = re.compile(r"'*[=+\-@\t\r\n]")  # with an apostrophe already, it gets another, so that `cell_text` is exact


def as_cells(rows: Iterable[Iterable[Any]]) -> Iterator[list[Any]]:
    """Yield rows as they are written to a CSV table, each of their values as `as_cell` returns it."""
    return ([as_cell(value) for value in row] for row in rows)


def as_cell(value: Any) -> Any:
    """Return a value that no spreadsheet runs: an apostrophe before text like a formula, numbers as they are."""
    if not isinstance(value, str) or not FORMULA.match(value):
        return value
    try:
        float(value)
    except ValueError:
        return f"'{value}"
    return value


def cell_text(cell: str) -> str:
    """Return the text that `as_cell` made a cell of."""
    return cell[1:] if cell.startswith("'") and FORMULA.match(cell, 1) else cell
