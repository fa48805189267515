"""The JSON of pose estimators: one clip in every form, and who is kept."""

import json

import numpy as np
import pytest

from feeders.recordings.clips import ClipError
from feeders.recordings.pose_estimators import BODY_25, COCO_18, read_poses

CLIP = np.random.default_rng(0).uniform(0.1, 0.9, (12, 17, 3))  # (T, V, C)


def openpose(poses, order=BODY_25, number=25, identity=-1):
    """A frame of OpenPose."""
    people = []
    for pose in poses:
        numbers = np.zeros((number, 3))
        numbers[list(order)] = pose
        people.append({'person_id': [identity], 'pose_keypoints_2d': numbers.ravel().tolist()})
    return {'version': 1.3, 'people': people}


def result(image, pose, **more):
    """An entry of AlphaPose or of COCO results."""
    return {'image_id': image, 'category_id': 1, 'keypoints': np.ravel(pose).tolist(), 'score': 2.5, **more}


def instance(pose, **more):
    """A person of MMPose."""
    return {'keypoints': pose[:, :2].tolist(), 'keypoint_scores': pose[:, 2].tolist(), **more}


@pytest.fixture
def write(tmp_path):
    """Writes one record as a file, or several as the files of a folder; gives the path."""

    def write(*records, folder=False):
        (tmp_path / 'x').mkdir(exist_ok=True)
        if not folder:
            (tmp_path / 'x.json').write_text(json.dumps(records[0]))
            return tmp_path / 'x.json'
        for number, record in enumerate(records):
            (tmp_path / 'x' / f'x_{number}_keypoints.json').write_text(json.dumps(record))
        return tmp_path / 'x'

    return write


def forms(write):
    """The clip in every form."""
    yield write(*(openpose([pose]) for pose in CLIP), folder=True)
    yield write(*(openpose([pose], COCO_18, 18) for pose in CLIP), folder=True)
    yield write([result(f'{t}.jpg', pose) for t, pose in enumerate(CLIP)])
    yield write([result(t, pose, idx=1) for t, pose in enumerate(CLIP)][::-1])
    frames = [{'frame_id': t, 'instances': [instance(pose)]} for t, pose in enumerate(CLIP)]
    yield write(frames)
    yield write({'meta_info': {}, 'instance_info': frames[::-1]})


def test_one_clip_is_the_same_in_every_form(write):
    for path in forms(write):
        np.testing.assert_array_equal(read_poses(path, 1), CLIP[:, None])


def test_keypoints_of_openpose_are_those_of_coco():
    """The names of the keypoints, as OpenPose and COCO list them."""
    arms = 'neck, r shoulder, r elbow, r wrist, l shoulder, l elbow, l wrist'.split(', ')
    legs, face = ['r hip', 'r knee', 'r ankle', 'l hip', 'l knee', 'l ankle'], ['r eye', 'l eye', 'r ear', 'l ear']
    parts = 'eye', 'ear', 'shoulder', 'elbow', 'wrist', 'hip', 'knee', 'ankle'
    coco = ['nose', *(f'{side} {part}' for part in parts for side in 'lr')]
    for order, names in ((BODY_25, [*arms, 'middle of the hips', *legs, *face]), (COCO_18, [*arms, *legs, *face])):
        assert [['nose', *names][place] for place in order] == coco


def test_a_file_of_one_picture_is_one_frame(write):
    np.testing.assert_array_equal(read_poses(write([instance(CLIP[0])]), 1), CLIP[:1, None])
    np.testing.assert_array_equal(read_poses(write(openpose([CLIP[0]])), 1), CLIP[:1, None])


def test_frames_without_anybody_are_left_out(write):
    path = write(openpose([]), openpose([CLIP[0]]), {'people': [{'pose_keypoints_2d': []}]}, folder=True)
    np.testing.assert_array_equal(read_poses(path, 2), CLIP[:1, None])


def test_persons_who_are_followed_keep_their_slot(write):
    weak, strong, short = CLIP * [1, 1, 0.5], CLIP, CLIP * [1, 1, 1.1]
    entries = []
    for t in range(12):
        entries += [result(t, weak[t], idx=[7])] + ([result(t, strong[t], idx=3.0)] if t != 4 else [])
        entries += [result(t, short[t], idx=9)] if t < 2 else []
    found = read_poses(write(entries), 2)
    assert found.shape == (12, 2, 17, 3) and not found[4, 0].any()
    np.testing.assert_array_equal(np.delete(found[:, 0], 4, 0), np.delete(strong, 4, 0))
    np.testing.assert_array_equal(found[:, 1], weak)
    assert read_poses(write(entries), 1).shape == (11, 1, 17, 3)  # nobody who is kept is in frame 4


def test_of_two_poses_with_one_number_the_more_confident_is_kept(write):
    sure, doubtful, other = (CLIP * [1, 1, share] for share in (0.9, 0.1, 0.95))
    entries = [result(t, pose[t], idx=1) for t in range(12) for pose in (sure, doubtful)]
    entries += [result(t, other[t], idx=2) for t in range(12)]
    np.testing.assert_array_equal(read_poses(write(entries), 2), np.stack([other, sure], 1))  # in order of confidence


def test_otherwise_the_most_confident_of_each_frame_come_first(write):
    frames = [{'instances': [instance(CLIP[t] * [1, 1, share]) for share in (0.3, 1, 0.5)]} for t in range(3)]
    found = read_poses(write(frames), 2)
    np.testing.assert_allclose(found, np.stack([CLIP[:3], CLIP[:3] * [1, 1, 0.5]], 1))


@pytest.mark.parametrize(
    'record, problem',
    [
        ({}, 'has no keypoints of OpenPose'),
        ([], 'has no keypoints of OpenPose'),
        ('x', 'has no keypoints'),
        ([1], 'unknown form: TypeError'),
        ({'people': []}, 'nobody was found'),
        ({'people': [{}]}, 'unknown form: KeyError'),
        ({'people': [{'pose_keypoints_2d': [1] * 51}]}, '51 numbers for a person, expected 75'),
        ([result(0, [1] * 54)], r'keypoints of shape \(18, 3\)'),
        ([result(0, ['x'] * 51)], 'unknown form: ValueError'),
        ([result(0, [10**400] * 51)], 'unknown form: OverflowError'),
        ([{'instances': [{'keypoints': [[1, 2]] * 17, 'keypoint_scores': [1] * 16}]}], 'unknown form: ValueError'),
    ],
)
def test_other_contents_are_refused(write, record, problem):
    with pytest.raises(ClipError, match=problem):
        read_poses(write(record), 1)


def test_what_is_no_json_is_refused_with_its_line(tmp_path):
    (tmp_path / 'x.json').write_text('[1,\n2')
    with pytest.raises(ClipError, match=r'line 2: x.json is not JSON'):
        read_poses(tmp_path / 'x.json', 1)
    (tmp_path / 'x.json').write_text('[' * 200_000)
    with pytest.raises(ClipError, match=r'x.json is not JSON'):
        read_poses(tmp_path / 'x.json', 1)
