"""The 22 joints of a hand, in the order of SHREC'17 Track and DHG-14/28: wrist, palm, then each finger outwards."""

from graph import tools

num_point = 22
# child → parent, counted from 1 as TD-GCN does; 2 is the palm
# fmt: off
inward = tools.zero_based([
    (1, 2), (3, 1), (4, 3), (5, 4), (6, 5), (7, 2), (8, 7), (9, 8), (10, 9), (11, 2), (12, 11), (13, 12), (14, 13),
    (15, 2), (16, 15), (17, 16), (18, 17), (19, 2), (20, 19), (21, 20), (22, 21)])
# fmt: on
joint_names = (
    'wrist',
    'palm',
    *(
        f'{part} of {finger}'
        for finger in ('thumb', 'index finger', 'middle finger', 'ring finger', 'little finger')
        for part in ('base', 'first joint', 'second joint', 'tip')
    ),
)


class Graph(tools.SpatialGraph):
    """The spatial partition of these joints, A (3, 22, 22); 'spatial' is the only labeling_mode."""

    joint_names = joint_names

    def __init__(self, labeling_mode: str = 'spatial') -> None:
        super().__init__(num_point, inward, labeling_mode)
