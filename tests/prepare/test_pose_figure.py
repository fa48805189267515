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
    assert pose_figure.graph_of('ntu120', 25) == pose_figure.graph_of('utd-mhad', 25) == 'graph.ntu_rgb_d.Graph'
    assert pose_figure.graph_of('utd-mhad', 20) == pose_figure.graph_of('', 20) == 'graph.ucla.Graph'
    assert pose_figure.graph_of('ntu60', 17) == pose_figure.graph_of('mine', 17) == ''


def test_sides_agree_with_the_mirror_image_of_the_skeleton():
    assert {row.graph for row in DATASETS.values()} == set(pose_figure.WITH_SIDES)
    for graph in pose_figure.WITH_SIDES:
        bones = import_class(graph)().inward
        sides = [(pose_figure.side(child), pose_figure.side(parent)) for child, parent in bones]
        assert sides.count(('left', 'left')) == sides.count(('right', 'right')) > 0
        assert ('left', 'right') not in sides and ('right', 'left') not in sides
