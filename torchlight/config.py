"""Settings: the command line over a YAML file over the defaults; unknown ones are refused."""

import argparse
import errno
import os
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from torchlight.command import Parser
from torchlight.errors import InputError
from torchlight.files import require_file
from torchlight.imports import nearest
from torchlight.names import stays_inside
from torchlight.yaml_file import Dumper, read_yaml

# Left out of config.yaml, which tests and resumes the run: ignore_weights there would drop what was learned.
NOT_SAVED = (
    'config', 'phase', 'assume_yes', 'resume', 'weights', 'ignore_weights', 'allow_imports',
    'input', 'output', 'window', 'stride', 'figure', 'with_preprocessing',
)  # fmt: skip
ONLY_IN_COMMANDS = ('allow_imports',)  # a file that is not trusted could otherwise trust itself
# What commas part: texts in quotes, which begin where a value may, and single characters.
PIECES = re.compile(r"""(?<![^\s=:,\[{])(?:"(?:\\.|[^"\\])*"|'(?:''|[^'])*')|.""", re.DOTALL)
WRITTEN = ('work_dir', 'model_saved_name', 'output', 'figure')  # settings that say where files are written


class DictAction(argparse.Action):
    """`--model-args a=1,b=[x, y]` → {'a': 1, 'b': ['x', 'y']}, merged into the value from the YAML file.

    Values are YAML scalars or flow lists, quoted or not; `None` is null too. Nothing is evaluated.
    """

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: str | Sequence[Any] | None,
        option_string: str | None = None,
    ) -> None:
        """Merge the pairs into what the namespace has."""
        given: dict[str, Any] = {}
        for text in [values] if isinstance(values, str) else values or ():
            given |= parse_pairs(text, str(option_string))
        setattr(namespace, self.dest, merge(getattr(namespace, self.dest) or {}, given))


def parse_pairs(text: str, option: str) -> dict[str, Any]:
    """Parse `'a=1,b=[x, y]'` to {'a': 1, 'b': ['x', 'y']}; raise InputError, naming `option`, for anything else."""
    pairs = {}
    for part in split_at_commas(text):
        key, equals, value = part.partition('=')
        if not equals or not key.strip().isidentifier():
            raise InputError(f'{option} has {part.strip()!r}; expected key=value')
        try:
            pairs[key.strip()] = None if value.strip() == 'None' else read_yaml(value, 'value')
        except InputError as error:
            raise InputError(
                f'{option} has {part.strip()!r}; expected a YAML scalar or list as its value ({error})'
            ) from error
    return pairs


def split_at_commas(text: str) -> list[str]:
    """Split `text` at the commas that are outside brackets and quotes."""
    parts, depth = [''], 0
    for piece in PIECES.findall(text):
        depth += (piece in '[{') - (piece in ']}')
        if piece == ',' and not depth:
            parts.append('')
        else:
            parts[-1] += piece
    return parts


def merge(base: Mapping[str, Any], delta: Mapping[str, Any]) -> dict[str, Any]:
    """Put `delta` over `base`, merging the dictionaries inside them in the same way; neither is changed."""
    merged = dict(base)
    for key, value in delta.items():
        both = isinstance(value, dict) and isinstance(merged.get(key), dict)
        merged[key] = merge(merged[key], value) if both else value
    return merged


def flat(settings: Mapping[str, Any], prefix: str = '') -> dict[str, Any]:
    """Return {'model_args.num_class': 60, …}: the values inside dictionaries under longer names."""
    found = {}
    for name, value in settings.items():
        inside = isinstance(value, Mapping)
        found.update(flat(value, f'{prefix}{name}.') if inside else {f'{prefix}{name}': value})
    return found


def load_yaml(
    path: str | Path, known: Collection[str], given: Collection[str] = (), above: tuple[Path, ...] = ()
) -> dict[str, Any]:
    """Read the settings in a YAML file, over those of its `base:` file (a path relative to the file's own folder).

    Parameters
    ----------
    path : path. The YAML file.
    known : names. The keys that a file may have.
    given : names. Settings that the command line overrides, so that it does not matter where the file's lead (default:
        none).
    above : paths. The files whose `base:` led here (default: none).

    Raises
    ------
    InputError
        If the file is missing, is not a YAML mapping, has a key that is not in `known` or is for the command line only,
        would write outside the current folder and its own, or includes itself.
    """
    path = Path(path)
    if path.resolve() in above:
        raise InputError(f'{path} includes itself through base:')
    if above:
        require_file(path)  # no device, which would never end
    try:
        found = read_yaml(path.read_text(), path)
    except OSError as error:
        raise InputError(f'cannot read the config {path}: {error.strerror}') from error
    except UnicodeDecodeError as error:
        raise InputError(f'{path} is not YAML: {error}') from error
    base = found.pop('base', None) if isinstance(found, dict) else None
    if not isinstance(base, (str, type(None))):
        raise InputError(f'{path} has base: {base!r}; expected the path of another config')
    found = _checked(found, path, known, given)
    if base is None:
        return found
    return merge(load_yaml(path.parent / base, known, given, (*above, path.resolve())), found)


def _checked(found: Any, path: Path | str, known: Collection[str], given: Collection[str]) -> dict[str, Any]:
    """Return the settings in a file, as `load_yaml` admits them."""
    if not isinstance(found, dict):
        raise InputError(f'{path} has no settings of the form key: value')
    for key in found:
        if key not in known:
            raise InputError(f'{path} has the unknown key {key!r}{nearest(key, list(known))}')
        flag = f'--{key.replace("_", "-")}'
        if key in ONLY_IN_COMMANDS:
            raise InputError(f'{path} has {key}, which no file may set; give it on the command line: {flag}')
        if key in WRITTEN and key not in given and not stays_inside(str(found[key]), Path(path).parent):
            raise InputError(
                f'{path} has {key}: {found[key]!r}, which leads outside the current folder; if you want that, '
                f'give it on the command line: {flag} {found[key]}'
            )
    return found


def parse(
    parser: Parser,
    argv: Sequence[str] | None = None,
    folder: str | Path | None = None,
    carried: Callable[[argparse.Namespace], tuple[str, str] | None] = lambda words: None,
    carriable: Collection[str] = (),
) -> argparse.Namespace:
    """Combine the command line, the YAML file of `--config` and the defaults, in this order of priority.

    Parameters
    ----------
    parser : Parser. It has the flag --config.
    argv : list of str. The command line (default: the process's).
    folder : path or None. If there is no such YAML file, the nearest one in this folder is suggested (default: none).
    carried : function. Called with the command line's settings if it has no --config; returns the text of settings that
        another of its files carries, and that file's path, or None for the default of --config (default: always None).
    carriable : names. The settings that such a text may have.

    Raises
    ------
    InputError
        For an unknown flag or key, and for a value that its flag does not accept.
    """
    words = parser.parse_args(argv, argparse.Namespace(**dict.fromkeys(('config', *WRITTEN))))  # None if not given
    known, given = parser.settings(), [key for key in WRITTEN if getattr(words, key) is not None]
    text, path = (None, words.config) if words.config else carried(words) or (None, parser.get_default('config'))
    if text is not None:
        settings = _checked(read_yaml(text, path), path, carriable, WRITTEN)
    elif folder and not Path(path).exists():
        near = nearest(path, map(os.path.relpath, Path(folder).rglob('*.yaml')), list_all=False)
        raise InputError(f'cannot read the config {path}: {os.strerror(errno.ENOENT)}{near}')
    else:
        settings = load_yaml(path, known, given)
    parser.set_defaults(config=path, **{key: _typed(known[key], value, path) for key, value in settings.items()})
    return parser.parse_args(argv)


def _typed(action: argparse.Action, value: Any, path: str) -> Any:
    """Convert a YAML value as its flag would; a list of one value may be written without brackets."""
    if isinstance(action, DictAction):
        if not isinstance(value or {}, dict):
            raise InputError(f'{path} has {action.dest}: {value!r}; expected key: value pairs')
        return value or {}
    if value is None:
        if action.default is not None:
            raise InputError(f'{path} has {action.dest} without a value')
        return None
    many = action.nargs in ('+', '*')
    values = value if isinstance(value, list) else [value]
    try:
        if not many and isinstance(value, (list, dict)):
            raise ValueError
        typed = [(action.type or str)(str(item)) for item in values]
    except (ValueError, TypeError, argparse.ArgumentTypeError) as error:
        raise InputError(f'{path} has {action.dest}: {value!r}, which --{action.dest} does not accept') from error
    for item in typed:
        if action.choices and item not in action.choices:
            raise InputError(f'{path} has {action.dest}: {item!r}, not one of {", ".join(map(str, action.choices))}')
    return typed if many else typed[0]


def dump(arg: argparse.Namespace, command_line: str) -> str:
    """Write the settings as the text of a config.yaml that loads again, the command line as a comment above."""
    text = dump_only(arg, [key for key in vars(arg) if key not in NOT_SAVED])
    return f'# command line: {_printable(command_line)}\n# config: {_printable(arg.config)}\n{text}'


def _printable(text: str) -> str:
    """Return a text that stays in one line of YAML: characters that would end it, or are not allowed, as escapes."""
    return ''.join(character if character.isprintable() else ascii(character)[1:-1] for character in text)


def dump_only(arg: argparse.Namespace, keys: Collection[str]) -> str:
    """Write some of the settings as YAML."""
    settings = {key: value for key, value in vars(arg).items() if key in keys}
    return yaml.dump(settings, Dumper=Dumper, sort_keys=False, default_flow_style=None, width=120)


def changes(before: Mapping[str, Any], now: Mapping[str, Any]) -> str:
    """List the settings that differ from those of an earlier command: `'base_lr 0.1 → 0.05, …'`."""
    return ', '.join(
        f'{key} {value!r} → {now[key]!r}' if key in now else f'{key} {value!r} → none'
        for key, value in before.items()
        if now.get(key) != value and key not in ('resume', 'config', 'assume_yes')
    )


PAIRS: dict[str, Any] = {'action': DictAction, 'nargs': '+', 'metavar': 'KEY=VALUE', 'default': {}}  # of a flag
