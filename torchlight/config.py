"""Where the settings come from: command line over YAML over defaults, and nothing unknown."""

import argparse
import re
from pathlib import Path

import yaml

from torchlight.errors import InputError
from torchlight.imports import nearest


# Not in config.yaml, which tests and resumes the run: there ignore_weights would drop what the run has learned.
OF_ONE_COMMAND = ('config', 'phase', 'assume_yes', 'resume', 'input', 'output', 'weights', 'ignore_weights')


class Loader(yaml.SafeLoader):
    """Plain YAML, whose 4e-4 is a number (PyYAML by itself wants 4.0e-4)."""


class Dumper(yaml.SafeDumper):
    """What Loader reads back the same."""


for each in (Loader, Dumper):
    each.add_implicit_resolver('tag:yaml.org,2002:float', re.compile(r'[-+]?\d+(\.\d*)?[eE][-+]?\d+$'), '-+0123456789')


class Parser(argparse.ArgumentParser):
    """An ArgumentParser that answers mistakes in one line, knows both spellings of a flag, and takes no short forms."""

    def __init__(self, **settings):
        super().__init__(allow_abbrev=False, **settings)

    def add(self, flag, *others, **settings):
        """Add a flag as written and with `-` and `_` exchanged (`--work-dir`, `--work_dir`)."""
        body = flag.lstrip('-')
        spellings = dict.fromkeys([flag, *others, '--' + body.replace('_', '-'), '--' + body.replace('-', '_')])
        return self.add_argument(*spellings, dest=body.replace('-', '_'), **settings)

    def error(self, message):
        raise InputError(f'{message} (see --help)')

    def settings(self):
        """{key: action} of everything a YAML file may say."""
        return {action.dest: action for action in self._actions if action.dest not in ('help', 'config')}


class DictAction(argparse.Action):
    """`--model-args a=1,b=[x, y]` → {'a': 1, 'b': ['x', 'y']}, added to what stands there already.

    Values are YAML scalars or flow lists, quoted or not; `None` is null too. Nothing is evaluated.
    """

    def __call__(self, parser, namespace, values, option_string=None):
        given = {}
        for text in [values] if isinstance(values, str) else values:
            given |= parse_pairs(text, option_string)
        setattr(namespace, self.dest, merge(getattr(namespace, self.dest) or {}, given))


def parse_pairs(text, option):
    """`'a=1,b=[x, y]'` → {'a': 1, 'b': ['x', 'y']}; raises InputError, naming `option`, for anything else."""
    pairs = {}
    for part in split_at_commas(text):
        key, equals, value = part.partition('=')
        if not equals or not key.strip().isidentifier():
            raise InputError(f'{option} has {part.strip()!r}, not key=value')
        try:
            pairs[key.strip()] = None if value.strip() == 'None' else yaml.load(value, Loader)
        except yaml.YAMLError as error:
            raise InputError(f'{option} has {part.strip()!r}, whose value is no YAML scalar or list') from error
    return pairs


def split_at_commas(text):
    """The parts of `text` between the commas that stand outside brackets and quotes."""
    parts, depth, quote = [''], 0, None
    for character in text:
        if quote or character in '"\'':
            quote = None if character == quote else quote or character
        elif character in '[{':
            depth += 1
        elif character in ']}':
            depth -= 1
        if character == ',' and not depth and not quote:
            parts.append('')
        else:
            parts[-1] += character
    return parts


def filled(word):
    """Text that is not empty."""
    if not word:
        raise argparse.ArgumentTypeError('it is empty')
    return word


def number(kind, least):
    """A type for a flag: an int or a float from `least` on."""

    def convert(word):
        try:
            value = kind(word)
        except ValueError:
            value = None
        if value is None or not least <= value < float('inf'):
            raise argparse.ArgumentTypeError(f'{word!r} is not a {"whole " * (kind is int)}number from {least} on')
        return value

    return convert


count, positive, not_negative = number(int, 0), number(int, 1), number(float, 0)


def boolean(word):
    """`True`, `yes`, `1`, … → True; `False`, `no`, `0`, … → False."""
    meanings = {
        'true': True,
        'yes': True,
        'y': True,
        't': True,
        '1': True,
        'false': False,
        'no': False,
        'n': False,
        'f': False,
        '0': False,
    }
    if str(word).lower() not in meanings:
        raise argparse.ArgumentTypeError(f'{word!r} is not a word for true or false')
    return meanings[str(word).lower()]


def merge(base, delta):
    """`delta` over `base`, dictionaries inside them likewise; neither is changed."""
    merged = dict(base)
    for key, value in delta.items():
        both = isinstance(value, dict) and isinstance(merged.get(key), dict)
        merged[key] = merge(merged[key], value) if both else value
    return merged


def load_yaml(path, known, above=()):
    """The settings in a YAML file, over those of its `base:` file (a path from the file's own folder).

    Args:
        known: the keys there may be. above: the files that led here.
    Raises InputError for a missing file, a file that is no YAML mapping, a key not in `known`, or a circle.
    """
    path = Path(path)
    if path.resolve() in above:
        raise InputError(f'{path} is its own base')
    try:
        found = yaml.load(path.read_text(), Loader)
    except OSError as error:
        raise InputError(f'cannot read the config {path}: {error.strerror}') from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise InputError(f'{path} is not YAML: {" ".join(str(error).split())}') from error
    if not isinstance(found, dict):
        raise InputError(f'{path} holds no settings of the form key: value')
    base = found.pop('base', None)
    if not isinstance(base, (str, type(None))):
        raise InputError(f'{path} has base: {base!r}, not the path of another config')
    for key in found:
        if key not in known:
            raise InputError(f'{path} has the unknown key {key!r}{nearest(key, list(known))}')
    return found if base is None else merge(load_yaml(path.parent / base, known, (*above, path.resolve())), found)


def parse(parser, argv=None):
    """Command line over YAML over the parser's defaults → Namespace; raises InputError for anything unknown."""
    known = parser.settings()
    given, unknown = parser.parse_known_args(argv)
    if unknown:
        flags = ['--config', *(flag for action in known.values() for flag in action.option_strings)]
        raise InputError(f'unknown argument {unknown[0]!r}{nearest(unknown[0], flags, list_all=False)} (see --help)')
    from_file = load_yaml(given.config, known)
    parser.set_defaults(**{key: _typed(known[key], value, given.config) for key, value in from_file.items()})
    return parser.parse_args(argv)


def _typed(action, value, path):
    """A YAML value in its flag's type, by the flag's own rule; a list of one may stand without brackets."""
    if isinstance(action, DictAction):
        if not isinstance(value or {}, dict):
            raise InputError(f'{path} has {action.dest}: {value!r}, not key: value pairs')
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
        raise InputError(f'{path} has {action.dest}: {value!r}, which is not what --{action.dest} takes') from error
    for item in typed:
        if action.choices and item not in action.choices:
            raise InputError(f'{path} has {action.dest}: {item!r}, not one of {", ".join(map(str, action.choices))}')
    return typed if many else typed[0]


def dump(arg, command_line):
    """The text of config.yaml: the command line as a comment, then every setting, loadable again."""
    settings = {key: value for key, value in vars(arg).items() if key not in OF_ONE_COMMAND}
    return f'# command line: {command_line}\n# config: {arg.config}\n' + yaml.dump(
        settings, Dumper=Dumper, sort_keys=False, default_flow_style=None, width=120
    )
