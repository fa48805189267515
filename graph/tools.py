"""Adjacency matrices from edge lists.

Legend: V joints, K subsets. An edge (i, j) leads from joint i (child, outer) to joint j (parent, inner).
"""

import numpy as np

from torchlight.errors import InputError


def zero_based(pairs):
    """Joint numbers as published, counted from 1 → counted from 0."""
    return [(child - 1, parent - 1) for child, parent in pairs]


def edge_matrix(edges, num_point):
    """(V, V) float64 with A[j, i] = 1 for each edge i → j."""
    matrix = np.zeros((num_point, num_point))
    for i, j in edges:
        matrix[j, i] = 1
    return matrix


def normalise_columns(matrix):
    """Divide each column by its sum; a column of zeros stays zero."""
    return matrix / matrix.sum(-2, keepdims=True).clip(1)


def spatial_graph(inward, num_point):
    """(3, V, V) float64: identity, inward and outward edges, the last two column-normalised (ST-GCN's partition)."""
    outward = [(j, i) for i, j in inward]
    return np.stack(
        [
            np.eye(num_point),
            normalise_columns(edge_matrix(inward, num_point)),
            normalise_columns(edge_matrix(outward, num_point)),
        ]
    )


def parents(bones, num_point):
    """(V,) int64: each joint's parent by the bone pairs; a joint without one is its own, so its bone is zero."""
    parent = np.arange(num_point)
    for child, inner in bones:
        parent[child] = inner
    return parent


def require_spatial(labeling_mode):
    """Raise InputError unless `labeling_mode` is 'spatial', the one labelling there is."""
    if labeling_mode != 'spatial':
        raise InputError(f"labeling_mode is {labeling_mode!r}, not 'spatial'")


class SpatialGraph:
    """A skeleton by its inward edges: A (3, V, V) float64, spatial partition; parents (V,) int64, the bone pairs."""

    def __init__(self, num_point, inward, labeling_mode):
        require_spatial(labeling_mode)
        self.num_point, self.inward = num_point, inward
        self.A = spatial_graph(inward, num_point)
        self.parents = parents(inward, num_point)
