"""YAML from strangers: what is read, and what is refused in one line before it costs memory or runs code."""

import re
import time
import tracemalloc

import pytest
import yaml

from torchlight.errors import InputError
from torchlight.yaml_file import Dumper, Loader, read_yaml


def refusal(text):
    with pytest.raises(InputError) as error:
        read_yaml(text, 'x.yaml')
    assert '\n' not in str(error.value)
    return str(error.value)


def bomb(levels):
    """A list of ten lists of ten lists …, each written once."""
    lines = ['a0: &a0 [' + 'x, ' * 10 + ']']
    return '\n'.join(lines + [f'a{i}: &a{i} [' + f'*a{i - 1}, ' * 10 + ']' for i in range(1, levels)])


def test_plain_values_are_read():
    text = 'a: 4e-4\nb: [1, -1E5, yes, null]\nc: {d: "4e-4", e: 4e}\n1: x\n'
    assert read_yaml(text, 'x.yaml') == {'a': 4e-4, 'b': [1, -1e5, True, None], 'c': {'d': '4e-4', 'e': '4e'}, 1: 'x'}
    assert read_yaml('', 'x.yaml') is None
    assert yaml.load(yaml.dump({'a': '4e-4', 'b': 4e-4}, Dumper=Dumper), Loader) == {'a': '4e-4', 'b': 4e-4}


def test_aliases_and_merges_are_read():
    text = 'x: &x {a: 1, b: 2}\ny: {<<: *x, b: 3}\nz: {<<: [*x, {c: 4}]}\nlist: [*x, *x]'
    one = {'a': 1, 'b': 2}
    expected = {'x': one, 'y': {'a': 1, 'b': 3}, 'z': {**one, 'c': 4}, 'list': [one, one]}
    assert read_yaml(text, 'x.yaml') == expected


@pytest.mark.parametrize(
    'text, message',
    [
        ('a: 1\nb: 2\na: 3', "x.yaml line 3: the key 'a' is already in line 1"),
        ('m:\n  b: 1\n  c: 2\n  "b": 3', "x.yaml line 4: the key 'b' is already in line 2"),
        ('[1, {b: 1,\nb: 2}]', "x.yaml line 2: the key 'b' is already in line 1"),
        ('1: a\n0x1: b', "x.yaml line 2: the key '0x1' is already in line 1"),
        ('x: &x {a: 1}\ny:\n  <<: *x\n  <<: *x', "x.yaml line 4: the key '<<' is already in line 3"),
        ('? a\n: 1\n? a\n: 2', "x.yaml line 3: the key 'a' is already in line 1"),
    ],
)
def test_a_key_that_occurs_twice_is_refused_with_its_lines(text, message):
    assert refusal(text) == message


@pytest.mark.parametrize(
    'text', ['!!omap [{b: 1}, {b: 2}]', '!!pairs [{b: 1}, {b: 2}]', '!!set {b, c}', 'a: !!omap []']
)
def test_tags_of_other_mappings_are_refused(text):
    assert 'x.yaml is not YAML: could not determine a constructor for the tag' in refusal(text)


@pytest.mark.parametrize('text', ['a:\n  &a [*a]', 'a:\n  &a {b: [*a]}', 'a:\n  &a {<<: *a}', 'a:\n  &a [[{y: *a}]]'])
def test_a_value_that_contains_itself_is_refused(text):
    assert refusal(text) == 'x.yaml line 2: *a contains itself'


@pytest.mark.parametrize('start, end', ['[]', ('{a: ', '}'), ('- ', '')])
def test_depth_ends_at_fifty(start, end):
    read_yaml(f'{start * 50}{end * 50}', 'x.yaml')
    for depth in (51, 100_000):
        assert 'x.yaml line 1: lists and mappings are inside each other more than 50 deep' == refusal(
            f'{start * depth}{end * depth}'
        )


def test_aliases_do_not_hide_depth():
    text = 'a: &a ' + '[' * 30 + ']' * 30 + '\nb: &b ' + '[' * 30 + '*a' + ']' * 30
    assert refusal(text) == 'x.yaml line 2: lists and mappings are inside each other more than 50 deep'


def test_an_alias_bomb_is_refused_before_it_grows():
    assert len(read_yaml(bomb(3), 'x.yaml')['a2']) == 10
    tracemalloc.start()
    start = time.perf_counter()
    assert 'x.yaml line 4: there are more than 10,000 values' in refusal(bomb(40))
    merges = 'a0: &a0 {x: 1}\n' + '\n'.join(f'a{i}: &a{i} {{<<: [' + f'*a{i - 1}, ' * 10 + ']}' for i in range(1, 30))
    assert 'there are more than 10,000 values' in refusal(merges)
    assert time.perf_counter() - start < 5 and tracemalloc.get_traced_memory()[1] < 50e6
    tracemalloc.stop()


def test_more_values_than_a_person_writes_are_refused():
    assert len(read_yaml('x: [' + '1,' * 9_990 + ']', 'x.yaml')['x']) == 9_990
    assert 'x.yaml line 1: there are more than 10,000 values' in refusal('x: [' + '1,' * 10_010 + ']')


@pytest.mark.parametrize(
    'text',
    [
        '!!python/object/apply:os.system [touch made]',
        'a: !!python/object/apply:subprocess.Popen [[touch, made]]',
        'a: !!python/object/new:os.system [touch made]',
        'a: !!python/name:os.system',
        'a: !!python/module:evil',
        '!!python/object/apply:os.system [touch made]: 1',
        '{!!python/name:os.system x: 1, !!python/name:os.system x: 2}',
    ],
)
def test_no_tag_runs_code(text, tmp_path, monkeypatch):
    (tmp_path / 'evil.py').write_text("open('made', 'w')")
    monkeypatch.chdir(tmp_path), monkeypatch.syspath_prepend(tmp_path)
    assert refusal(text).startswith('x.yaml ')
    assert not (tmp_path / 'made').exists()


@pytest.mark.parametrize(
    'text',
    [
        *('a: [', '*z', 'a: \x07', '--- a\n--- b', 'a: &x 1\nb: &x 2', '%YAML 9.9\n--- a', '{[1]: 2}', '{{a: 1}: 2}'),
        *('a: 2001-99-99', 'a: !!bool x', 'a: !!timestamp x', 'a: !!int ""', 'a: !!float x', f'a: {"9" * 5000}'),
        f'a: !!float {"59:" * 300}1.0',
        *('a: "\\0"', 'a: "\\ud800"', 'base: "\\udfff"'),
    ],
)
def test_what_is_no_value_is_refused_in_one_line(text):
    assert re.match(r'x.yaml (is not YAML|line \d+): ', refusal(text))
