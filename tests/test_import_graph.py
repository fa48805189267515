"""Imports point only downwards, in no circle: a change below cannot depend on what is built on it."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
MAY_IMPORT = {  # room: the rooms below it that it may import
    'torchlight': set(),
    'config': {'torchlight'},
    'graph': {'torchlight'},
    'model': {'torchlight', 'graph'},
    'feeders': {'torchlight', 'graph'},
    'feeders.recordings': {'torchlight', 'feeders'},
    'feeders.prepare': {'torchlight', 'graph', 'feeders', 'feeders.recordings'},
    'LLMs': {'torchlight', 'feeders', 'feeders.recordings'},
    'Ensemble': {'torchlight', 'feeders'},
    'main_MMCL': {'torchlight', 'config', 'model', 'feeders', 'feeders.prepare'},
}


def room_of(module):
    """The longest room name that begins a dotted module name, or None outside the program."""
    return max((room for room in MAY_IMPORT if f'{module}.'.startswith(f'{room}.')), key=len, default=None)


def modules():
    """{dotted name: path} of every module of the program."""
    paths = [ROOT / 'main_MMCL.py', *(p for room in MAY_IMPORT if '.' not in room for p in (ROOT / room).rglob('*.py'))]
    names = {path: '.'.join(path.relative_to(ROOT).with_suffix('').parts).removesuffix('.__init__') for path in paths}
    return {name: path for path, name in names.items() if path.exists()}


def imports(name, path, known):
    """The modules of the program that a module imports, anywhere in its text."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f'{name} has a relative import'
            found |= {f'{node.module}.{alias.name}' for alias in node.names} | {node.module}
    return {module for module in found if module in known and module != name}


MODULES = modules()
GRAPH = {name: imports(name, path, MODULES) for name, path in MODULES.items()}


def test_every_room_has_modules():
    assert {room_of(name) for name in GRAPH} == set(MAY_IMPORT)


@pytest.mark.parametrize('room', MAY_IMPORT)
def test_a_room_imports_only_what_is_below_it(room):
    allowed = MAY_IMPORT[room] | {room}
    upwards = [
        f'{name} → {other}'
        for name in GRAPH
        if room_of(name) == room
        for other in sorted(GRAPH[name])
        if room_of(other) not in allowed
    ]
    assert not upwards


def test_no_module_imports_itself_through_others():
    finished, path = set(), []

    def visit(name):
        assert name not in path, ' → '.join([*path[path.index(name) :], name])
        if name not in finished:
            path.append(name)
            for other in sorted(GRAPH[name]):
                visit(other)
            finished.add(path.pop())

    for name in GRAPH:
        visit(name)
