"""The contract of a graph, and adjacency matrices from edges.

Legend: V joints, K adjacency subsets, L levels. An edge (i, j) leads from joint i (child, outer) to joint j (parent,
inner).
"""

from collections.abc import Iterable, Sequence

import numpy as np

from torchlight.errors import InputError
from torchlight.imports import dotted_name

Edge = tuple[int, int]


class SkeletonGraph:
    """The contract of a graph: what the students and the feeders read from it.

    A custom graph derives from this class (or from SpatialGraph, which computes A) and is named in a config:
    `graph: my_graphs.Graph`, with its own arguments in `graph_args`.

    Parameters
    ----------
    num_point : int. Number of joints V.
    inward : (child, parent) pairs of joints counted from 0. At most one pair for each child.
    A : (K, V, V) or, with levels, (L, K, V, V) float64. Adjacency, A[…, j, i] > 0 for an edge i → j.

    Attributes
    ----------
    num_point, inward, A : as given.
    parents : (V,) int64. The parent of each joint, from which bones are computed; a root is its own parent.
    groups : L + 1 lists of joints from the centre outwards, or None (default) if the graph has no levels.
    joint_names : V str, or () if the joints have only numbers (default).
    """

    groups: list[list[int]] | None = None
    joint_names: Sequence[str] = ()

    def __init__(self, num_point: int, inward: Sequence[Edge], A: np.ndarray) -> None:
        self.num_point, self.inward, self.A = num_point, inward, A
        self.parents = parent_joints(inward, num_point)

    def __str__(self) -> str:
        return dotted_name(type(self))


class SpatialGraph(SkeletonGraph):
    """A graph whose A is the spatial partition of its edges, (3, V, V).

    Parameters
    ----------
    num_point : int. Number of joints V.
    inward : (child, parent) pairs of joints counted from 0.
    labeling_mode : str. 'spatial', the only mode that is implemented.

    Raises
    ------
    InputError
        For another `labeling_mode`.
    """

    def __init__(self, num_point: int, inward: Sequence[Edge], labeling_mode: str) -> None:
        require_spatial(labeling_mode)
        super().__init__(num_point, inward, spatial_adjacency(inward, num_point))


def zero_based(pairs: Iterable[Edge]) -> list[Edge]:
    """Convert edges between joints counted from 1, as they are published, to joints counted from 0."""
    return [(child - 1, parent - 1) for child, parent in pairs]


def edge_matrix(edges: Iterable[Edge], num_point: int) -> np.ndarray:
    """Return the (V, V) float64 matrix with A[j, i] = 1 for each edge i → j."""
    matrix = np.zeros((num_point, num_point))
    for i, j in edges:
        matrix[j, i] = 1
    return matrix


def normalise_columns(matrix: np.ndarray) -> np.ndarray:
    """Divide each column by its sum; a column of zeros stays zero."""
    return matrix / matrix.sum(-2, keepdims=True).clip(1)


def spatial_adjacency(inward: Sequence[Edge], num_point: int) -> np.ndarray:
    """Return the spatial partition of ST-GCN, (3, V, V) float64.

    The subsets are the identity, the inward edges and the outward edges, the last two column-normalised.
    """
    outward = [(j, i) for i, j in inward]
    directions = [normalise_columns(edge_matrix(edges, num_point)) for edges in (inward, outward)]
    return np.stack([np.eye(num_point), *directions])


def parent_joints(inward: Iterable[Edge], num_point: int) -> np.ndarray:
    """Return the parent of each joint, (V,) int64; a joint without one is its own parent, so its bone is zero."""
    parents = np.arange(num_point)
    for child, parent in inward:
        parents[child] = parent
    return parents


def require_spatial(labeling_mode: str) -> None:
    """Raise InputError unless `labeling_mode` is 'spatial'."""
    if labeling_mode != 'spatial':
        raise InputError(f"labeling_mode is {labeling_mode!r}, not 'spatial'")
