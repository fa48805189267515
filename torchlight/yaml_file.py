"""YAML that may come from a stranger: plain values, each key once, of a size and depth that a person writes."""

import re
from typing import Any, NoReturn

import yaml

from torchlight.errors import InputError

DEPTH = 50  # of lists and mappings inside each other
VALUES = 10_000  # of one file, an alias (*name) counted as all that it stands for
NO_TEXT = re.compile('[\0\ud800-\udc7f\udd00-\udfff]')  # the surrogates that are left stand for bytes of paths
TOO_DEEP = f'lists and mappings are inside each other more than {DEPTH} deep'


UNKNOWN = 'tag:yaml.org,2002:omap', 'tag:yaml.org,2002:pairs', 'tag:yaml.org,2002:set'  # a key may be there twice


class Loader(yaml.SafeLoader):
    """Plain YAML in which 4e-4 is a number (PyYAML expects 4.0e-4), and a key that occurs twice is refused."""

    yaml_constructors = {tag: make for tag, make in yaml.SafeLoader.yaml_constructors.items() if tag not in UNKNOWN}

    def compose_mapping_node(self, anchor: str | None) -> yaml.MappingNode:
        """Make a mapping; raise ComposerError for a key that it has already."""
        node, lines = super().compose_mapping_node(anchor), {}
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode):
                is_plain = key.tag in self.yaml_constructors  # `<<`, which merges, is not
                value = self.construct_object(key) if is_plain else key.value
                if value in lines:
                    _refuse(key, f'the key {key.value!r} is already in line {lines[value]}')
                lines[value] = key.start_mark.line + 1
        return node


class Dumper(yaml.SafeDumper):
    """Writes what Loader reads back unchanged."""


for each in (Loader, Dumper):
    each.add_implicit_resolver('tag:yaml.org,2002:float', re.compile(r'[-+]?\d+(\.\d*)?[eE][-+]?\d+$'), '-+0123456789')


def read_yaml(text: str, where: object) -> Any:
    """Return the value of a YAML text.

    Parameters
    ----------
    text : str.
    where : path or str. The file or flag that it is from, for messages.

    Raises
    ------
    InputError
        If it is not YAML, names a Python object, has a key twice or a value that contains itself, is more than DEPTH
        deep, or has more than VALUES values; the message names the line.
    """
    try:
        _check_extent(text)
        return yaml.load(text, Loader)
    except yaml.composer.ComposerError as error:
        reason = ' '.join(filter(None, (error.context, error.problem)))
        raise InputError(f'{where} line {error.problem_mark.line + 1}: {reason}') from error
    except (yaml.YAMLError, ValueError, LookupError, ArithmeticError, AttributeError, TypeError) as error:
        # the latter come from a value that is not of its tag, such as 2001-99-99 or `!!bool x`
        raise InputError(f'{where} is not YAML: {" ".join(str(error).split())}') from error


def _check_extent(text: str) -> None:
    """Refuse a text that is too deep or too large, before PyYAML, which recurses, composes it."""
    known: dict[str, tuple[int, int]] = {}  # anchor: the values that it stands for, and how deep they are
    begun: list[tuple[str | None, int, int]] = []  # the same of the lists and mappings that have not ended
    for event in yaml.parse(text, Loader):
        if isinstance(event, yaml.CollectionStartEvent):
            begun.append((event.anchor, 1, 1))
            if len(begun) > DEPTH:
                _refuse(event, TOO_DEEP)
            continue
        if isinstance(event, yaml.CollectionEndEvent):
            anchor, values, depth = begun.pop()
        elif isinstance(event, yaml.NodeEvent):
            anchor, values, depth = event.anchor, 1, 0
        else:
            continue
        if isinstance(event, yaml.ScalarEvent) and (wrong := NO_TEXT.search(event.value)):
            name = 'NUL' if wrong[0] == '\0' else ascii(wrong[0])
            _refuse(event, f'a value contains the character {name}, which no path or name may have')
        if isinstance(event, yaml.AliasEvent):
            if any(anchor == other for other, _, _ in begun):
                _refuse(event, f'*{anchor} contains itself')
            values, depth = known.get(anchor, (1, 0))
        elif anchor:
            known[anchor] = values, depth
        if begun:
            own, others, deepest = begun.pop()
            begun.append((own, others + values, max(deepest, depth + 1)))
            if len(begun) + depth > DEPTH:
                _refuse(event, TOO_DEEP)
            if others + values > VALUES:
                _refuse(event, f'there are more than {VALUES:,} values, an alias counted as all that it stands for')


def _refuse(at: yaml.Event | yaml.Node, problem: str) -> NoReturn:
    raise yaml.composer.ComposerError(None, None, problem, at.start_mark)
