"""Links between joints on a skeleton: the strongest is the widest, and joints are named where they are."""

import numpy as np
import pytest
from matplotlib.patches import FancyArrowPatch

from tests.helpers import picture
from torchlight.pictures import topology
from torchlight.pictures.topology import draw_topology, seen, strongest

EDGES = [(1, 0), (2, 1), (3, 1), (4, 1)]
POSE = np.array([[0, 0, 0], [0, 1, 0], [0, 2, 0], [-1, 1, 0.2], [1, 1, 0.2]])
STRENGTH = np.zeros((4, 5, 5))
STRENGTH[0, 2, 3], STRENGTH[0, 4, 0], STRENGTH[0, 1, 1] = 0.5, 0.2, 9  # a joint's link to itself is not drawn
STRENGTH[3, 0, 1] = 0.1


def arrows(axes):
    return [patch for patch in axes.patches if isinstance(patch, FancyArrowPatch)]


def test_the_strongest_links_come_first():
    assert strongest(STRENGTH[0], 16) == [(2, 3), (4, 0)] and strongest(STRENGTH[0], 1) == [(2, 3)]
    assert strongest(STRENGTH[1], 16) == []


def test_the_strongest_link_is_the_widest_and_leads_to_the_receiver(tmp_path, drawn):
    draw_topology(tmp_path / 'x.png', 'x', [('learned', STRENGTH), (r'a clip $\nonsense{$', STRENGTH)], EDGES, POSE)
    picture(tmp_path / 'x.png')
    assert len(drawn[0].axes) == 6 and [axes.get_title() for axes in drawn[0].axes[:3]] == [
        'layer 1 of 4; strength 0.2 to 0.5',
        'layer 3 of 4; no link between joints',
        'layer 4 of 4; strength 0.1 to 0.1',
    ]
    strong, weak = arrows(drawn[0].axes[0])
    assert strong.get_linewidth() == topology.WIDE > weak.get_linewidth() == topology.THIN
    (start, end), points = strong._posA_posB, seen(POSE)
    assert start == pytest.approx(points[3]) and end == pytest.approx(points[2])


def test_joints_are_named_by_their_names_or_numbers(tmp_path, figures):
    draw_topology(tmp_path / 'x.png', 'x', [('learned', STRENGTH)], EDGES, POSE, ['a', 'b', 'c', 'd', 'e'])
    draw_topology(tmp_path / 'x.png', 'x', [('learned', STRENGTH)], EDGES, POSE)
    for figure, expected in zip(figures, ({'a', 'c', 'd', 'e'}, {'0', '2', '3', '4'})):
        assert {text.get_text() for text in figure.axes[0].texts} == expected
    axes = figures[0].axes[0]
    points = axes.transAxes.inverted().transform(axes.transData.transform(seen(POSE)))
    for text in axes.texts:
        assert text.xy == pytest.approx(points['abcde'.index(text.get_text())])


def test_joints_that_were_not_found_are_left_out_with_their_bones_and_links(tmp_path, drawn):
    pose = POSE[:, :2] + 50
    pose[2] = 0
    draw_topology(tmp_path / 'x.png', 'x', [('learned', STRENGTH)], EDGES, pose, ['a', 'b', 'c', 'd', '$e_{$'])
    axes = drawn[0].axes[0]
    assert axes.get_title() == 'layer 1 of 4; strength 0.2 to 0.2' and len(arrows(axes)) == 1
    assert {text.get_text() for text in axes.texts} == {'a', r'\$e_{\$'} and len(axes.collections[0].get_paths()) == 3
    assert axes.get_xlim()[0] > 40 and len(axes.collections[1].get_offsets()) == 4


def test_an_empty_clip_has_its_joints_at_one_place(tmp_path, figures):
    draw_topology(tmp_path / 'x.png', 'x', [('learned', STRENGTH)], EDGES, np.zeros((5, 3)))
    assert len(figures[0].axes[0].collections[1].get_offsets()) == 5


def test_a_pose_is_seen_from_where_it_is_widest_and_not_mirrored():
    for turn in np.linspace(-1.4, 1.4, 7):
        cos, sin, (x, y, z) = np.cos(turn), np.sin(turn), POSE.T
        points = seen(np.stack([cos * x + sin * z, y, cos * z - sin * x], 1))
        assert np.ptp(points[:, 0]) == pytest.approx(2) and points[4, 0] > points[3, 0]
    assert seen(POSE[:, :2])[2].tolist() == [0, -2]  # an image counts downwards
