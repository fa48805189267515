"""The hierarchically decomposed graph of HD-GCN (Lee et al., ICCV 2023) on the 25 NTU joints.

Legend: L = 6 levels, each of which joins two neighbouring groups of joints around a centre of mass (CoM).
"""

import numpy as np

from graph import ntu_rgb_d, tools
from torchlight.errors import InputError

num_point, inward = ntu_rgb_d.num_point, ntu_rgb_d.inward
# fmt: off
GROUPS = {  # centre of mass: its joint groups from the centre outwards, joints counted from 1
    1: [[1], [2, 13, 17], [14, 18, 21], [3, 5, 9, 15, 19], [4, 6, 10, 16, 20], [7, 11], [8, 12, 22, 23, 24, 25]],
    2: [[2], [1, 21], [13, 17, 3, 5, 9], [14, 18, 4, 6, 10], [15, 19, 7, 11], [16, 20, 8, 12], [22, 23, 24, 25]],
    21: [[21], [2, 3, 5, 9], [4, 6, 10, 1], [7, 11, 13, 17], [8, 12, 14, 18], [22, 23, 24, 25, 15, 19], [16, 20]],
}
# fmt: on


class Graph(tools.SkeletonGraph):
    """A (6, 3, 25, 25) and the seven joint groups of a centre of mass.

    Parameters
    ----------
    CoM : int. The centre of mass: joint 1, 2 or 21, counted from 1 (default 1).
    labeling_mode : str. 'spatial' (default), the only mode that is implemented.

    Raises
    ------
    InputError
        For another `CoM` or `labeling_mode`.
    """

    joint_names = ntu_rgb_d.joint_names

    def __init__(self, CoM: int = 1, labeling_mode: str = 'spatial') -> None:
        tools.require_spatial(labeling_mode)
        if CoM not in GROUPS:
            raise InputError(f'CoM is {CoM!r}, not one of {list(GROUPS)}')
        self.groups = [[joint - 1 for joint in group] for group in GROUPS[CoM]]
        levels = [level_adjacency(*pair) for pair in zip(self.groups, self.groups[1:])]
        super().__init__(num_point, inward, np.stack(levels))


def level_adjacency(inner: list[int], outer: list[int]) -> np.ndarray:
    """Return the subsets of a level, (3, 25, 25) float64.

    They are the self links of both groups, all pairs inner → outer and all pairs outer → inner, the last two
    column-normalised.
    """
    self_links = tools.edge_matrix([(joint, joint) for joint in inner + outer], num_point)
    from_inner = tools.edge_matrix([(i, j) for i in inner for j in outer], num_point)
    from_outer = tools.edge_matrix([(j, i) for i in inner for j in outer], num_point)
    return np.stack([self_links, tools.normalise_columns(from_inner), tools.normalise_columns(from_outer)])
