"""The graphs: the public adjacencies, columns that are shares, bones that lead to the root."""

from itertools import chain

import numpy as np
import pytest

from graph import coco, custom, hand, ntu_rgb_d, ntu_rgb_d_hierarchy, tools, ucla
from torchlight.errors import InputError

GRAPHS = {
    'ntu_rgb_d': ntu_rgb_d.Graph,
    'ucla': ucla.Graph,
    **{f'ntu_rgb_d_hierarchy_com{CoM}': lambda CoM=CoM: ntu_rgb_d_hierarchy.Graph(CoM=CoM) for CoM in (1, 2, 21)},
}
STAR = [[1, 0], [2, 1], [3, 1], [4, 1]]


@pytest.mark.parametrize('name', GRAPHS)
def test_the_adjacency_is_the_golden_one_exactly(golden, name):
    assert np.array_equal(GRAPHS[name]().A, golden('graphs')[name])


@pytest.mark.parametrize('name', GRAPHS)
def test_the_adjacency_is_the_public_one_exactly(public, name):
    assert np.array_equal(GRAPHS[name]().A, public('graphs')[name])


@pytest.mark.parametrize('name', GRAPHS)
def test_columns_sum_to_0_or_1(name):
    sums = GRAPHS[name]().A.sum(-2)
    np.testing.assert_allclose(np.where(sums == 0, 1, sums), 1, rtol=1e-12)


@pytest.mark.parametrize('name, root', [('ntu_rgb_d', 21), ('ucla', 3), ('ntu_rgb_d_hierarchy_com1', 21)])
def test_every_bone_leads_towards_the_one_root(name, root):
    graph = GRAPHS[name]()
    joint = np.arange(graph.num_point)
    assert {(c, p) for c, p in enumerate(graph.parents) if c != p} == set(graph.inward)
    assert np.flatnonzero(graph.parents == joint).tolist() == [root - 1]
    for _ in joint:
        joint = graph.parents[joint]
    assert (joint == root - 1).all()


def test_the_keypoints_of_coco_are_a_tree_of_the_nose_with_equal_sides():
    graph, joint = coco.Graph(), np.arange(17)
    sides = [{(child, parent) for child, parent in graph.inward if child % 2 == side} for side in (0, 1)]
    assert {(child - 1, max(parent - 1, 0)) for child, parent in sides[0]} == sides[1] and len(graph.inward) == 16
    for _ in joint:
        joint = graph.parents[joint]
    assert not joint.any() and graph.A.shape == (3, 17, 17)


def test_the_fingers_of_a_hand_lead_to_its_palm():
    graph, joint = hand.Graph(), np.arange(22)
    assert graph.A.shape == (3, 22, 22) and len(graph.inward) == 21 and len(set(graph.joint_names)) == 22
    chains = []
    for tip in np.flatnonzero(np.isin(joint, graph.parents, invert=True)):
        chains.append([graph.joint_names[tip]])
        while tip != graph.parents[tip]:
            tip = graph.parents[tip]
            chains[-1].append(graph.joint_names[tip])
    parts = 'tip', 'second joint', 'first joint', 'base'
    assert chains == [
        [*(f'{part} of {finger}' for part in parts), *(['wrist'] if finger == 'thumb' else []), 'palm']
        for finger in ('thumb', 'index finger', 'middle finger', 'ring finger', 'little finger')
    ]


def test_known_bones():
    ntu, kinect = ntu_rgb_d.Graph().parents + 1, ucla.Graph().parents + 1
    assert [ntu[joint - 1] for joint in (1, 4, 22, 23, 24, 25)] == [2, 3, 23, 8, 25, 12]
    assert [kinect[joint - 1] for joint in (1, 2, 4, 8, 13, 20)] == [2, 3, 3, 7, 1, 19]


@pytest.mark.parametrize('CoM', [1, 2, 21])
def test_the_groups_of_a_hierarchy_share_out_the_joints(CoM):
    groups = ntu_rgb_d_hierarchy.Graph(CoM=CoM).groups
    assert groups[0] == [CoM - 1] and sorted(chain(*groups)) == list(range(25))


def test_a_custom_graph_of_the_ntu_edges_is_the_ntu_graph():
    graph = custom.Graph(25, [list(edge) for edge in ntu_rgb_d.inward])
    assert np.array_equal(graph.A, ntu_rgb_d.Graph().A) and np.array_equal(graph.parents, ntu_rgb_d.Graph().parents)


def test_a_custom_graph_by_hand():
    graph = custom.Graph(5, STAR)
    assert graph.parents.tolist() == [0, 0, 1, 1, 1] and np.array_equal(graph.A[0], np.eye(5))
    assert graph.A[1].tolist() == [[0, 1, 0, 0, 0], [0, 0, 1, 1, 1]] + [[0] * 5] * 3  # A[parent, child]
    assert graph.A[2].T.tolist() == [[0, 1, 0, 0, 0], [0, 0, 1 / 3, 1 / 3, 1 / 3]] + [[0] * 5] * 3


def test_columns_without_an_edge_stay_zero():
    assert tools.normalise_columns(np.array([[2.0, 0], [2, 0]])).tolist() == [[0.5, 0], [0.5, 0]]


@pytest.mark.parametrize(
    'edges, text',
    [
        ([[1, 5]], r'edge \[1, 5\] is not a pair of joints from 0 to 4'),
        ([[-1, 0]], r'edge \[-1, 0\] is not a pair of joints from 0 to 4'),
        ([[1.5, 0]], r'edge \[1.5, 0\] is not a pair'),
        ([[1, 0, 2]], r'edge \[1, 0, 2\] is not a pair'),
        ([[]], r'edge \[\] is not a pair'),
        ([1, 0], r'edge 1 is not a pair'),
        ([[3, 3]], r'edge \[3, 3\] joins a joint to itself; leave the root out'),
        ([[1, 0], [1, 2]], r'joint 1 has several parents in edges'),
    ],
)
def test_a_custom_graph_names_the_wrong_edge(edges, text):
    with pytest.raises(InputError, match=text):
        custom.Graph(5, edges)


@pytest.mark.parametrize(
    'make, text',
    [
        (lambda: ntu_rgb_d.Graph('uniform'), "labeling_mode is 'uniform', not 'spatial'"),
        (lambda: custom.Graph(5, STAR, 'distance'), "labeling_mode is 'distance', not 'spatial'"),
        (lambda: custom.Graph(5, None), 'edges is None; expected a list of pairs'),
        (lambda: custom.Graph('5', STAR), "num_point is '5'; expected a number of joints from 1 to 1000"),
        (lambda: custom.Graph(10**6, STAR), 'num_point is 1000000; expected a number of joints from 1 to 1000'),
        (lambda: ntu_rgb_d_hierarchy.Graph(CoM=3), r'CoM is 3, not one of \[1, 2, 21\]'),
    ],
)
def test_an_unknown_choice_is_named(make, text):
    with pytest.raises(InputError, match=text):
        make()
