"""Text files about clips: tables name,label[,split], lists of names, and lists of classes."""

import csv
import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from feeders.integrity import LARGEST_LABEL, class_problems, refuse
from torchlight.errors import InputError
from torchlight.files import require_file
from torchlight.imports import nearest
from torchlight.names import RULE, safe_names, unsafe
from torchlight.tables import cell_text

COLUMNS = (['name', 'label'], ['name', 'label', 'split'])
SPLITS = 'train', 'test'
NUMBER = re.compile(r'[-+]?[\d.]+')  # a label of this form is meant as a number, any other as the name of a class


class Row(NamedTuple):
    """One line of a table: a clip's name, its label from 0, and its split ('' if the table has no such column)."""

    name: str
    label: int
    split: str


class Table(NamedTuple):
    """A table of labels.

    Attributes
    ----------
    rows : list of Row.
    wrong : list of (place, reason). The lines that are not of its form.
    classes : list of str. The names of the classes by label, [] if they are not known.
    """

    rows: list[Row]
    wrong: list[tuple[str, str]]
    classes: list[str]


def read_label_table(path: str | Path, classes: Sequence[str] = ()) -> Table:
    """Read a CSV table with the header name,label or name,label,split.

    Labels are numbers from 0, or the names of classes, which are numbered in the order of `classes`, by default
    alphabetically. A name that begins like a formula may have the apostrophe that the program's own tables give it.

    Parameters
    ----------
    path : path. The table.
    classes : str, one per label. The names of the classes, if they are known from elsewhere (default: they are not).

    Raises
    ------
    InputError
        If the file is missing, is not CSV, has another header, or has both numbers and names as labels.
    """
    header, lines = _read_lines(path)
    labels = [(cells[1], number) for number, cells in lines if len(cells) == len(header) and cells[1]]
    first: dict[bool, tuple[str, int]] = {}  # is it a number? → the first such label, and its line
    for label, number in labels:
        first.setdefault(bool(NUMBER.fullmatch(label)), (label, number))
    if len(first) == 2:
        found = ' and '.join(f'{label[:60]!r} in line {number}' for label, number in first.values())
        raise InputError(
            f'{path} has both numbers and names as labels ({found}); give every clip a number from 0, or every clip '
            'the name of its class'
        )
    texts = {label for label, _ in labels} if False in first else ()
    names = list(classes) or sorted(texts)
    refuse(path, class_problems(names))
    known = {name: label for label, name in enumerate(names)} if texts else range(len(classes) or LARGEST_LABEL + 1)
    rows, wrong = [], []
    for number, cells in lines:
        row = _row(cells, header, known)
        if isinstance(row, Row):
            rows.append(row)
        else:
            wrong.append((f'{path} line {number}', row))
    return Table(rows, wrong, names)


def read_names(path: str | Path) -> list[str]:
    """Read the clip names in a text file, one per line, with any line ending; raise InputError for an unsafe one."""
    return safe_names(require_file(path).read_text(errors='replace').split(), path)


def read_classes(path: str | Path) -> list[str]:
    """Read the names of classes in a text file, one per line, in the order of their labels."""
    text = require_file(path).read_text(encoding='utf-8-sig', errors='replace').rstrip()
    names = [line.strip() for line in text.splitlines()]
    refuse(path, class_problems(names) if names else ['it names no class'])
    return names


def _read_lines(path: str | Path) -> tuple[list[str], list[tuple[int, list[str]]]]:
    """Return the header of a table, and the number and the cells of each line that is not empty."""
    with open(require_file(path), newline='', encoding='utf-8-sig', errors='replace') as file:
        try:
            lines = [[cell.strip() for cell in cells] for cells in csv.reader(file)]
        except csv.Error as error:
            raise InputError(f'{path} is not a CSV table: {error}') from error
    if not lines or lines[0] not in COLUMNS:
        found = repr(','.join(lines[0])[:60]) if lines else 'nothing'
        raise InputError(f'{path} begins with {found}; expected the header name,label or name,label,split')
    cells = [[cell_text(cells[0]), *map(cell_text, cells[1:2]), *cells[2:]] if cells else cells for cells in lines[1:]]
    return lines[0], [(number, line) for number, line in enumerate(cells, 2) if any(line)]


def _row(cells: list[str], header: list[str], known: dict[str, int] | range) -> Row | str:
    """Return one line of a table, or what is wrong with it; `known` has the classes by name, or the possible labels."""
    if len(cells) != len(header):
        return f'{str(cells)[:100]}: expected {len(header)} cells, {",".join(header)}'
    name, text, split = [*cells, ''][:3]
    if isinstance(known, dict):
        label, expected = known.get(text), f'the name of a class{nearest(text, known, list_all=False)}'
    else:
        is_label = text.isdecimal() and len(text) < 10 and int(text) in known
        label, expected = int(text) if is_label else None, f'a number from 0 to {known[-1]}'
    if label is None:
        return f'label {text[:100]!r} is not {expected}'
    if unsafe([name]):
        return f'{name!r}: {RULE}'
    if split not in SPLITS and len(header) == 3:
        return f'split {split!r} is not one of {SPLITS}'
    return Row(name, label, split)
