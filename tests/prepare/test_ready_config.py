"""The config beside a store of one's own: its sizes, its graph, and what becomes of one that is there already."""

from argparse import Namespace

import numpy as np
import pytest

import main_MMCL
from feeders.prepare.ready_config import BASE, base_from, graph_of, settings, write_config
from feeders.skeleton_store import SkeletonStoreWriter, open_skeletons
from model import deploy
from tests.helpers import ROOT
from torchlight import config
from torchlight.errors import InputError
from torchlight.imports import import_class, instantiate

COCO = {'graph': 'graph.coco.Graph'}


def store_of(path, layout=(1, 17, 2), train=8, test=4, length=40, **facts):
    with SkeletonStoreWriter(path, 'custom', layout, **facts) as store:
        for number in range(train + test):
            frames = np.random.default_rng(number).normal(size=(length, *layout))
            store.add(str(number), number % 3, frames, 'train' if number < train else 'test')
    return open_skeletons(path)


def flags(graph=None, edges=None):
    return Namespace(graph=graph, edges=edges)


@pytest.mark.parametrize('joints, graph', [(17, 'coco'), (20, 'ucla'), (25, 'ntu_rgb_d')])
def test_the_graph_is_that_of_the_number_of_joints(joints, graph):
    assert graph_of(flags(), joints) == {'graph': f'graph.{graph}.Graph'}


def test_a_graph_can_be_given():
    hierarchy = 'graph.ntu_rgb_d_hierarchy.Graph'
    assert graph_of(flags(hierarchy), 25) == {'graph': hierarchy}
    edges = {'num_point': 3, 'edges': [[1, 0], [2, 1]]}
    assert graph_of(flags(edges='[[1, 0], [2, 1]]'), 3) == {'graph': 'graph.custom.Graph', 'graph_args': edges}


@pytest.mark.parametrize(
    'given, joints, problem',
    [
        ({}, 33, 'clips have 33 joints, for which the program has no graph; give their bones with --edges'),
        ({'graph': 'graph.coco.Graph'}, 25, 'but graph.coco.Graph has 17; graph.ntu_rgb_d.Graph has 25 joints'),
        ({'graph': 'graph.coco.Grahp'}, 17, "has no class 'Grahp'"),
        ({'graph': 'graph.custom.Graph'}, 33, 'which graph.custom.Graph requires'),
        ({'graph': 'model.ctrgcn.Model'}, 17, 'does not derive from graph.tools.SkeletonGraph'),
        ({'edges': '[[1, 0], [3, 1]]'}, 3, r'edge \[3, 1\] is not a pair of joints from 0 to 2'),
        ({'edges': '[[1, 0'}, 3, '--edges is not YAML'),
        ({'edges': '[[1, 0]]', 'graph': 'graph.coco.Graph'}, 17, 'give one of them'),
    ],
)
def test_a_graph_that_does_not_fit_is_one_line(given, joints, problem):
    with pytest.raises(InputError, match=problem):
        graph_of(flags(**given), joints)


@pytest.mark.parametrize(
    'edges, words',
    [
        ('[[1, 0], [2, 1]]', ''),
        ('[[1, 0]]', 'join only 2 of the 3 joints to one skeleton; the other is joint 2\n'),
        ('[[2, 1]]', 'join only 2 of the 3 joints to one skeleton; the other is joint 0\n'),
        ('[]', 'join only 1 of the 3 joints to one skeleton; the others are joints 1, 2\n'),
    ],
)
def test_edges_that_do_not_join_all_joints_are_a_warning(capsys, edges, words):
    graph_of(flags(edges=edges), 3)
    assert capsys.readouterr().err == (words and f'warning: --edges {words}')


def test_a_config_can_be_used_from_any_folder_and_its_commands_typed_as_they_are(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    write_config(store_of('my clips.h5'), COCO)
    assert capsys.readouterr().out.endswith("train with python main_MMCL.py --config 'my clips.yaml'\n")
    text = (tmp_path / 'my clips.yaml').read_text()
    assert "--config 'my clips.yaml' --stream bone --work-dir './work_dir/my clips/bone'\n" in text
    arg = config.parse(main_MMCL.get_parser(), ['--config', 'my clips.yaml'])
    assert {a['data_path'] for a in (arg.train_feeder_args, arg.test_feeder_args)} == {f'{tmp_path}/my clips.h5'}


@pytest.mark.parametrize(
    'train, repeat, batch', [(1, 10, 10), (8, 10, 16), (96, 10, 16), (300, 3, 16), (1000, 1, 16), (4000, 1, 64)]
)
def test_small_data_sets_are_repeated_and_have_small_batches(tmp_path, train, repeat, batch):
    found = settings(store_of(tmp_path / 'x.h5', train=train, length=1), COCO, '', '')
    assert (found['train_feeder_args']['repeat'], found['batch_size']) == (repeat, batch)


@pytest.mark.parametrize('length, window', [(3, 16), (16, 16), (17, 32), (40, 64), (300, 64)])
def test_the_window_has_room_for_half_of_the_clips(tmp_path, length, window):
    assert (
        settings(store_of(tmp_path / 'x.h5', length=length), COCO, '', '')['test_feeder_args']['window_size'] == window
    )


@pytest.mark.parametrize('layout, facts', [((2, 25, 3), {}), ((1, 3, 2), {'classes': list('abcde')})])
def test_the_config_loads_and_fits_the_store(tmp_path, capsys, layout, facts):
    store = store_of(tmp_path / 'mine.h5', layout, **facts)
    write_config(store, graph_of(flags(edges='[[1, 0], [2, 1]]') if layout[1] == 3 else flags(), layout[1]))
    path = tmp_path / 'mine.yaml'
    assert capsys.readouterr().out.startswith(f'{path}: settings for graph.')
    arg = config.parse(main_MMCL.get_parser(), ['--config', str(path)])
    assert arg.work_dir == './work_dir/mine/joint' and arg.model_args['num_class'] == (5 if facts else 3)
    for args, split in ((arg.train_feeder_args, 'train'), (arg.test_feeder_args, 'test')):
        feeder = import_class(arg.feeder)(**args)
        assert args['split'] == split and tuple(feeder.layout) == layout and feeder.classes == facts.get('classes', [])
    model = instantiate(arg.model, {**arg.model_args, 'base_channel': 8}, 'model_args').eval()
    arg.test_feeder_args['window_size'] = 8
    assert model(deploy.noise_clips(arg, 'cpu')).logits.shape == (2, arg.model_args['num_class'])


def test_a_config_that_is_there_stays(tmp_path, capsys):
    store, path = store_of(tmp_path / 'mine.h5'), tmp_path / 'mine.yaml'
    write_config(store, COCO)
    write_config(store, COCO)
    assert not capsys.readouterr().err
    edited = path.read_text().replace('batch_size: 16', 'batch_size: 8')
    path.write_text(edited)
    write_config(store, COCO)
    assert path.read_text() == edited and f'warning: {path} stays as it is; delete it' in capsys.readouterr().err


def test_the_base_is_relative_inside_the_program_and_absolute_outside(tmp_path):
    assert base_from(ROOT / 'data' / 'mine') == '../../config/custom/joint.yaml'
    assert base_from(tmp_path) == str(BASE) and BASE == ROOT / 'config' / 'custom' / 'joint.yaml'
