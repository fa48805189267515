"""The front door of every command: its flags, and how it ends.

Exit statuses: 0, 1 where the command itself says so (clips were left out), 2 for a user error (one line on stderr),
130 after Ctrl-C and 143 after SIGTERM.
"""

import argparse
import os
import signal
import sys
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

from torchlight.errors import InputError
from torchlight.imports import nearest
from torchlight.interruption import Terminated, handled


class HelpFormatter(argparse.RawDescriptionHelpFormatter):
    """Explanations below each other, with defaults; paragraphs of the description as they are written."""

    def _format_usage(self, usage: str | None, actions: Any, groups: Any, prefix: str | None) -> str:
        """Leave out the flags that may be left out; with a prefix this is the name of a subcommand."""
        needed = [action for action in actions if action.required]
        text = super()._format_usage(usage, needed, groups, prefix)
        has_flags = len(actions) > len(needed) + 1  # besides --help
        return text.rstrip() + ' [flags]\n\n' if prefix is None and has_flags else text

    def _format_action_invocation(self, action: argparse.Action) -> str:
        """Return `-h, --help` as it is, and of other flags the first spelling with what it takes."""
        if not action.option_strings or action.dest == 'help':
            return super()._format_action_invocation(action)
        takes = self._format_args(action, self._get_default_metavar_for_optional(action)) if action.nargs != 0 else ''
        return f'{action.option_strings[0]} {takes}'.rstrip()

    def _get_help_string(self, action: argparse.Action) -> str:
        """Add the default to an explanation that does not tell it."""
        text, default = action.help or '', action.default
        told = 'default' in text or not action.option_strings or action.nargs == 0
        if told or default in (None, argparse.SUPPRESS, [], {}):
            return text
        values = default if isinstance(default, list) else [default]
        shown = ' '.join(f'{value:g}' if isinstance(value, float) else str(value) for value in values)
        return f'{text.removesuffix(".")} (default: {shown}){"." * text.endswith(".")}'


class Parser(argparse.ArgumentParser):
    """An ArgumentParser that reports errors in one line, takes both spellings of a flag, and no abbreviations.

    Its --help fits 80 columns, shows one spelling of each flag, and ends each explanation with the default.
    """

    def __init__(self, *names: Any, **settings: Any) -> None:
        super().__init__(*names, allow_abbrev=False, formatter_class=HelpFormatter, **settings)
        self._section: argparse._ActionsContainer = self

    def section(self, title: str) -> None:
        """Put the flags that are added from here on under a title of --help."""
        self._section = self.add_argument_group(title)

    def add(self, flag: str, *others: str, **settings: Any) -> argparse.Action:
        """Add a flag as it is written and with `-` and `_` exchanged (`--work-dir`, `--work_dir`)."""
        body = flag.lstrip('-')
        spellings = dict.fromkeys([flag, *others, '--' + body.replace('_', '-'), '--' + body.replace('-', '_')])
        return self._section.add_argument(*spellings, dest=body.replace('-', '_'), **settings)

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        """Add the nearest choice to argparse's refusal of a value that is not one of a flag's choices."""
        try:
            super()._check_value(action, value)
        except argparse.ArgumentError as error:
            error.message += nearest(value, map(str, action.choices), list_all=False)
            raise

    def error(self, message: str) -> NoReturn:
        """Raise InputError with argparse's message instead of printing the usage."""
        raise InputError(f'{message} (see --help)')

    def settings(self) -> dict[str, argparse.Action]:
        """Map the name of each flag but --help and --config to its action: the keys that a YAML file may have."""
        return {action.dest: action for action in self._actions if action.dest not in ('help', 'config')}

    def parse_args(self, args: Sequence[str] | None = None, namespace: argparse.Namespace | None = None) -> Any:
        """Parse the command line; raise InputError, with the nearest known flag, for an unknown one."""
        found, unknown = self.parse_known_args(args, namespace)
        if unknown:
            flag = unknown[0].partition('=')[0]
            near = nearest(flag, self.flags(), list_all=False)
            raise InputError(f'unknown argument {flag!r}{near} (see --help)')
        return found

    def flags(self) -> list[str]:
        """List all spellings of all flags, those of subcommands included."""
        own = [flag for action in self._actions for flag in action.option_strings]
        choices = [action.choices.values() for action in self._actions if isinstance(action.choices, dict)]
        parsers = [parser for values in choices for parser in values if isinstance(parser, Parser)]
        return own + [flag for parser in parsers for flag in parser.flags()]


def run_command(
    action: Callable[[Sequence[str] | None], int | None], argv: Sequence[str] | None = None, resume_hint: str = ''
) -> int:
    """Run a command and turn the way it ends into an exit status.

    Parameters
    ----------
    action : callable. Takes the command line; returns None for success, or an exit status of its own.
    argv : list of str. The command line (default: the process's).
    resume_hint : str. What is printed after an interruption, such as 'progress is saved; …'.

    Returns
    -------
    int. What `action` returned, 0 for None; 2 after an InputError or an OSError; 130 after Ctrl-C; 143 after SIGTERM;
    141 if the reader of its output, such as `head`, exits before `action` is done.
    """
    status = 141
    with handled() as signals:
        try:
            status = action(argv) or 0
            sys.stdout.flush()
        except BaseException as error:  # after a signal, a library may replace the exception with one of its own
            return _status_after(error, signals, resume_hint, status)
        return status


def _status_after(error: BaseException, signals: Sequence[int], resume_hint: str, if_unread: int) -> int:
    """Print what ended a command, and return its exit status; raise what is a fault of the program.

    `if_unread` is the status if nobody reads what the command prints.
    """
    if _is_interruption(error):
        by_hand = signals[:1] == [signal.SIGINT] or (not signals and isinstance(error, KeyboardInterrupt))
        word, status = ('interrupted', 130) if by_hand else ('terminated', 143)
        _say(f'{word}; {resume_hint}' if resume_hint else word)
        return status
    if isinstance(error, BrokenPipeError):
        _forget_what_is_unread()
        return if_unread
    if isinstance(error, (InputError, OSError)):  # OSError: the disk is full, access is denied
        _say(f'error: {error}')
        return 2
    if shortage := shortage_of(error):
        _say(f'error: {shortage}')
        return 2
    raise error


def _say(line: str) -> None:
    """Print a line on stderr, whether or not anybody reads it."""
    try:
        print(line, file=sys.stderr)
    except BrokenPipeError:
        _forget_what_is_unread()


def _forget_what_is_unread() -> None:
    """Drop what stdout and stderr still keep for a reader that is gone: flushing it at exit would fail once more."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except BrokenPipeError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _is_interruption(error: BaseException | None) -> bool:
    """Return whether an error is what a signal raised, or was raised while that passed through."""
    while error is not None:
        if isinstance(error, (KeyboardInterrupt, Terminated)):
            return True
        error = error.__context__
    return False


def shortage_of(error: BaseException) -> str:
    """Say what this machine had too little of, if that is what Python, NumPy or PyTorch complains of; '' otherwise."""
    text = str(error) if isinstance(error, RuntimeError) else ''
    if isinstance(error, MemoryError) or "can't allocate memory" in text:
        return 'out of memory; try a lower --batch-size, or fewer --num-worker'
    if 'DataLoader worker' in text:
        return 'a data-loading process was killed, usually for lack of memory; try fewer --num-worker'
    return ''


def answer_at_once(parser: Parser) -> None:
    """End the process if the command line asks for --help, or the shell for completions, which need nothing else.

    A front door calls it before its slow imports. Completion needs the package argcomplete and its line in the shell's
    configuration; such a shell sets _ARGCOMPLETE.
    """
    if '_ARGCOMPLETE' in os.environ:
        import argcomplete

        argcomplete.autocomplete(parser)
    if {'-h', '--help'} & set(sys.argv[1:]):
        sys.exit(run_command(parser.parse_args))


def device(word: str) -> str | int:
    """Flag type: `cpu`, or the number of a GPU."""
    try:
        return 'cpu' if str(word) == 'cpu' else int(word)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f'{word!r} is neither cpu nor the number of a GPU') from error


def filled(word: str) -> str:
    """Flag type: text that is not empty."""
    if not word:
        raise argparse.ArgumentTypeError('the value must not be empty')
    return word


def number(kind: type, least: float) -> Callable[[str], Any]:
    """Flag type: an int of 64 bits or a finite float that is at least `least`."""
    most = 2**63 - 1 if kind is int else sys.float_info.max

    def convert(word: str) -> Any:
        try:
            value = kind(word)
        except ValueError:
            value = None
        if value is None or not least <= value <= most:
            limit = f' and ≤ {most}' if kind is int and value is not None and value > most else ''
            raise argparse.ArgumentTypeError(
                f'{word!r} must be {"an integer" if kind is int else "a number"} ≥ {least}{limit}'
            )
        return value

    return convert


count, positive, not_negative = number(int, 0), number(int, 1), number(float, 0)


def share(word: str) -> float:
    """Flag type: a number from 0 to below 1."""
    value = not_negative(word)
    if value >= 1:
        raise argparse.ArgumentTypeError(f'{word!r} must be a number ≥ 0 and < 1')
    return value


def boolean(word: str) -> bool:
    """Flag type: `True`, `yes`, `1`, … → True; `False`, `no`, `0`, … → False."""
    text = str(word).lower()
    if text not in ('true', 'yes', 'y', 't', '1', 'false', 'no', 'n', 'f', '0'):
        raise argparse.ArgumentTypeError(f'{word!r} is neither true nor false')
    return text in ('true', 'yes', 'y', 't', '1')


WORD: dict[str, Any] = {'type': boolean, 'metavar': 'BOOL'}  # settings of a flag that takes a word, `--nesterov True`
SWITCH: dict[str, Any] = {**WORD, 'nargs': '?', 'const': True, 'default': False}  # it may also be given without a word
