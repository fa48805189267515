"""`python -m feeders.prepare`: its commands, flags and errors."""

import subprocess
import sys

import pytest

from feeders.prepare import __main__ as front
from feeders.prepare.__main__ import main
from tests.helpers import ROOT, refused

COMMANDS = (
    'ntu60 ntu120 ucla nw-ucla utd-mhad sysu shrec17 dhg import-npz import-pyskl custom frames names inspect'.split()
)


def test_without_a_command_there_is_one_line_that_names_them(capsys):
    error = refused(capsys, main, [])
    assert error.startswith('error: no command is given; expected one of ntu60, ')
    assert all(f' {command}' in error for command in COMMANDS)


def test_the_program_ends_with_the_status_and_one_line():
    done = subprocess.run([sys.executable, '-m', 'feeders.prepare'], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 2 and not done.stdout
    assert done.stderr.startswith('error: no command') and done.stderr.count('\n') == 1


@pytest.mark.parametrize(
    'words, message',
    [
        (['nothing'], "invalid choice: 'nothing'"),
        (['ntu'], "; did you mean 'ntu60'? (see --help)"),
        (['ntu60'], 'the following arguments are required: --raw, --out (see --help)'),
        (
            ['ntu60', '--raw', 'a', '--out', 'b', '--exlude', 'c'],
            "unknown argument '--exlude'; did you mean '--exclude'?",
        ),
        (['ntu60', '--raw', 'a', '--out', 'b', '--num-worker', '-1'], "'-1' must be an integer ≥ 0"),
        (['sysu', '--raw', 'a', '--out', 'b', '--joints', '7'], 'invalid choice: 7 (choose from 20, 25)'),
    ],
)
def test_wrong_words_are_one_line_and_status_2(capsys, words, message):
    assert message in refused(capsys, main, words)


@pytest.mark.parametrize('command', COMMANDS)
def test_every_flag_has_a_help_line_and_both_spellings(command, capsys):
    with pytest.raises(SystemExit) as ended:
        main([command, '--help'])
    assert ended.value.code == 0 and 'usage: python -m feeders.prepare ' in capsys.readouterr().out
    parser = next(action for action in front.get_parser()._actions if action.dest == 'command').choices[command]
    for action in parser._actions:
        assert action.help and not action.help.endswith('.')
        for flag in filter(lambda flag: flag.startswith('--'), action.option_strings):
            assert f'--{flag[2:].replace("-", "_")}' in action.option_strings
            assert f'--{flag[2:].replace("_", "-")}' in action.option_strings


def test_both_spellings_of_a_flag_mean_the_same():
    words = ['import-npz', '--npz', 'a', '--dataset', 'ntu60', '--out', 'b']
    dashes, underscores = (
        '--num-worker 3 --train-names x --allow-missing',
        '--num_worker 3 --train_names x --allow_missing',
    )
    a, b = (front.get_parser().parse_args([*words, *flags.split()]) for flags in (dashes, underscores))
    assert a == b and (a.num_worker, a.train_names, a.allow_missing) == (3, 'x', True)
