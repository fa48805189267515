"""Settings: command line over YAML over defaults, and nothing unknown."""

import argparse
import os
import re

import pytest
import yaml

from main_MMCL import get_parser
from torchlight import config
from torchlight.command import Parser, boolean
from torchlight.config import DictAction, load_yaml, merge, parse
from torchlight.errors import InputError


@pytest.fixture
def parser(tmp_path):
    """A small parser of every kind of flag; its config is the file `x.yaml`."""
    parser = Parser()
    parser.add('--config', default=str(tmp_path / 'x.yaml'))
    parser.add('--base-lr', type=float, default=0.1)
    parser.add('--num-epoch', type=int, default=80)
    parser.add('--step', type=int, nargs='+', default=[])
    parser.add('--nesterov', type=boolean, default=False)
    parser.add('--assume-yes', type=boolean, nargs='?', const=True, default=False)
    parser.add('--optimizer', choices=('SGD', 'Adam'), default='SGD')
    parser.add('-model_saved_name', default='runs')
    parser.add('--model-args', action=DictAction, nargs='+', default={})
    return parser


def settings(parser, tmp_path, text, *argv):
    (tmp_path / 'x.yaml').write_text(text)
    return parse(parser, list(argv))


# --- priority ---


def test_command_line_over_yaml_over_defaults(parser, tmp_path):
    arg = settings(parser, tmp_path, 'num_epoch: 5\nbase_lr: 0.2', '--base-lr', '.3')
    assert (arg.base_lr, arg.num_epoch, arg.optimizer, arg.model_args) == (0.3, 5, 'SGD', {})


def test_a_base_comes_first_and_chains(tmp_path):
    known = {'a', 'b', 'c', 'd'}
    (tmp_path / 'deep').mkdir()
    (tmp_path / 'root.yaml').write_text('{a: 1, b: 1, c: 1, d: {x: 1, y: {p: 1}}}')
    (tmp_path / 'deep' / 'mid.yaml').write_text('{base: ../root.yaml, b: 2, c: 2, d: {z: 2, y: {q: 2}}}')
    (tmp_path / 'top.yaml').write_text('{base: deep/mid.yaml, c: 3, d: {x: 3}}')
    assert load_yaml(tmp_path / 'top.yaml', known) == {
        'a': 1,
        'b': 2,
        'c': 3,
        'd': {'x': 3, 'y': {'p': 1, 'q': 2}, 'z': 2},
    }


def test_circles_are_refused(tmp_path):
    (tmp_path / 'a.yaml').write_text('base: b.yaml')
    (tmp_path / 'b.yaml').write_text('base: ./a.yaml')
    with pytest.raises(InputError, match=r'a.yaml includes itself through base:'):
        load_yaml(tmp_path / 'a.yaml', {})


def test_a_base_is_a_file(tmp_path):
    for base in ('/dev/zero', '.', 'none.yaml'):
        (tmp_path / 'a.yaml').write_text(f'base: {base}')
        with pytest.raises(InputError, match='does not exist or is not a file'):
            load_yaml(tmp_path / 'a.yaml', {})


def test_merging_changes_neither():
    base, delta = {'a': {'x': 1}, 'b': 2}, {'a': {'y': 3}, 'b': {'z': 4}}
    assert merge(base, delta) == {'a': {'x': 1, 'y': 3}, 'b': {'z': 4}}
    assert (base, delta) == ({'a': {'x': 1}, 'b': 2}, {'a': {'y': 3}, 'b': {'z': 4}})


# --- YAML values ---


def test_yaml_values_take_their_flags_types(parser, tmp_path):
    arg = settings(parser, tmp_path, 'base_lr: 4e-4\nstep: 50\nnesterov: yes\nassume_yes: "False"\nmodel_saved_name: 7')
    assert arg.base_lr == 4e-4 and isinstance(arg.base_lr, float) and arg.step == [50]
    assert arg.nesterov is True and arg.assume_yes is False and arg.model_saved_name == '7'
    assert settings(parser, tmp_path, 'step: [3, 4]').step == [3, 4]
    assert settings(parser, tmp_path, 'base_lr: 1').base_lr == 1
    nested = settings(parser, tmp_path, 'model_args: {a: [4e-4, -1E5, 4.e+1], b: "4e-4", c: 4e, d: e4}').model_args
    assert nested == {'a': [4e-4, -1e5, 40], 'b': '4e-4', 'c': '4e', 'd': 'e4'}


@pytest.mark.parametrize(
    'text, message',
    [
        ('num_epochs: 3', "x.yaml has the unknown key 'num_epochs'; did you mean 'num_epoch'?"),
        ('zzz: 3', "x.yaml has the unknown key 'zzz'; expected one of base_lr, num_epoch, "),
        ('config: y.yaml', "x.yaml has the unknown key 'config'"),
        ('num_epoch: many', "x.yaml has num_epoch: 'many', which --num_epoch does not accept"),
        ('num_epoch: 1.5', 'x.yaml has num_epoch: 1.5, which --num_epoch does not accept'),
        ('num_epoch: [1]', 'x.yaml has num_epoch: [1], which --num_epoch does not accept'),
        ('step: [1, x]', "x.yaml has step: [1, 'x'], which --step does not accept"),
        ('nesterov: maybe', "x.yaml has nesterov: 'maybe', which --nesterov does not accept"),
        ('optimizer: LBFGS', "x.yaml has optimizer: 'LBFGS', not one of SGD, Adam"),
        ('model_args: 3', 'x.yaml has model_args: 3; expected key: value pairs'),
        ('base: none.yaml', 'none.yaml does not exist'),
        ('[1, 2]', 'x.yaml has no settings of the form key: value'),
        ('', 'x.yaml has no settings of the form key: value'),
        ('num_epoch: 1\nbase_lr: 1\nnum_epoch: 2', "x.yaml line 3: the key 'num_epoch' is already in line 1"),
        ('model_args: {a: 1, a: 2}', "x.yaml line 1: the key 'a' is already in line 1"),
        ('model_args: &a {b: *a}', 'x.yaml line 1: *a contains itself'),
        ('model_args: {a: ' + '[' * 60, 'x.yaml line 1: lists and mappings are inside each other more than 50 deep'),
        ('model_saved_name: "a\\0b"', 'x.yaml line 1: a value contains the character NUL'),
        ('num_epoch: True', 'x.yaml has num_epoch: True, which --num_epoch does not accept'),
        ('a: [', 'x.yaml is not YAML: '),
        ('a: !!python/object/apply:os.system [true]', 'x.yaml is not YAML: could not determine a constructor'),
    ],
)
def test_wrong_files_are_refused_in_one_line(parser, tmp_path, text, message):
    with pytest.raises(InputError, match=re.escape(message)) as error:
        settings(parser, tmp_path, text)
    assert '\n' not in str(error.value)


@pytest.mark.parametrize('text', ['allow_imports: evil', 'allow_imports: [evil]', 'allow_imports: []'])
def test_no_file_trusts_itself(parser, tmp_path, text):
    parser.add('--allow-imports', nargs='+', default=[])
    (tmp_path / 'root.yaml').write_text(text)
    for content, file in ((text, 'x.yaml'), ('base: root.yaml', 'root.yaml')):
        message = f'{file} has allow_imports, which no file may set; give it on the command line: --allow-imports'
        with pytest.raises(InputError, match=message):
            settings(parser, tmp_path, content)
    arg = settings(parser, tmp_path, 'num_epoch: 1', '--allow-imports', 'mine', 'ours.nets')
    assert arg.allow_imports == ['mine', 'ours.nets'] and 'allow_imports' not in config.dump(arg, '')


def test_an_unknown_key_is_blamed_on_its_own_file(parser, tmp_path):
    (tmp_path / 'root.yaml').write_text('baselr: 3')
    with pytest.raises(InputError, match=r"root.yaml has the unknown key 'baselr'; did you mean 'base_lr'"):
        settings(parser, tmp_path, 'base: root.yaml')


def test_a_missing_config_is_refused_with_the_nearest_of_the_folder(parser, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / 'config' / 'sample').mkdir(parents=True)
    (tmp_path / 'config' / 'sample' / 'joint.yaml').write_text('a: 1')
    for path in ('config/sampel/joint.yaml', 'config/sample/joint.yml'):
        with pytest.raises(InputError, match=rf"{path}: No such file .*; did you mean 'config/sample/joint.yaml'\?$"):
            parse(parser, ['--config', path], tmp_path / 'config')


def test_a_missing_config_is_refused(parser):
    with pytest.raises(InputError, match=r'cannot read the config none.yaml: No such file'):
        parse(parser, ['--config', 'none.yaml'])


# --- the command line ---


@pytest.mark.parametrize(
    'argv, message',
    [
        (['--numepoch', '3'], '--numepoch'),
        (['--num-epoch', 'x'], "invalid int value: 'x'"),
        (['--optimizer', 'LBFGS'], 'invalid choice'),
        (['--nesterov', 'maybe'], "'maybe' is neither true nor false"),
        (['--model-args', 'a'], "--model-args has 'a'; expected key=value"),
        (['--model-args', '=3'], "--model-args has '=3'; expected key=value"),
        (['--model_args', 'a=[1'], "--model_args has 'a=[1'; expected a YAML scalar or list as its value"),
        (['--model-args', 'a={b: 1, b: 2}'], "as its value (value line 1: the key 'b' is already in line 1"),
        (['--model-args', 'a=' + '[' * 60], 'lists and mappings are inside each other more than 50 deep'),
        (['--model-args', 'a=&a [*a]'], '*a contains itself'),
    ],
)
def test_wrong_words_are_refused_in_one_line(parser, tmp_path, argv, message):
    with pytest.raises(InputError, match=re.escape(message)) as error:
        settings(parser, tmp_path, 'num_epoch: 1', *argv)
    assert '\n' not in str(error.value)


@pytest.mark.parametrize(
    'words, value',
    [
        (['a=1,b=[x, y]'], {'a': 1, 'b': ['x', 'y']}),
        (['a=1', 'b=2'], {'a': 1, 'b': 2}),
        (['a=x.npz,b=True,c=[0.5,1]'], {'a': 'x.npz', 'b': True, 'c': [0.5, 1]}),
        (['a=None,b=null,c='], {'a': None, 'b': None, 'c': None}),
        (['a="1",b=\'x\''], {'a': '1', 'b': 'x'}),
        (['a=[[1, 2], [3]],b={p: 1, q: 2}'], {'a': [[1, 2], [3]], 'b': {'p': 1, 'q': 2}}),
        (['a=4e-4,b=-3'], {'a': 4e-4, 'b': -3}),
        (['a=x=y'], {'a': 'x=y'}),
        (['a=1,a=2'], {'a': 2}),
    ],
)
def test_pairs(parser, tmp_path, words, value):
    assert settings(parser, tmp_path, 'num_epoch: 1', '--model-args', *words).model_args == value


def test_pairs_add_to_the_yaml_files(parser, tmp_path):
    text = 'model_args: {a: 1, b: {p: 1, q: 1}, c: [1]}'
    arg = settings(parser, tmp_path, text, '--model-args', 'a=2', 'b={q: 3}', '--model-args', 'd=4')
    assert arg.model_args == {'a': 2, 'b': {'p': 1, 'q': 3}, 'c': [1], 'd': 4}
    assert settings(parser, tmp_path, text).model_args == {'a': 1, 'b': {'p': 1, 'q': 1}, 'c': [1]}


def test_nothing_is_evaluated(parser, tmp_path, monkeypatch):
    monkeypatch.setattr(os, 'system', lambda command: pytest.fail(f'ran {command}'))
    text = "__import__('os').system('touch x')"
    assert settings(parser, tmp_path, 'num_epoch: 1', '--model-args', f'a={text}').model_args == {'a': text}
    with pytest.raises(InputError, match='expected a YAML scalar or list'):
        settings(parser, tmp_path, 'num_epoch: 1', '--model-args', 'a=!!python/object/apply:os.system [x]')


@pytest.mark.parametrize(
    'word, value',
    [
        ('True', True),
        ('yes', True),
        ('1', True),
        ('t', True),
        ('FALSE', False),
        ('no', False),
        ('0', False),
        ('n', False),
        (True, True),
        (False, False),
    ],
)
def test_booleans(word, value):
    assert boolean(word) is value


def test_new_booleans_stand_alone(parser, tmp_path):
    assert settings(parser, tmp_path, 'num_epoch: 1', '--assume-yes').assume_yes is True
    assert settings(parser, tmp_path, 'assume_yes: True', '--assume-yes', 'no').assume_yes is False
    with pytest.raises(InputError, match='expected one argument'):
        settings(parser, tmp_path, 'num_epoch: 1', '--nesterov')


def test_each_flag_has_both_spellings():
    flags = [flag for action in get_parser()._actions for flag in action.option_strings if flag.startswith('--')]
    assert '--work-dir' in flags and '--warm_up_epoch' in flags and '--help' in flags
    for flag in flags:
        assert {'--' + flag[2:].replace('-', '_'), '--' + flag[2:].replace('_', '-')} <= set(flags)
    assert '-model_saved_name' in get_parser().settings()['model_saved_name'].option_strings


def test_dest_is_the_yaml_key(parser, tmp_path):
    for flag in ('--num-epoch', '--num_epoch'):
        assert settings(parser, tmp_path, 'base_lr: 1', flag, '3').num_epoch == 3
    for flag in ('-model_saved_name', '--model-saved-name', '--model_saved_name'):
        assert settings(parser, tmp_path, 'base_lr: 1', flag, 'x').model_saved_name == 'x'


# --- writing ---


@pytest.mark.parametrize(
    'argv',
    [
        [],
        [
            '--base-lr',
            '4e-4',
            '--step',
            '1',
            '2',
            '--assume-yes',
            '--model-args',
            'a=[x, None],b={c: "1"},d=None,e=ü',
            'f="4e-4",g=4e-4,h=""',
        ],
    ],
)
def test_what_is_dumped_loads_to_the_same_settings(parser, tmp_path, argv):
    arg = settings(parser, tmp_path, 'num_epoch: 3\nmodel_args: {z: {y: [1.0e-5]}}', *argv)
    text = config.dump(arg, "main_MMCL.py 'a b'")
    assert text.startswith("# command line: main_MMCL.py 'a b'\n")
    again = settings(parser, tmp_path, text)
    assert vars(again) == {**vars(arg), 'assume_yes': False}  # one command's yes is not the next one's


def test_the_whole_programs_settings_load_again(tmp_path):
    (tmp_path / 'x.yaml').write_text('device: 0\nshow_topk: [1, 5]\nweight_decay: 4e-4')
    arg = parse(get_parser(), ['--config', str(tmp_path / 'x.yaml'), '--device', 'cpu'])
    (tmp_path / 'x.yaml').write_text(config.dump(arg, 'main_MMCL.py'))
    again = parse(get_parser(), ['--config', str(tmp_path / 'x.yaml')])
    assert vars(again) == vars(arg) and arg.device == ['cpu'] and arg.weight_decay == 4e-4
    assert isinstance(arg, argparse.Namespace) and 'config' not in yaml.safe_load((tmp_path / 'x.yaml').read_text())


@pytest.mark.parametrize(
    'text, pairs',
    [
        ('a="x,y",b=1', {'a': 'x,y', 'b': 1}),
        (r'a="\"",b="\\",c="\",d=1"', {'a': '"', 'b': '\\', 'c': '",d=1'}),
        ("a=it's,b=isn't,c='it''s, y'", {'a': "it's", 'b': "isn't", 'c': "it's, y"}),
        ('b=1,edges=[[1, 0],[2, 1]],c=[3,4]', {'b': 1, 'edges': [[1, 0], [2, 1]], 'c': [3, 4]}),
        (
            "made={encoder: x, prompt: 'is it, then?'},d=None",
            {'made': {'encoder': 'x', 'prompt': 'is it, then?'}, 'd': None},
        ),
    ],
)
def test_commas_inside_brackets_and_quotes_do_not_part(text, pairs):
    assert config.parse_pairs(text, '--model-args') == pairs
