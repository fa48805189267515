"""The front door: exit statuses, one line on stderr, both spellings of every flag."""

import argparse
import os
import re
import signal
import subprocess
import sys
import time

import pytest

from tests.helpers import ROOT
from torchlight.command import Parser, boolean, count, filled, not_negative, positive, run_command, share
from torchlight.errors import InputError
from torchlight.interruption import deferred

WAIT = 'import sys, time\nfrom torchlight.command import run_command\n'
WAIT += 'def run(argv):\n    print("ready", flush=True)\n    time.sleep(60)\n'
WAIT += 'sys.exit(run_command(run, None, "run it again"))'


def raising(error):
    def run(argv):
        raise error

    return run


@pytest.mark.parametrize(('result', 'status'), [(None, 0), (0, 0), (1, 1)])
def test_a_command_ends_with_the_status_it_gives(result, status, capsys):
    assert run_command(lambda argv: result, []) == status
    assert capsys.readouterr() == ('', '')


@pytest.mark.parametrize('error', [InputError('x is wrong'), OSError('x is wrong'), FileNotFoundError('x is wrong')])
def test_a_user_error_is_one_line_and_status_2(error, capsys):
    assert run_command(raising(error), []) == 2
    assert capsys.readouterr() == ('', 'error: x is wrong\n')


@pytest.mark.parametrize(
    ('error', 'text'),
    [
        (MemoryError(), 'out of memory; try a lower --batch-size, or fewer --num-worker'),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried"), 'out of memory; try a lower --batch'),
        (RuntimeError('DataLoader worker (pid 7) is killed by signal: Killed.'), 'a data-loading process was killed'),
    ],
)
def test_what_a_machine_has_too_little_of_is_one_line_and_status_2(error, text, capsys):
    assert run_command(raising(error), []) == 2
    said = capsys.readouterr().err
    assert said.startswith(f'error: {text}') and said.count('\n') == 1


def test_a_mistake_of_the_program_is_not_hidden():
    with pytest.raises(ZeroDivisionError):
        run_command(lambda argv: 1 / 0, [])


def test_ctrl_c_is_status_130_with_what_to_do(capsys):
    assert run_command(raising(KeyboardInterrupt()), [], 'run it again') == 130
    assert capsys.readouterr().err == 'interrupted; run it again\n'
    assert run_command(raising(KeyboardInterrupt()), []) == 130
    assert capsys.readouterr().err == 'interrupted\n'


@pytest.mark.parametrize(
    ('number', 'status', 'text'),
    [(signal.SIGINT, 130, 'interrupted; run it again\n'), (signal.SIGTERM, 143, 'terminated; run it again\n')],
)
def test_signals_end_a_process_with_their_status(number, status, text):
    pipes = {'stdout': subprocess.PIPE, 'stderr': subprocess.PIPE, 'text': True}
    with subprocess.Popen([sys.executable, '-c', WAIT], cwd=ROOT, **pipes) as process:
        assert process.stdout.readline() == 'ready\n'
        process.send_signal(number)
        assert process.communicate(timeout=30)[1] == text
        assert process.returncode == status


def test_the_former_handling_of_sigterm_comes_back():
    former = signal.getsignal(signal.SIGTERM)
    inside = []
    run_command(lambda argv: inside.append(signal.getsignal(signal.SIGTERM)), [])
    assert signal.getsignal(signal.SIGTERM) is former and inside != [former]


def test_under_torchrun_sigterm_ends_the_process_at_once(monkeypatch):
    monkeypatch.setenv('TORCHELASTIC_RUN_ID', 'x')
    former, inside = signal.getsignal(signal.SIGTERM), []
    run_command(lambda argv: inside.append(signal.getsignal(signal.SIGTERM)), [])
    assert inside == [former]


def test_a_reader_that_has_enough_ends_the_command_quietly():
    text = 'import sys\nfrom torchlight.command import run_command\n'
    text += 'def run(argv):\n    for i in range(200000): print(i)\n'
    text += 'sys.exit(run_command(run))'
    command = f'{sys.executable} -c "$TEXT" | head -1; exit ${{PIPESTATUS[0]}}'
    pipes = {'capture_output': True, 'text': True, 'cwd': ROOT, 'env': {**os.environ, 'TEXT': text}}
    done = subprocess.run(['bash', '-c', command], timeout=60, **pipes)
    assert (done.returncode, done.stdout, done.stderr) == (141, '0\n', '')


def test_a_pipe_that_breaks_after_the_work_is_done_is_success():
    text = 'import sys\nfrom torchlight.command import run_command\n'
    text += 'sys.exit(run_command(lambda argv: print(1)))'
    command = f'{sys.executable} -c "$TEXT" | true; exit ${{PIPESTATUS[0]}}'
    environment = {**os.environ, 'TEXT': text, 'PYTHONUNBUFFERED': ''}
    pipes = {'capture_output': True, 'text': True, 'cwd': ROOT, 'env': environment}
    done = subprocess.run(['bash', '-c', command], timeout=60, **pipes)
    assert (done.returncode, done.stderr) == (0, '')


@pytest.mark.parametrize(
    ('action', 'status'),
    [
        ("print('a warning', file=sys.stderr)", 141),
        ("print('a row', flush=True)", 141),
        ("exec('raise InputError(1)')", 2),
        ('os.kill(os.getpid(), 15)', 143),
    ],
)
def test_a_reader_of_both_outputs_that_is_gone_ends_a_command_quietly(action, status):
    text = f'import os, sys\nfrom torchlight.command import InputError, run_command\nrun = lambda argv: {action}\n'
    text += 'sys.exit(run_command(run))'
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run([sys.executable, '-c', text], timeout=60, cwd=ROOT, stdout=writer, stderr=writer)
    os.close(writer)
    assert done.returncode == status


def test_an_error_that_follows_sigterm_does_not_hide_it(capsys):
    def run(argv):
        try:
            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(5)
        finally:
            raise RuntimeError('a worker was killed')

    assert run_command(run, [], 'run it again') == 143
    assert capsys.readouterr().err == 'terminated; run it again\n'


@pytest.mark.parametrize(('error', 'status'), [(InputError('the disk is full'), 2), (KeyError('a bug'), None)])
def test_what_fails_while_a_run_stops_is_not_hidden_by_the_signal(error, status, capsys):
    def run(argv):
        with deferred():
            os.kill(os.getpid(), signal.SIGTERM)
            raise error

    if status is None:
        with pytest.raises(KeyError):
            run_command(run, [])
    else:
        assert run_command(run, []) == status and capsys.readouterr().err == 'error: the disk is full\n'


@pytest.fixture
def parser():
    """A parser with a subcommand."""
    parser = Parser(prog='x')
    parser.add('--work-dir', default='w')
    commands = parser.add_subparsers(metavar='command')
    commands.add_parser('make').add('--allow_missing', action='store_true')
    return parser


@pytest.mark.parametrize('flag', ['--work-dir', '--work_dir'])
def test_both_spellings_of_a_flag_are_accepted(parser, flag):
    assert parser.parse_args([flag, 'a']).work_dir == 'a'


@pytest.mark.parametrize('flag', ['--allow-missing', '--allow_missing'])
def test_subcommands_know_both_spellings_too(parser, flag):
    assert parser.parse_args(['make', flag]).allow_missing


@pytest.mark.parametrize(
    ('argv', 'text'),
    [
        (['--workdir=a'], "unknown argument '--workdir'; did you mean '--work_dir'? (see --help)"),
        (['--work=a'], "unknown argument '--work'; did you mean '--work_dir'? (see --help)"),
        (['make', '--allow-mising'], "unknown argument '--allow-mising'; did you mean '--allow-missing'? (see --help)"),
        (['--work-dir'], 'argument --work-dir/--work_dir: expected one argument (see --help)'),
    ],
)
def test_a_wrong_command_line_is_one_line_with_the_nearest_flag(parser, argv, text, capsys):
    with pytest.raises(InputError) as error:
        parser.parse_args(argv)
    assert str(error.value) == text and capsys.readouterr().err == ''


def test_flags_can_be_put_under_a_title():
    parser = Parser(prog='x')
    parser.section('data')
    parser.add('--batch-size')
    assert re.search(r'\ndata:\n\s+--batch-size', parser.format_help())
    assert set(parser.settings()) == {'batch_size'}


@pytest.mark.parametrize(
    ('kind', 'word', 'value'),
    [
        (count, '0', 0),
        (positive, '1', 1),
        (not_negative, '4e-4', 4e-4),
        (share, '0.9', 0.9),
        (filled, 'x', 'x'),
        (boolean, 'no', False),
    ],
)
def test_values_are_converted(kind, word, value):
    assert kind(word) == value


@pytest.mark.parametrize(
    ('kind', 'word', 'text'),
    [
        (count, '-1', "'-1' must be an integer ≥ 0"),
        (positive, '0', "'0' must be an integer ≥ 1"),
        (count, '9' * 20, f"'{'9' * 20}' must be an integer ≥ 0 and ≤ {2**63 - 1}"),
        (positive, '1.5', "'1.5' must be an integer ≥ 1"),
        (not_negative, 'nan', "'nan' must be a number ≥ 0"),
        (not_negative, 'inf', "'inf' must be a number ≥ 0"),
        (share, '1', "'1' must be a number ≥ 0 and < 1"),
        (share, '-0.1', "'-0.1' must be a number ≥ 0"),
        (filled, '', 'the value must not be empty'),
        (boolean, 'maybe', "'maybe' is neither true nor false"),
    ],
)
def test_values_of_another_form_are_refused(kind, word, text):
    with pytest.raises(argparse.ArgumentTypeError) as error:
        kind(word)
    assert str(error.value) == text
