"""Names of samples that are safe as names of files and as lines of a list; paths that stay in a folder."""

import re
from collections.abc import Iterable
from pathlib import Path

from torchlight.errors import InputError

UNSAFE = re.compile(r'[/\\\x00-\x1f\x7f\ud800-\udfff]')  # what separates folders, and what no line of text can show

RULE = 'a name must not be empty, . or .., nor contain /, \\ or a control character, as files are called by it'


def unsafe(names: Iterable[str]) -> list[str]:
    """Return those names that are empty, are `.` or `..`, or contain a slash of either kind or a control character."""
    return [name for name in names if name in ('', '.', '..') or UNSAFE.search(name)]


def safe_name(name: str, where: object) -> str:
    """Return the name; raise InputError, which begins with `where` it was found, if files may not be called so."""
    return safe_names([name], where)[0]


def safe_names(names: list[str], where: object) -> list[str]:
    """Return the names; raise InputError, which begins with `where` they were found, if files may not be called so."""
    if wrong := unsafe(names):
        raise InputError(f'{where} has the clip name {wrong[0][:60]!r}; {RULE}')
    return names


def stays_inside(path: str | Path, *folders: Path) -> bool:
    """Return whether a path is inside the current folder or one of `folders`; links in the current folder are followed.

    So a link that the user has made there, such as work_dir → /scratch, is no way out.
    """
    path = Path(path)
    if not path.is_absolute() and '..' not in path.parts:
        return True
    return any(path.resolve().is_relative_to(place.resolve()) for place in (Path(), *folders))
