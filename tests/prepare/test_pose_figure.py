"""The figure of a clip's poses: `inspect --figure`."""

import matplotlib.image
import numpy as np
import pytest

from feeders.datasets import DATASETS
from feeders.prepare import pose_figure
from feeders.prepare.__main__ import main
from feeders.skeleton_store import SkeletonStoreWriter
from torchlight.imports import import_class


@pytest.mark.parametrize('dataset', ['ntu60', 'utd-mhad', 'mine'])
@pytest.mark.parametrize('joints', [20, 25, 17])
def test_the_figure_shows_bones_in_the_colour_of_their_side(tmp_path, dataset, joints):
    rng = np.random.default_rng(0)
    with SkeletonStoreWriter(tmp_path / 'x.h5', dataset, (1, joints, 3)) as store:
        for name in 'ab':
            store.add(name, 0, rng.normal(size=(6, 1, joints, 3)))
    assert main(['inspect', str(tmp_path / 'x.h5'), '--figure', str(tmp_path / 'x.png'), '--clip', 'b']) == 0
    red, _, blue, _ = np.moveaxis(matplotlib.image.imread(tmp_path / 'x.png'), -1, 0)
    coloured = (blue - red > 0.4).any(), (red - blue > 0.4).any()
    assert coloured == ((False, False) if joints == 17 else (True, True))


def test_the_graph_is_that_of_the_data_set_or_of_one_with_as_many_joints():
    graph_of = pose_figure.graph_of
    assert graph_of('ntu120', 25, 3) == graph_of('utd-mhad', 25, 3) == 'graph.ntu_rgb_d.Graph'
    assert graph_of('utd-mhad', 20, 3) == graph_of('', 20, 2) == 'graph.ucla.Graph'
    assert graph_of('ntu60', 17, 3) == graph_of('mine', 17, 3) == graph_of('mine', 18, 2) == ''
    assert graph_of('mine', 17, 2) == 'graph.coco.Graph'


@pytest.mark.parametrize('coordinates', [2, 3])
def test_image_coordinates_are_drawn_upright_with_their_bones(tmp_path, drawn, coordinates):
    pose_figure.draw_clip(tmp_path / 'x.png', 'x', np.random.default_rng(0).normal(size=(2, 1, 17, coordinates)))
    axes = drawn[0].axes[0]
    assert axes.yaxis_inverted() == (coordinates == 2) and len(axes.lines) == (17 if coordinates == 2 else 1)
    assert len({line.get_color() for line in axes.lines}) == (3 if coordinates == 2 else 1)


def test_sides_agree_with_the_mirror_image_of_the_skeleton():
    assert {row.graph for row in DATASETS.values()} | {pose_figure.COCO} == set(pose_figure.SIDES)
    for graph in pose_figure.SIDES:
        bones = import_class(graph)().inward
        sides = [(pose_figure.side(graph, child), pose_figure.side(graph, parent)) for child, parent in bones]
        assert sides.count(('left', 'left')) == sides.count(('right', 'right')) > 0
        assert ('left', 'right') not in sides and ('right', 'left') not in sides
