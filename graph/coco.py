"""The 17 keypoints of COCO, which most 2-D pose estimators give; odd ones are on the left, even ones on the right."""

from graph import tools

num_point = 17
# child → parent, counted from 0; 0 is the nose, then eyes, ears, shoulders, elbows, wrists, hips, knees, ankles
# fmt: off
inward = [
    (1, 0), (2, 0), (3, 1), (4, 2), (5, 0), (6, 0), (7, 5), (8, 6), (9, 7), (10, 8), (11, 5), (12, 6), (13, 11),
    (14, 12), (15, 13), (16, 14)]
joint_names = (
    'nose', 'left eye', 'right eye', 'left ear', 'right ear', 'left shoulder', 'right shoulder', 'left elbow',
    'right elbow', 'left wrist', 'right wrist', 'left hip', 'right hip', 'left knee', 'right knee', 'left ankle',
    'right ankle')
# fmt: on


class Graph(tools.SpatialGraph):
    """The spatial partition of these keypoints, A (3, 17, 17); 'spatial' is the only labeling_mode."""

    joint_names = joint_names

    def __init__(self, labeling_mode: str = 'spatial') -> None:
        super().__init__(num_point, inward, labeling_mode)
