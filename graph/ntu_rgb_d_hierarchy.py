"""The hierarchically decomposed graph of HD-GCN (Lee et al., ICCV 2023) on the 25 NTU joints.

Legend: L levels (6), each joining two neighbouring groups of joints around a centre of mass (CoM).
"""

import numpy as np

from graph import ntu_rgb_d, tools
from torchlight.errors import InputError

num_point = ntu_rgb_d.num_point
# fmt: off
GROUPS = {  # centre of mass: its joint groups from the centre outwards, joints counted from 1
    1: [[1], [2, 13, 17], [14, 18, 21], [3, 5, 9, 15, 19], [4, 6, 10, 16, 20], [7, 11], [8, 12, 22, 23, 24, 25]],
    2: [[2], [1, 21], [13, 17, 3, 5, 9], [14, 18, 4, 6, 10], [15, 19, 7, 11], [16, 20, 8, 12], [22, 23, 24, 25]],
    21: [[21], [2, 3, 5, 9], [4, 6, 10, 1], [7, 11, 13, 17], [8, 12, 14, 18], [22, 23, 24, 25, 15, 19], [16, 20]],
}
# fmt: on


class Graph:
    """A: (L, 3, 25, 25) float64; groups: the seven joint groups, counted from 0; parents: (25,) int64.

    Args:
        CoM: the centre of mass, 1, 2 or 21.
    """

    def __init__(self, CoM=1, labeling_mode='spatial'):
        tools.require_spatial(labeling_mode)
        if CoM not in GROUPS:
            raise InputError(f'CoM is {CoM!r}, not one of {list(GROUPS)}')
        self.num_point, self.inward = num_point, ntu_rgb_d.inward
        self.groups = [[joint - 1 for joint in group] for group in GROUPS[CoM]]
        self.A = np.stack([level(*pair) for pair in zip(self.groups, self.groups[1:])])
        self.parents = tools.parents(self.inward, num_point)


def level(inner, outer):
    """(3, 25, 25): self links of both groups, all pairs inner → outer, all pairs outer → inner."""
    itself = tools.edge_matrix([(joint, joint) for joint in inner + outer], num_point)
    outward = tools.edge_matrix([(i, j) for i in inner for j in outer], num_point)
    inward = tools.edge_matrix([(j, i) for i in inner for j in outer], num_point)
    return np.stack([itself, tools.normalise_columns(outward), tools.normalise_columns(inward)])
