"""Text files about clips: tables name,label[,split] and lists of names."""

import csv
from pathlib import Path
from typing import NamedTuple

from feeders.integrity import LARGEST_LABEL
from torchlight.errors import InputError
from torchlight.files import require_file
from torchlight.names import RULE, safe_names, unsafe
from torchlight.tables import cell_text

COLUMNS = (['name', 'label'], ['name', 'label', 'split'])
SPLITS = 'train', 'test'


class Row(NamedTuple):
    """One line of a table: a clip's name, its label from 0, and its split ('' if the table has no such column)."""

    name: str
    label: int
    split: str


def read_label_table(path: str | Path) -> tuple[list[Row], list[tuple[str, str]]]:
    """Read a CSV table with the header name,label or name,label,split.

    A name that begins like a formula may have the apostrophe that the program's own tables give it.

    Returns
    -------
    rows : list of Row.
    wrong : list of (place, reason). The lines that are not of this form.

    Raises
    ------
    InputError
        If the file is missing, is not CSV, or has another header.
    """
    with open(require_file(path), newline='', encoding='utf-8-sig', errors='replace') as file:
        try:
            lines = list(csv.reader(file))
        except csv.Error as error:
            raise InputError(f'{path} is not a CSV table: {error}') from error
    if not lines or [cell.strip() for cell in lines[0]] not in COLUMNS:
        found = repr(','.join(lines[0])[:60]) if lines else 'nothing'
        raise InputError(f'{path} begins with {found}; expected the header name,label or name,label,split')
    rows, wrong = [], []
    for number, cells in enumerate(lines[1:], 2):
        name, label, split = ([cell.strip() for cell in cells] + [''] * 3)[:3]
        name = cell_text(name)
        if not any(cells):
            continue
        if len(cells) != len(lines[0]):
            reason = f'{str(cells)[:100]}: expected {len(lines[0])} cells, {",".join(lines[0])}'
            wrong.append((f'{path} line {number}', reason))
        elif not label.isdecimal() or len(label) > 9 or int(label) > LARGEST_LABEL:
            reason = f'label {label[:100]!r} is not a number from 0 to {LARGEST_LABEL}'
            wrong.append((f'{path} line {number}', reason))
        elif unsafe([name]):
            wrong.append((f'{path} line {number}', f'{name!r}: {RULE}'))
        elif split not in SPLITS and len(lines[0]) == 3:
            wrong.append((f'{path} line {number}', f'split {split!r} is not one of {SPLITS}'))
        else:
            rows.append(Row(name, int(label), split))
    return rows, wrong


def read_names(path: str | Path) -> list[str]:
    """Read the clip names in a text file, one per line, with any line ending; raise InputError for an unsafe one."""
    return safe_names(require_file(path).read_text(errors='replace').split(), path)
