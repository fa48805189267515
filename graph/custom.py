"""A skeleton of one's own, its edges given in YAML.

graph: graph.custom.Graph
graph_args: {num_point: 5, edges: [[1, 0], [2, 1], [3, 1], [4, 1]]}
"""

from graph import tools
from torchlight.errors import InputError


class Graph(tools.SpatialGraph):
    """A: (3, V, V) float64, spatial partition. parents: (V,) int64, the bone pairs.

    Args:
        num_point: V.
        edges: [child, parent] pairs, joints counted from 0; each joint has one parent at most.
    Raises InputError for a joint outside 0…V−1, a joint with two parents, or an edge from a joint to itself.
    """

    def __init__(self, num_point, edges, labeling_mode='spatial'):
        for edge in edges:
            if (
                not isinstance(edge, (list, tuple))
                or len(edge) != 2
                or not all(isinstance(joint, int) and 0 <= joint < num_point for joint in edge)
            ):
                raise InputError(f'edge {edge} is not a pair of joints from 0 to {num_point - 1}')
        edges = [tuple(edge) for edge in edges]
        children = [child for child, _ in edges]
        for child, parent in edges:
            if child == parent:
                raise InputError(f'edge {[child, parent]} joins a joint to itself; leave the root out')
            if children.count(child) > 1:
                raise InputError(f'joint {child} has several parents in edges')
        super().__init__(num_point, edges, labeling_mode)
