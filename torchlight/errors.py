"""Errors that the user can correct, and how lists and numbers are worded in them."""

from collections.abc import Iterable


class InputError(Exception):
    """A user error: a wrong path, flag, setting or data file.

    Its text is one line: the value, what was expected, what to do. `torchlight.command.run_command` prints it after
    `error: ` and ends with exit status 2.
    """


def first_few(names: Iterable, count: int = 5) -> str:
    """Join the first names of a list that may be long: `'a, b, c, d, e, …'`.

    Parameters
    ----------
    names : any values. Each is shown as text, cut after 60 characters.
    count : int. Names that are shown (default 5).
    """
    names = list(names)
    return ', '.join([*(str(name)[:60] for name in names[:count]), *(['…'] if len(names) > count else [])])


def counted(number: int, one: str, several: str = '') -> str:
    """Join a number and its noun: `'1 clip'`, `'2 clips'`; with `'clip has', 'clips have'` also the verb.

    Parameters
    ----------
    number : int.
    one : str. What follows the number 1.
    several : str. What follows other numbers (default: `one` with an s).
    """
    return f'{number} {one if number == 1 else several or f"{one}s"}'
