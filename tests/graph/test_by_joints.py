"""The graph for each number of joints."""

import pytest

from graph.by_joints import GRAPHS, graph_hint
from graph.tools import SkeletonGraph
from torchlight.imports import instantiate


@pytest.mark.parametrize('joints', GRAPHS)
def test_each_graph_has_so_many_joints(joints):
    assert instantiate(GRAPHS[joints], {}, '', kind=SkeletonGraph).num_point == joints


def test_the_hint_names_the_graph_if_there_is_one():
    assert graph_hint(17) == '; graph.coco.Graph has 17 joints' and graph_hint(18) == ''
