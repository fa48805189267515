"""The 25 joints of NTU RGB+D (Kinect v2)."""

from graph import tools

num_point = 25
# child → parent, joints counted from 1 as the data set's authors do; 21 is the spine at the shoulders
# fmt: off
inward = tools.zero_based([
    (1, 2), (2, 21), (3, 21), (4, 3), (5, 21), (6, 5), (7, 6), (8, 7), (9, 21), (10, 9), (11, 10), (12, 11),
    (13, 1), (14, 13), (15, 14), (16, 15), (17, 1), (18, 17), (19, 18), (20, 19), (22, 23), (23, 8), (24, 25),
    (25, 12)])
joint_names = (
    'base of spine', 'middle of spine', 'neck', 'head', 'left shoulder', 'left elbow', 'left wrist', 'left hand',
    'right shoulder', 'right elbow', 'right wrist', 'right hand', 'left hip', 'left knee', 'left ankle', 'left foot',
    'right hip', 'right knee', 'right ankle', 'right foot', 'top of spine', 'left fingers', 'left thumb',
    'right fingers', 'right thumb')
# fmt: on


class Graph(tools.SpatialGraph):
    """The spatial partition of these joints, A (3, 25, 25); 'spatial' is the only labeling_mode."""

    joint_names = joint_names

    def __init__(self, labeling_mode: str = 'spatial') -> None:
        super().__init__(num_point, inward, labeling_mode)
