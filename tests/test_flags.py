"""The flags: their choices and defaults are those of the modules they are for, and --help is complete and quick."""

import os
import subprocess
import sys

import pytest

from config import flags
from feeders.transforms import STREAMS
from model import MMCL, engines
from tests.helpers import ROOT
from torchlight import distributed, optim

SETTINGS = flags.get_parser().settings()


def help_of(columns):
    """The lines of --help on a screen of that width."""
    environment = {**os.environ, 'COLUMNS': str(columns)}
    command = [sys.executable, 'main_MMCL.py', '--help']
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True).stdout


@pytest.mark.parametrize(
    'flag, choices',
    [
        ('stream', STREAMS),
        ('amp', distributed.AMP),
        ('optimizer', optim.OPTIMIZERS),
        ('lr_schedule', optim.SCHEDULES),
        ('engine', ['torch', *engines.ENGINES]),
        ('engine_precision', engines.PRECISIONS),
    ],
)
def test_choices_are_those_of_the_module_that_a_setting_is_for(flag, choices):
    assert list(SETTINGS[flag].choices) == list(choices)


def test_the_losses_have_the_published_weights():
    assert (SETTINGS['lambda_align'].default, SETTINGS['lambda_refine'].default) == (
        MMCL.LAMBDA_ALIGN,
        MMCL.LAMBDA_REFINE,
    )


def test_each_flag_is_explained_by_a_sentence_with_its_default():
    text = ' '.join(flags.get_parser().format_help().split())
    for name, action in SETTINGS.items():
        assert action.help[0].isupper() and action.help.endswith('.'), name
        if action.default not in (None, [], {}):
            assert 'default' in text[text.index(f'{action.option_strings[0]} ') :].split('. -')[0], name


def test_help_fits_80_columns_and_shows_one_spelling_of_each_flag():
    text = help_of(80)
    assert max(map(len, text.splitlines())) <= 80
    assert '--work-dir' in text and '--work_dir' not in text
    assert 'Optimiser; SGD has momentum 0.9 (default: SGD).' in ' '.join(text.split())


def test_help_is_shown_without_importing_pytorch():
    code = "import sys; sys.argv = ['main_MMCL.py', '--help']; import runpy; "
    code += "sys.modules['torch'] = None; runpy.run_path('main_MMCL.py', run_name='__main__')"
    assert subprocess.run([sys.executable, '-c', code], cwd=ROOT, capture_output=True).returncode == 0
