"""Runs of a tiny student on a miniature of the embedded sample."""

import shutil

import pytest

import main_MMCL
from feeders.sample import make_sample
from tests.helpers import draw_nothing
from tests.program.support import command_line


@pytest.fixture(autouse=True)
def without_pictures(monkeypatch):
    draw_nothing(monkeypatch)


@pytest.fixture(scope='session')
def data(tmp_path_factory):
    """A folder with a few clips of each of the sample's actions."""
    folder = tmp_path_factory.mktemp('sample')
    make_sample(folder, clips_per_class=9)
    return folder


@pytest.fixture
def arguments(data, tmp_path):
    """arguments(folder, *more): the command line of a run in that folder of the test."""
    return lambda folder, *more: command_line(data, tmp_path / folder, *more)


@pytest.fixture
def run(arguments, tmp_path):
    """run(folder, *more) → the work directory of a run that must succeed."""

    def start(folder, *more):
        assert main_MMCL.main(arguments(folder, *more)) == 0
        return tmp_path / folder

    return start


@pytest.fixture(scope='session')
def one_epoch(data, tmp_path_factory):
    """The work directory of a run of one epoch, which several tests begin with."""
    folder = tmp_path_factory.mktemp('run') / 'a'
    with pytest.MonkeyPatch.context() as patch:
        draw_nothing(patch)
        assert main_MMCL.main(command_line(data, folder, '--num-epoch', 1)) == 0
    return folder


@pytest.fixture(scope='session')
def two_epochs(data, tmp_path_factory):
    """The work directory of a run of two epochs, with all that a run can leave, its pictures too."""
    folder = tmp_path_factory.mktemp('run') / 'a'
    assert main_MMCL.main(command_line(data, folder, '--pictures', True, '--save-score', 'True', '--log-json')) == 0
    return folder


@pytest.fixture
def trained(one_epoch, tmp_path):
    """A copy of it, the folder `a` of the test."""
    return shutil.copytree(one_epoch, tmp_path / 'a')
