"""Laws of settings: which of several wins, and that what is written loads again."""

import copy
import json

import yaml
from hypothesis import given
from hypothesis import strategies as st

from tests.properties.laws import texts, tried
from torchlight import config
from torchlight.command import Parser, boolean
from torchlight.config import DictAction, load_yaml, merge, parse, parse_pairs
from torchlight.yaml_file import Dumper, read_yaml

LOOKALIKES = ['1e-4', '-1E5', '1_000', '0x1F', '0o7', '1:30', '.inf', '.NaN', 'yes', 'Off', 'null', '~', '', '=', '<<']
LOOKALIKES += ['2001-01-01', '- a', 'a: b', 'a #b', '#', "'", '"', '[', '{a', '&a', '*a', '!a', '|', '>', '%', '@', '`']
strings = st.sampled_from(LOOKALIKES) | texts
numbers = st.integers() | st.floats(allow_nan=False)
scalars = st.none() | st.booleans() | numbers | strings
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(strings, inner, max_size=3), max_leaves=6
)
CONTROLS = ['Cc', 'Cs', 'Zl', 'Zp']  # YAML takes most of them only as \u…, and some end its lines
finite = st.integers() | st.floats(allow_nan=False, allow_infinity=False)
characters = st.characters(exclude_categories=CONTROLS, exclude_characters='\ufeff\ufffe\uffff')
words = st.text(st.sampled_from('",\'[]{}:=#\\ aü'), max_size=6) | st.text(characters, max_size=8)


def layers_of(depth):
    """Files of one program, which agree on the settings that are mappings: here those of capital letters."""
    plain = dict.fromkeys('ab', scalars | st.lists(scalars, max_size=2))
    inner = dict.fromkeys('AB', layers_of(depth - 1)) if depth else {}
    return st.fixed_dictionaries({}, optional=plain | inner)


layers = layers_of(2)


def is_same(a, b):
    """Whether values are equal and of the same types: 1, 1.0 and True are not."""
    return repr(a) == repr(b)


def write(path, content):
    path.write_text(yaml.dump(content, Dumper=Dumper, sort_keys=False, allow_unicode=True))
    return path


# --- merging ---


@tried(40)
@given(layers, layers, layers)
def test_merging_three_files_does_not_depend_on_which_two_come_first(a, b, c):
    assert merge(merge(a, b), c) == merge(a, merge(b, c))


@tried(40)
@given(layers, layers)
def test_merging_is_idempotent_has_a_unit_and_changes_nothing(a, b):
    before = copy.deepcopy((a, b))
    merged = merge(a, b)
    assert merge(a, a) == merge(a, {}) == merge({}, a) == a
    assert merge(merged, b) == merged and set(merged) == set(a) | set(b)
    assert (a, b) == before


@tried(40)
@given(layers, layers)
def test_each_value_is_that_of_the_last_file_that_has_it(a, b):
    def leaves(tree, path=()):
        for key, value in tree.items():
            yield from leaves(value, (*path, key)) if isinstance(value, dict) else [((*path, key), value)]

    assert dict(leaves(merge(a, b))) == dict(leaves(a)) | dict(leaves(b))


@tried(20)
@given(layers, layers, layers)
def test_a_chain_of_bases_is_a_merge_and_a_file_that_says_nothing_changes_nothing(tmp_path, a, b, c):
    write(tmp_path / 'a.yaml', a or {'a': 0})
    write(tmp_path / 'b.yaml', {'base': 'a.yaml', **b})
    write(tmp_path / 'nothing.yaml', {'base': 'b.yaml'})
    write(tmp_path / 'c.yaml', {'base': 'nothing.yaml', **c})
    assert load_yaml(tmp_path / 'c.yaml', 'abcAB') == merge(merge(a or {'a': 0}, b), c)


# --- priority and types ---


FLAGS = {
    'base_lr': ({'type': float, 'default': 0.1}, st.floats(allow_nan=False)),
    'num_epoch': ({'type': int, 'default': 80}, st.integers()),
    'nesterov': ({'type': boolean, 'default': False}, st.booleans()),
    'model': ({'default': 'x'}, strings),
    'step': ({'type': int, 'nargs': '+', 'default': []}, st.lists(st.integers(), min_size=1, max_size=3)),
    'device': ({'nargs': '+', 'default': ['0']}, st.lists(strings, min_size=1, max_size=3)),
}
in_files = st.fixed_dictionaries({}, optional={name: value for name, (_, value) in FLAGS.items()})
in_commands = in_files.map(lambda found: {key: value for key, value in found.items() if not isinstance(value, list)})
pairs = st.dictionaries(st.sampled_from(['drop_out', 'graph', 'ü']), values, max_size=3)


def parsed(path, *argv):
    """The settings of a program with these flags."""
    parser = Parser()
    parser.add('--config', default=str(path))
    for name, (options, _) in FLAGS.items():
        parser.add(f'--{name}', **options)
    parser.add('--model-args', action=DictAction, nargs='+', default={})
    return parse(parser, argv)


@tried(40)
@given(in_files, in_commands)
def test_the_command_line_wins_over_the_file_and_the_file_over_the_default(tmp_path, written, told):
    path = write(tmp_path / 'x.yaml', {'num_epoch': 80, **written})
    arg = parsed(path, *(f'--{name}={value}' for name, value in told.items()))
    expected = {name: options['default'] for name, (options, _) in FLAGS.items()} | written | told
    assert is_same({name: getattr(arg, name) for name in FLAGS}, expected)


@tried(40)
@given(in_files, pairs, strings)
def test_what_a_run_writes_loads_to_the_same_settings(tmp_path, written, model_args, command_line):
    path = write(tmp_path / 'x.yaml', {'num_epoch': 80, **written, 'model_args': model_args})
    arg = parsed(path)
    path.write_text(config.dump(arg, command_line))
    again = parsed(path)
    assert is_same(vars(again), vars(arg)) and is_same(again.model_args, model_args)


@tried(100)
@given(values)
def test_what_is_written_as_yaml_is_read_back(value):
    assert is_same(read_yaml(yaml.dump(value, Dumper=Dumper, sort_keys=False), 'x'), value)


@tried(100)
@given(st.dictionaries(st.sampled_from('abc'), st.none() | finite | words | st.lists(words, max_size=2), max_size=3))
def test_values_on_the_command_line_may_contain_anything_in_quotes(given_):
    text = ','.join(f'{key}={json.dumps(value, ensure_ascii=False)}' for key, value in given_.items())
    assert is_same(parse_pairs(text, '--model-args') if given_ else {}, given_)
