"""The configs, the program's help and the README agree, and every config builds its model."""

import re
from collections import Counter

import pytest

import main_MMCL
from feeders.datasets import DATASETS
from model import deploy
from tests.helpers import ROOT
from torchlight import config
from torchlight.imports import import_class, instantiate

CONFIGS = sorted((ROOT / 'config').rglob('*.yaml'))
README = (ROOT / 'README.md').read_text()
SHAPES = {}  # of the logits, by model and its arguments: the streams of a benchmark share them


def load(path, *more):
    return config.parse(main_MMCL.get_parser(), ['--config', str(path), *more])


@pytest.mark.parametrize('path', CONFIGS, ids=lambda path: f'{path.parent.name}-{path.stem}')
def test_a_config_loads_and_its_model_takes_its_input(path):
    arg = load(path)
    import_class(arg.feeder)
    if (key := f'{arg.model} {arg.model_args}') not in SHAPES:
        model = instantiate(arg.model, {**arg.model_args, 'base_channel': 8}, 'model_args').eval()
        arg.test_feeder_args['window_size'] = 8
        SHAPES[key] = model(deploy.noise_clips(arg, 'cpu')).logits.shape
    assert SHAPES[key] == (2, arg.model_args['num_class'])


def test_every_config_has_a_work_directory_of_its_own():
    folders = Counter(load(path).work_dir for path in CONFIGS)
    assert './work_dir/temp' not in folders and not [folder for folder, count in folders.items() if count > 1]


@pytest.mark.parametrize(
    'benchmark',
    [
        'nturgbd120-cross-subject',
        'nturgbd120-cross-set',
        'nturgbd-cross-subject',
        'nturgbd-cross-view',
        'ucla',
        'shrec17',
        'dhg',
        'sample',
    ],
)
@pytest.mark.parametrize('stream', ['joint', 'bone', 'joint_motion', 'bone_motion'])
def test_each_benchmark_has_the_four_streams(benchmark, stream):
    arg = load(ROOT / 'config' / benchmark / f'{stream}.yaml')
    assert (arg.stream or 'joint') == stream


TD_GCN = sorted((ROOT / 'config').rglob('td_*.yaml'))


@pytest.mark.parametrize('path', TD_GCN, ids=lambda path: f'{path.parent.name}-{path.stem}')
def test_td_gcn_changes_only_the_student_and_takes_the_recipe_of_ctr_gcn(path):
    ours, base = vars(load(path)), vars(load(path.with_name(path.name.removeprefix('td_'))))
    changed = {key for key in base if ours[key] != base[key]} - {'config', 'work_dir', 'model_args'}
    assert ours['model_args'] == {**base['model_args'], 'backbone': 'model.tdgcn.Model'}
    assert ours['work_dir'] == base['work_dir'].replace(f'/{path.stem[3:]}', f'/{path.stem}')
    if path.parent.name.startswith('ntu'):
        assert changed == {'step', 'num_epoch', 'batch_size', 'save_epoch'}
        assert [ours[key] for key in ('step', 'num_epoch', 'batch_size', 'base_lr')] == [[35, 55], 65, 64, 0.1]
    else:
        assert not changed


def test_td_gcn_has_four_streams_but_on_dhg_whose_folds_are_many():
    streams = Counter(path.parent.name for path in TD_GCN)
    assert streams.pop('dhg') == 1 and len(streams) == 7 and set(streams.values()) == {4}


def test_the_recipe_of_the_paper():
    arg = load(ROOT / 'config/nturgbd120-cross-subject/joint.yaml', '--device', '0', '1')
    assert (arg.batch_size, arg.num_epoch, arg.base_lr, arg.weight_decay, arg.warm_up_epoch, arg.step) == (
        200,
        110,
        0.1,
        0.0004,
        5,
        [90, 100],
    )
    assert (arg.lambda_refine, arg.lambda_align, arg.seed, arg.nesterov, arg.device) == (0.2, 0.1, 1, True, [0, 1])


def test_hand_gestures_are_14_classes_or_28():
    for folder, protocol in (('shrec17', ''), ('dhg', '_loso1')):
        for name, classes in (('joint', 14), ('joint_28', 28)):
            arg = load(ROOT / 'config' / folder / f'{name}.yaml')
            assert arg.model_args['num_class'] == classes
            parts = arg.train_feeder_args, arg.test_feeder_args
            assert {part['benchmark'] for part in parts} == {f'gestures{classes}{protocol}'}
            assert {part['graph'] for part in (*parts, arg.model_args)} == {DATASETS[folder].graph}


def test_readme_names_the_flags_of_the_program_and_no_others():
    parser = main_MMCL.get_parser()
    flags = {flag for action in parser.settings().values() for flag in action.option_strings} | {'--config'}
    table = README[README.index('## Settings') : README.index('## Layout')]
    named = set(re.findall(r'`(--?[a-z][\w-]*)`', table)) - {'-'}
    assert named <= flags | {'--help'}
    assert not [action.dest for action in parser.settings().values() if not named & set(action.option_strings)]


def test_readme_names_configs_that_exist():
    for name in re.findall(r'config/[\w./-]+\.yaml', README):
        assert (ROOT / name.replace('/B/', '/nturgbd-cross-view/')).exists(), name
