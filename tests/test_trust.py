"""A config from a stranger: whatever it names, no code runs but the program's own and that of admitted modules."""

import os
import subprocess
import sys

import pytest
import yaml

import main_MMCL
from feeders import feeder_MMCL
from feeders.loading import make_loader
from feeders.sample import make_sample
from graph import ntu_rgb_d
from model import ctrgcn
from tests.helpers import ROOT, refused
from torchlight import config, imports
from torchlight.errors import InputError

SAMPLE = ROOT / 'config' / 'sample' / 'joint.yaml'
SIZES = {'num_class': 12, 'num_point': 25, 'num_person': 2}


class Feeder(feeder_MMCL.Feeder):
    """A feeder of the user's own."""


class Graph(ntu_rgb_d.Graph):
    """A skeleton of the user's own."""


class Model(ctrgcn.Model):
    """A network of the user's own."""


@pytest.fixture(scope='module')
def data(tmp_path_factory):
    """A folder with a few clips of each of the sample's actions."""
    folder = tmp_path_factory.mktemp('data')
    make_sample(folder, clips_per_class=9)
    return folder


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The current folder, with modules that make the file `made` when they are imported; none is admitted."""
    (tmp_path / 'evil').mkdir()
    for file in ('evil/__init__.py', 'evil/sub.py'):
        (tmp_path / file).write_text("open('made', 'w')\nclass Feeder:\n    pass\n")
    monkeypatch.chdir(tmp_path), monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(imports, '_admitted', set(imports.PACKAGES))
    return tmp_path


@pytest.fixture
def places(tmp_path, monkeypatch):
    """places(folder of the YAML file, work_dir) → the setting; the current folder is `here`."""
    for folder in ('here/work', 'run/deeper'):
        (tmp_path / folder).mkdir(parents=True)
    monkeypatch.chdir(tmp_path / 'here')

    def load(folder, value, *argv, key='work_dir'):
        path = tmp_path / folder / 'y.yaml'
        path.write_text(yaml.safe_dump({key: value.format(tmp_path)}))
        return getattr(config.parse(main_MMCL.get_parser(), ['--config', str(path), *argv]), key)

    return load


@pytest.mark.parametrize(
    'value', ['{}/elsewhere', '{}/here2', '../elsewhere', '..', 'work/../../elsewhere', '/', '/etc', '{}/run/../here2']
)
@pytest.mark.parametrize('key', ['work_dir', 'model_saved_name', 'output', 'figure'])
def test_a_file_cannot_lead_the_run_out_of_the_folder(places, tmp_path, value, key):
    with pytest.raises(InputError) as error:
        places('run', value, key=key)
    value = value.format(tmp_path)
    flag = f'--{key.replace("_", "-")}'
    assert f'y.yaml has {key}: {value!r}, which leads outside the current folder' in str(error.value)
    assert str(error.value).endswith(f'give it on the command line: {flag} {value}')


@pytest.mark.parametrize(
    'value', ['work', './a/b', '{}/here/work', 'work/..', '../here/x', '{}/run', '../run', '../run/x']
)
def test_a_file_may_name_the_current_folder_and_its_own(places, tmp_path, value):
    assert places('run', value) == value.format(tmp_path)


def test_the_command_line_may_lead_anywhere(places, tmp_path):
    assert places('run', 'work', '--work-dir', str(tmp_path / 'elsewhere')) == str(tmp_path / 'elsewhere')


@pytest.mark.parametrize('key', ['work_dir', 'model_saved_name', 'output', 'figure'])
def test_the_command_line_overrides_a_file_that_leads_outside(places, tmp_path, key):
    for spelling in (f'--{key}', f'--{key.replace("_", "-")}'):
        assert places('run', '{}/elsewhere', spelling, '/tmp/mine', key=key) == '/tmp/mine'
        assert places('run', '{}/elsewhere', f'{spelling}={tmp_path}/elsewhere', key=key) == f'{tmp_path}/elsewhere'


def test_a_link_in_the_current_folder_is_the_users_own(places, tmp_path):
    (tmp_path / 'scratch').mkdir()
    (tmp_path / 'here' / 'big').symlink_to(tmp_path / 'scratch')
    assert places('run', 'big/a') == 'big/a'
    with pytest.raises(InputError, match='leads outside'):
        places('run', 'big/../b')


def own_classes(folder, data):
    """The flags of a tiny run of this module's feeder, graph and network, without --allow-imports."""
    clips = f'data_path={data}/skeletons.h5,window_size=16,graph={__name__}.Graph'
    flags = ['--config', SAMPLE, '--device', 'cpu', '--work-dir', folder / 'run', '--feeder', f'{__name__}.Feeder']
    flags += ['--train-feeder-args', f'{clips},video_path=None,text_path=None', '--test-feeder-args', clips]
    flags += ['--model-args', f'backbone={__name__}.Model,base_channel=8,graph={__name__}.Graph', '--num-worker', 0]
    flags += ['--batch-size', 4, '--num-epoch', 1, '--warm_up_epoch', 0, '--save-epoch', 0]
    return [str(flag) for flag in flags]


def test_classes_of_ones_own_train_and_test_after_the_flag(folder, data, capsys, monkeypatch):
    assert f'add --allow-imports {__name__} to the command' in refused(
        capsys, main_MMCL.main, own_classes(folder, data)
    )
    assert main_MMCL.main([*own_classes(folder, data), '--allow-imports', 'tests']) == 0
    run = folder / 'run'
    saved = (run / 'config.yaml').read_text()
    assert f'{__name__}.Feeder' in saved and f'work_dir: {run}' in saved and 'allow_imports:' not in saved
    assert 'best.pt --allow-imports tests' in (run / 'log.txt').read_text()

    monkeypatch.chdir(folder / 'evil')  # from there, the work_dir of the saved config.yaml is outside
    test = ['--config', str(run / 'config.yaml'), '--phase', 'test', '--weights', str(run / 'best.pt')]
    imports._admitted.remove('tests')
    assert '--allow-imports' in refused(capsys, main_MMCL.main, test)
    assert main_MMCL.main([*test, '--allow-imports', __name__]) == 0


@pytest.mark.filterwarnings('ignore:This DataLoader will create')
def test_a_feeder_of_ones_own_goes_to_spawned_workers(folder, data):
    imports.admit(['tests'])
    feeder = Feeder(data / 'skeletons.h5', window_size=16, graph=f'{__name__}.Graph')
    loader = make_loader(feeder, 4, False, 1, False)
    loader.multiprocessing_context = 'spawn'
    assert sum(len(batch.label) for batch in loader) == len(feeder.name)


def test_the_flag_reaches_the_command(folder):
    (folder / 'mine.py').write_text('from model.ctrgcn import Model\n\n\nclass Own(Model):\n    pass\n')
    flags = ['--config', SAMPLE, '--phase', 'model_size', '--device', 'cpu', '--allow-imports', 'mine']
    command = [sys.executable, ROOT / 'main_MMCL.py', *flags, '--model-args', 'backbone=mine.Own,base_channel=8']
    environment = {**os.environ, 'PYTHONPATH': str(folder)}
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert done.returncode == 0 and 'Parameters: ' in done.stdout, done.stderr
