"""The 20 joints of Kinect v1, in the order of NW-UCLA."""

from graph import tools

num_point = 20
# child → parent, counted from 1; 3 is the centre of the shoulders
# fmt: off
inward = tools.zero_based([
    (1, 2), (2, 3), (4, 3), (5, 3), (6, 5), (7, 6), (8, 7), (9, 3), (10, 9), (11, 10), (12, 11),
    (13, 1), (14, 13), (15, 14), (16, 15), (17, 1), (18, 17), (19, 18), (20, 19)])
joint_names = (
    'centre of hips', 'spine', 'centre of shoulders', 'head', 'left shoulder', 'left elbow', 'left wrist', 'left hand',
    'right shoulder', 'right elbow', 'right wrist', 'right hand', 'left hip', 'left knee', 'left ankle', 'left foot',
    'right hip', 'right knee', 'right ankle', 'right foot')
# fmt: on


class Graph(tools.SpatialGraph):
    """The spatial partition of these joints, A (3, 20, 20); 'spatial' is the only labeling_mode."""

    joint_names = joint_names

    def __init__(self, labeling_mode: str = 'spatial') -> None:
        super().__init__(num_point, inward, labeling_mode)
