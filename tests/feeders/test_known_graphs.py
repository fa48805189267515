"""Which skeleton clips are drawn with if no graph is given."""

from feeders.known_graphs import graph_of, parents_of
from graph import coco


def test_the_graph_is_that_of_the_data_set_or_of_one_with_as_many_joints():
    assert graph_of('ntu120', 25, 3) == graph_of('utd-mhad', 25, 3) == 'graph.ntu_rgb_d.Graph'
    assert graph_of('utd-mhad', 20, 3) == graph_of('', 20, 2) == 'graph.ucla.Graph'
    assert graph_of('ntu60', 17, 3) == graph_of('mine', 17, 3) == graph_of('mine', 18, 2) == ''
    assert graph_of('mine', 17, 2) == 'graph.coco.Graph'


def test_parents_are_those_of_the_graph():
    assert parents_of('mine', 17, 2) == coco.Graph().parents.tolist() and parents_of('mine', 18, 2) is None
