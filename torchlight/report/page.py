"""One HTML page of a template: its texts are escaped, and its styles, scripts and pictures are inside it."""

import base64
import sys
from pathlib import Path
from typing import Any, NamedTuple

from torchlight import intervals
from torchlight.errors import InputError
from torchlight.files import write_text
from torchlight.intervals import Interval

TEMPLATES = Path(__file__).parent / 'templates'


class Table(NamedTuple):
    """A table of a page.

    Attributes
    ----------
    caption : str. What it shows.
    heads : str, one per column.
    rows : cells, one per column; the first is the head of its row. Numbers are set to the right.
    """

    caption: str
    heads: list[str]
    rows: list[list[Any]]


def write_page(path: str | Path, template: str, **values: Any) -> None:
    """Write the page of a template.

    Parameters
    ----------
    path : path. The HTML file.
    template : str. Name of a file in `templates`.
    values : what the template shows. Texts are escaped, so that names in the data are never markup or scripts.
    """
    from jinja2 import Environment, FileSystemLoader, StrictUndefined  # only a command that writes a page needs it

    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.policies['json.dumps_kwargs'] = {}  # keys stay in their order, on which Bokeh relies
    environment.tests['numeric'] = lambda cell: isinstance(cell, (int, float)) or looks_numeric(cell)
    write_text(path, environment.get_template(template).render(**values))


def write_or_warn(path: str | Path, template: str, **values: Any) -> bool:
    """Do what `write_page` does; if the file cannot be written, warn and return False: the results are worth more."""
    try:
        write_page(path, template, **values)
    except InputError as error:
        print(f'warning: {error}', file=sys.stderr)
        return False
    return True


def looks_numeric(cell: Any) -> bool:
    """Return whether a cell shows a number, perhaps with a sign, a unit or an interval."""
    text = str(cell).lstrip('+−-')
    return bool(text) and text[0].isdigit() and not any(c.isalpha() for c in text)


def percent(share: float) -> str:
    """Write a share as '90.12 %'."""
    return f'{100 * share:.2f} %'


def percents(interval: Interval) -> str:
    """Write an interval of shares as '88.10 – 91.90 %'."""
    return f'{intervals.percents(interval)} %'


def points(difference: float) -> str:
    """Write a difference of shares in percentage points, '+1.25' or '−0.30'."""
    return f'{round(100 * difference, 2) + 0.0:+.2f}'.replace('-', '−')


def points_range(interval: Interval) -> str:
    """Write an interval of differences in percentage points, '−0.30 to +1.25'."""
    return f'{points(interval[0])} to {points(interval[1])}'


def picture(path: Path) -> str | None:
    """Return a PNG file as an address that contains it; None if there is none, or, with a warning, if it is unreadable.

    A run or a fusion that has got as far as its report must not end because of a picture.
    """
    try:
        png = path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        print(
            f'warning: the report is without {path}, which cannot be read: {error.strerror or error}', file=sys.stderr
        )
        return None
    return f'data:image/png;base64,{base64.b64encode(png).decode()}'
