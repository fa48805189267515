"""A model of NTU RGB+D 120 on other data sets: zero-shot scores and fine-tuning."""

import pickle
from collections import Counter

import numpy as np
import pytest
import torch
import yaml

import main_MMCL
from feeders.datasets import DATASETS
from feeders.feature_store import write_features
from feeders.feeder_MMCL import Feeder
from feeders.prepare.__main__ import main as prepare
from feeders.skeleton_store import SkeletonStoreWriter, open_skeletons
from model.MMCL import Model
from tests.helpers import ROOT, draw_nothing, refused

CONFIGS = {
    name: yaml.safe_load((ROOT / 'config' / name).read_text())
    for name in ('utd-mhad/zero_shot.yaml', 'sysu/zero_shot.yaml')
}
LABEL_MAP = CONFIGS['utd-mhad/zero_shot.yaml']['test_feeder_args']['label_map']
TEXT_DIM = 6
TINY = {'base_channel': 8, 'graph_args': {'labeling_mode': 'spatial'}}


@pytest.fixture(autouse=True)
def without_pictures(monkeypatch):
    draw_nothing(monkeypatch)


@pytest.fixture(scope='module')
def utd(shared, tmp_path_factory):
    """The store of all UTD-MHAD clips with NTU's joints."""
    out = tmp_path_factory.mktemp('utd') / 'utd-mhad25.h5'
    raw = str(shared / 'data' / 'UTD-MHAD')
    assert prepare(['utd-mhad', '--raw', raw, '--joints', '25', '--num-worker', '0', '--out', str(out)]) == 0
    return out


@pytest.fixture
def made_up(tmp_path):
    """A small store of noise: two clips of each of six labels."""
    rng = np.random.default_rng(0)
    with SkeletonStoreWriter(tmp_path / 'x.h5', 'utd-mhad', (2, 25, 3)) as store:
        for label in range(6):
            for subject in (1, 2):
                store.add(f'a{label + 1}_s{subject}_t1', label, rng.normal(size=(9, 1, 25, 3)))
    return tmp_path / 'x.h5'


@pytest.fixture
def weights(tmp_path):
    """The weights file of a tiny MMCL model of NTU RGB+D 120, FRM included."""
    torch.manual_seed(0)
    model = Model(
        120, num_point=25, num_person=2, graph='graph.ntu_rgb_d.Graph', text_dim=TEXT_DIM, text_standardise=True, **TINY
    )
    torch.nn.init.uniform_(model.frm.positive)  # as built, the FRM leaves the scores as they are
    torch.save(model.state_dict(), tmp_path / 'ntu120.pt')
    return tmp_path / 'ntu120.pt'


@pytest.fixture
def command(weights, tmp_path):
    """command(config, store, *more): a tiny run of the config with the weights."""

    def build(config, store, *more):
        clips = f'data_path={store},window_size=8'
        flags = ['--config', ROOT / 'config' / config, '--weights', weights, '--work-dir', tmp_path / 'run']
        flags += ['--device', 'cpu', '--model-args', 'base_channel=8']
        flags += ['--train-feeder-args', clips, '--test-feeder-args', clips, *more]
        return [str(flag) for flag in flags]

    return build


def scores(folder, kind=''):
    return pickle.loads((folder / f'epoch1_test_score{kind}.pkl').read_bytes())


def test_all_clips_of_the_six_actions_get_scores_of_120_classes(utd, command, tmp_path):
    store, config = open_skeletons(utd), CONFIGS['utd-mhad/zero_shot.yaml']
    assert len(store) == 861
    args = {key: value for key, value in config['test_feeder_args'].items() if key != 'text_path'}
    feeder = Feeder(**{**args, 'data_path': utd})
    assert Counter(feeder.label.tolist()) == {22: 32, 95: 32, 62: 32, 8: 32, 7: 32, 79: 31}  # 191 in all
    assert all(label == LABEL_MAP[int(name[1:].split('_')[0]) - 1] for name, label in zip(feeder.name, feeder.label))
    text = [name for name in store.name if name in set(feeder.name)][::-1]
    write_features(tmp_path / 'text.h5', text, np.random.default_rng(0).normal(size=(191, TEXT_DIM)), kind='text')
    assert main_MMCL.main(command('utd-mhad/zero_shot.yaml', utd)) == 0
    plain = scores(tmp_path / 'run')
    assert list(plain) == list(feeder.name) and all(value.shape == (120,) for value in plain.values())
    assert np.isfinite(list(plain.values())).all() and 'loss of 191 clips' in (tmp_path / 'run/log.txt').read_text()
    refine = '--refine', '--test-feeder-args', f'text_path={tmp_path}/text.h5'
    assert main_MMCL.main(command('utd-mhad/zero_shot.yaml', utd, *refine)) == 0
    again, refined = scores(tmp_path / 'run'), scores(tmp_path / 'run', '_refined')
    assert all(np.array_equal(again[name], plain[name]) for name in plain) and list(refined) == list(plain)
    assert all(value.shape == (120,) and not np.array_equal(value, plain[name]) for name, value in refined.items())


def test_all_861_clips_pass_the_model(utd, command, tmp_path):
    identity = ','.join(f'{label}: {label}' for label in range(27))
    own = command('utd-mhad/zero_shot.yaml', utd, '--test-feeder-args', f'label_map={{{identity}}}')
    feeder = Feeder(utd, split='all', window_size=64)
    batch = feeder.__getitems__(range(861))
    assert batch.skeleton.shape == (861, 3, 64, 25, 2) and batch.skeleton.isfinite().all()
    assert batch.skeleton[..., 0].flatten(1).any(1).all() and not batch.skeleton[..., 1].any()  # nobody in slot 2
    assert main_MMCL.main(own) == 0
    values = np.stack(list(scores(tmp_path / 'run').values()))
    assert values.shape == (861, 120) and np.isfinite(values).all()


@pytest.mark.parametrize('dataset', ['utd-mhad', 'sysu'])
def test_the_maps_of_the_configs_name_classes_that_exist(dataset):
    label_map = CONFIGS[f'{dataset}/zero_shot.yaml']['test_feeder_args']['label_map']
    own, ntu = DATASETS[dataset].classes, DATASETS['ntu120'].classes
    named = {own[source]: ntu[target] for source, target in label_map.items()}
    expected = {
        'utd-mhad': {
            'wave': 'hand waving',
            'arm cross': 'cross arms',
            'basketball shoot': 'shoot at basket',
            'sit to stand': 'stand up',
            'stand to sit': 'sit down',
            'squat': 'squat down',
        },
        'sysu': {
            'drinking': 'drink water',
            'calling phone': 'phone call',
            'playing phone': 'play with phone/tablet',
            'wearing backpack': 'put on bag',
            'sitting chair': 'sit down',
        },
    }
    assert named == expected[dataset]


def test_a_map_leaves_out_other_clips_and_several_labels_may_become_one(made_up):
    feeder = Feeder(made_up, split='all', label_map={1: 7, 4: 7, 5: 0, 99: 3})
    assert dict(zip(feeder.name, feeder.label.tolist())) == {
        'a2_s1_t1': 7,
        'a2_s2_t1': 7,
        'a5_s1_t1': 7,
        'a5_s2_t1': 7,
        'a6_s1_t1': 0,
        'a6_s2_t1': 0,
    }
    assert list(Feeder(made_up, split='test', benchmark='xsub', label_map={1: 7}).name) == ['a2_s2_t1']


@pytest.mark.parametrize(
    'given, words',
    [
        ('[2, 22]', 'label_map is [2, 22]; expected pairs of labels'),
        ('{2: wave}', "label_map is {2: 'wave'}; expected pairs"),
        ('{a3: 22}', 'expected pairs of labels'),
        ('{2: 2.5}', 'expected pairs of labels'),
        ('{2: -1}', 'expected pairs of labels'),
        ('{2: True}', 'expected pairs of labels'),
        ('{}', 'label_map selects no clips'),
        ('{50: 1}', 'label_map selects no clips: its labels are [50], those of the clips [0, 1, 2, 3, 4, 5]'),
        ('{2: 120}', 'num_class must be at least 121'),
    ],
)
def test_wrong_maps_are_refused_in_one_line(made_up, command, tmp_path, capsys, given, words):
    config = {**CONFIGS['utd-mhad/zero_shot.yaml'], 'base': str(ROOT / 'config/nturgbd120-cross-subject/joint.yaml')}
    config['test_feeder_args'] = {**config['test_feeder_args'], 'label_map': yaml.safe_load(given)}
    (tmp_path / 'my.yaml').write_text(yaml.safe_dump(config))
    assert words in refused(capsys, main_MMCL.main, command(tmp_path / 'my.yaml', made_up))
    assert not list((tmp_path / 'run').glob('*.pkl'))


def test_predict_classifies_all_clips_whatever_the_map(made_up, command, tmp_path):
    predict = '--phase', 'predict', '--input', made_up, '--output', tmp_path / 'x.csv'
    assert main_MMCL.main(command('utd-mhad/zero_shot.yaml', made_up, *predict)) == 0
    assert len((tmp_path / 'x.csv').read_text().splitlines()) == 1 + 12


def test_a_model_of_120_classes_is_fine_tuned_to_27(made_up, command, weights, tmp_path, capsys):
    run, test = tmp_path / 'run', tmp_path / 'test'
    more = ('--num-epoch', 1, '--batch-size', 6, '--train-feeder-args', 'repeat=1')
    tune = command('utd-mhad/fine_tune.yaml', made_up, *more)
    assert 'of another shape (fc.weight (120, 32) for (27, 32)' in refused(capsys, main_MMCL.main, tune)
    assert main_MMCL.main([*tune, '--ignore-weights', 'fc', '--base-lr', '1e-9']) == 0
    before, after = (torch.load(path, weights_only=True) for path in (weights, run / 'best.pt'))
    assert after['fc.weight'].shape == (27, 32)
    assert all(
        torch.allclose(after[key], before[f'student.{key}'], atol=1e-6)
        for key in after
        if not key.startswith('fc.') and not key.endswith(('running_mean', 'running_var', 'tracked'))
    )
    own = ['--config', str(run / 'config.yaml')]  # which tests all of best.pt and resumes without the first weights
    flags = ['--phase', 'test', '--weights', str(run / 'best.pt'), '--save-score', 'True', '--work-dir', str(test)]
    assert main_MMCL.main([*own, *flags]) == 0
    assert all(np.array_equal(value, scores(run)[name]) for name, value in scores(test).items())
    assert main_MMCL.main([*own, '--resume', 'auto', '--num-epoch', '2']) == 0
