"""The figure of a clip's poses: `inspect --figure`."""

import matplotlib.image
import numpy as np
import pytest

from feeders.datasets import DATASETS
from feeders.known_graphs import COCO
from feeders.prepare import pose_figure
from feeders.prepare.__main__ import main
from feeders.skeleton_store import SkeletonStoreWriter
from graph import coco
from graph import ntu_rgb_d_hierarchy as hierarchy
from tests.helpers import picture
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


@pytest.mark.filterwarnings('error')
def test_names_are_neither_formulas_nor_warnings(tmp_path):
    with SkeletonStoreWriter(tmp_path / 'x.h5', 'mine', (1, 5, 3), classes=['跳 $\\nonsense{$']) as store:
        store.add('a$x_{$', 0, np.random.default_rng(0).normal(size=(1, 1, 5, 3)))
    assert main(['inspect', str(tmp_path / 'x.h5'), '--figure', str(tmp_path / 'x.png')]) == 0
    picture(tmp_path / 'x.png')


@pytest.mark.parametrize('coordinates', [2, 3])
def test_image_coordinates_are_drawn_upright(tmp_path, drawn, coordinates):
    frames = np.random.default_rng(0).normal(size=(2, 1, 17, coordinates))
    pose_figure.draw_clip(tmp_path / 'x.png', 'x', frames, coco.Graph().parents.tolist())
    axes = drawn[0].axes[0]
    assert axes.yaxis_inverted() == (coordinates == 2) and len(axes.lines) == 17  # 16 bones, and the joints
    assert len({line.get_color() for line in axes.lines}) == 3


def test_joints_that_were_not_found_and_their_bones_are_left_out(tmp_path, drawn):
    frames = np.random.default_rng(0).uniform(900, 1000, size=(1, 1, 4, 2))
    frames[0, 0, 3] = 0
    pose_figure.draw_clip(tmp_path / 'x.png', 'x', frames, [0, 0, 1, 2])
    axes = drawn[0].axes[0]
    assert len(axes.lines) == 3 and axes.get_xlim()[0] > 800 and min(axes.get_ylim()) > 800
    assert np.nanmin(axes.lines[-1].get_xydata()) > 800 and drawn[0].get_suptitle() == 'x'


def test_a_long_title_widens_a_figure_of_few_poses(tmp_path, drawn):
    pose_figure.draw_clip(tmp_path / 'x.png', 'clip of a very long name: ' * 4, np.ones((1, 1, 5, 3)))
    box = drawn[0].texts[0].get_window_extent()
    assert box.x0 > 0 and box.x1 < drawn[0].bbox.width


def test_sides_agree_with_the_mirror_image_of_the_skeleton():
    hand = 'graph.hand.Graph'  # which has no sides
    assert {row.graph for row in DATASETS.values()} - {hand} | {COCO} == set(pose_figure.SIDES)
    for graph in pose_figure.SIDES:
        parents = import_class(graph)().parents.tolist()
        sides = pose_figure.sides_of(parents)
        bones = [(sides[child], sides[parent]) for child, parent in enumerate(parents)]
        assert bones.count(('left', 'left')) == bones.count(('right', 'right')) > 0
        assert ('left', 'right') not in bones and ('right', 'left') not in bones


def test_sides_are_those_of_a_known_skeleton():
    assert pose_figure.sides_of([0, 0, 1]) == ['middle'] * 3 and pose_figure.sides_of(None) == []
    assert pose_figure.sides_of(hierarchy.Graph().parents)[4] == 'left'  # HD-GCN's graph of the same skeleton
