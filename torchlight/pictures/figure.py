"""What the pictures share: colours that colour-blind people can tell apart, labels of classes, and their files."""

import io
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from torchlight.class_names import class_title
from torchlight.files import write_bytes

# Okabe and Ito, "Color Universal Design", 2008: black, blue, vermilion, green, purple, orange, light blue
COLOURS = ('#000000', '#0072B2', '#D55E00', '#009E73', '#CC79A7', '#E69F00', '#56B4E9')
GREY = '0.45'
DPI = 110
LONGEST = 30  # characters of a label


def new_figure(width: float, height: float) -> Any:
    """Return an empty matplotlib figure of this size in inches; it needs no screen."""
    from matplotlib.figure import Figure  # takes half a second to import, and most commands draw nothing

    return Figure((width, height), dpi=DPI)


def save(figure: Any, path: str | Path) -> None:
    """Write a figure as a PNG."""
    png = io.BytesIO()
    with warnings.catch_warnings():
        warnings.filterwarnings('ignore', 'Glyph')  # of a name in letters that the font lacks, which become boxes
        figure.savefig(png, format='png', dpi=DPI)
    write_bytes(path, png.getvalue())


def class_label(number: int, classes: Sequence[str], longest: int = LONGEST) -> str:
    """Return how pictures call a class: its number and, if it is known, its name, cut to `longest` characters."""
    return plain(class_title(number, classes, longest))


def plain(text: str) -> str:
    """Return text as matplotlib can draw it: dollar signs make no formula, and bytes that are not UTF-8 become '?'."""
    return text.encode(errors='replace').decode().replace('$', r'\$')


def class_labels(numbers: Sequence[int], classes: Sequence[str]) -> list[str]:
    """Return the `class_label` of each of these classes."""
    return [class_label(int(number), classes) for number in numbers]
