"""A skeleton whose edges are given in the config.

graph: graph.custom.Graph
graph_args: {num_point: 5, edges: [[1, 0], [2, 1], [3, 1], [4, 1]]}
"""

from collections.abc import Sequence
from typing import Any

from graph import tools
from torchlight.errors import InputError

MOST_JOINTS = 1000  # A takes 24 bytes for each pair of joints


class Graph(tools.SpatialGraph):
    """The spatial partition of any edges.

    Parameters
    ----------
    num_point : int. Number of joints V.
    edges : [child, parent] pairs of joints counted from 0. Each joint has at most one parent.
    labeling_mode : str. 'spatial' (default), the only mode that is implemented.

    Raises
    ------
    InputError
        For other types, a joint outside 0…V−1, a joint with two parents, or an edge from a joint to itself.
    """

    def __init__(self, num_point: int, edges: Sequence[Sequence[int]], labeling_mode: str = 'spatial') -> None:
        if not isinstance(num_point, int) or not 1 <= num_point <= MOST_JOINTS:
            raise InputError(f'num_point is {num_point!r}; expected a number of joints from 1 to {MOST_JOINTS}')
        if not isinstance(edges, (list, tuple)):
            raise InputError(f'edges is {edges!r}; expected a list of pairs [child, parent]')
        for edge in edges:
            if not is_pair_of_joints(edge, num_point):
                raise InputError(f'edge {edge} is not a pair of joints from 0 to {num_point - 1}')
        edges = [tuple(edge) for edge in edges]
        children = [child for child, _ in edges]
        for child, parent in edges:
            if child == parent:
                raise InputError(f'edge {[child, parent]} joins a joint to itself; leave the root out')
            if children.count(child) > 1:
                raise InputError(f'joint {child} has several parents in edges')
        super().__init__(num_point, edges, labeling_mode)


def is_pair_of_joints(edge: Any, num_point: int) -> bool:
    """Return whether `edge`, as a config gives it, is two joints from 0 to num_point − 1."""
    return (
        isinstance(edge, (list, tuple))
        and len(edge) == 2
        and all(isinstance(joint, int) and 0 <= joint < num_point for joint in edge)
    )
