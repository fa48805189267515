"""The figures of a prediction show the clip as it moves, and what it was classified as."""

import numpy as np
import pytest
from PIL import Image

from feeders.feeder import Feeder
from feeders.prepare import pose_animation, prediction_figure
from feeders.prepare.pose_animation import animate_clip
from feeders.prepare.prediction_figure import draw_prediction
from feeders.prepare.windows import cut
from feeders.skeleton_store import SkeletonStore
from graph import coco
from graph.ntu_rgb_d import Graph
from tests.feeders.test_feeder import Still
from tests.helpers import picture
from torchlight.pictures.timeline import draw_timeline
from torchlight.predictions import Ranking

FRAMES = np.random.default_rng(0).normal(size=(120, 2, 25, 3)).astype(np.float32)
FRAMES[:, 1, :, 0] += 5
CLASSES = ['drink', 'eat', 'sit down']
PARENTS = Graph().parents.tolist()


@pytest.fixture
def whole():
    return SkeletonStore(FRAMES, [0], [120], ['clip'], [-1], [2], 'ntu60')


def test_an_animation_lasts_as_long_as_the_clip_and_moves(tmp_path):
    animate_clip(tmp_path / 'x.gif', [str(i) for i in range(120)], FRAMES, PARENTS)
    with Image.open(tmp_path / 'x.gif') as gif:
        assert gif.n_frames == 90 and gif.n_frames * gif.info['duration'] / 1000 == pytest.approx(120 / 30, rel=0.1)
        shown = []
        for number in (0, 45):
            gif.seek(number)
            shown.append(np.asarray(gif.convert('RGB')))
    assert (shown[0] != shown[1]).any() and gif.info['loop'] == 0


def test_keypoints_are_drawn_without_their_confidence(tmp_path, monkeypatch):
    frames = np.random.default_rng(0).uniform(size=(9, 1, 17, 3))
    whole, seen = SkeletonStore(frames, [0], [9], ['a'], [-1], [1], confidence=True), []
    monkeypatch.setattr(prediction_figure, 'animate_clip', lambda path, captions, poses, *_: seen.append(poses))
    monkeypatch.setattr(prediction_figure, 'draw_clip', lambda path, title, poses, *_: seen.append(poses))
    for name in ('x.gif', 'x.png'):
        windows = cut(whole, None)
        draw_prediction(
            tmp_path / name, windows, Ranking.of(windows.name, np.array([[3.0, 0, 0]]), 2, CLASSES), Feeder()
        )
    assert all(np.array_equal(poses, frames[..., :2]) for poses in seen) and len(seen) == 2


@pytest.mark.parametrize('coordinates, above', [(3, True), (2, False)])
def test_people_stand_upright_in_space_and_in_images(coordinates, above):
    points = np.zeros((1, 1, 25, 2))
    points[..., 3, 1], points[..., 0, 1] = 1, -1  # the head of NTU is joint 3
    pixels = pose_animation._pixels(points, upright=coordinates == 3)
    assert (pixels[0, 0, 3, 1] < pixels[0, 0, 0, 1]) == above
    assert (pixels >= 0).all() and (pixels <= pose_animation.SIZE + pose_animation.TOP).all()


def test_captions_of_an_animation_follow_the_windows(whole, tmp_path, monkeypatch):
    seen = []
    monkeypatch.setattr(prediction_figure, 'animate_clip', lambda path, captions, *_: seen.extend(captions))
    windows = cut(whole, 60, 60)
    ranking = Ranking.of(windows.name, np.array([[3.0, 0, 0], [0, 0, 9]]), 2, CLASSES, windows.frames)
    draw_prediction(tmp_path / 'x.gif', windows, ranking, Feeder())
    assert [caption.splitlines()[1].split(' ')[0] for caption in seen] == ['drink'] * 60 + ['sit'] * 60


def test_a_picture_has_poses_or_a_timeline(whole, tmp_path, drawn):
    windows = cut(whole, None)
    draw_prediction(
        tmp_path / 'x.png', windows, Ranking.of(windows.name, np.array([[3.0, 0, 0]]), 2, CLASSES), Feeder()
    )
    assert 'clip: drink 9' in drawn[0].get_suptitle()
    windows = cut(whole, 60, 30)
    scores = np.array([[3.0, 0, 0], [0, 0, 9], [3, 0, 0]])
    draw_prediction(tmp_path / 'y.png', windows, Ranking.of(windows.name, scores, 2, CLASSES, windows.frames), Feeder())
    axes = drawn[1].axes[0]
    assert [label.get_text() for label in axes.get_yticklabels()] == ['drink', 'sit down']
    share = np.asarray(axes.images[0].get_array())
    assert share.shape == (2, 120) and share[:, 0].argmax() == 0 and share[:, 40].argmax() == 1


def test_bones_are_those_of_the_feeder_or_else_of_the_data_set(tmp_path, monkeypatch):
    frames, seen = np.random.default_rng(0).normal(size=(9, 1, 17, 2)), []
    whole = SkeletonStore(frames, [0], [9], ['a'], [-1], [1])
    monkeypatch.setattr(prediction_figure, 'animate_clip', lambda *arguments: seen.append(arguments[3]))
    monkeypatch.setattr(prediction_figure, 'draw_clip', lambda *arguments: seen.append(arguments[3]))
    star = Still(whole, 'graph.custom.Graph', {'num_point': 17, 'edges': [[k, 0] for k in range(1, 17)]})
    windows = cut(whole, None)
    ranking = Ranking.of(windows.name, np.array([[3.0, 0, 0]]), 2, CLASSES)
    for feeder in (star, Feeder()):
        for name in ('x.gif', 'x.png'):
            draw_prediction(tmp_path / name, windows, ranking, feeder)
    assert seen == [[0] * 17, [0] * 17, coco.Graph().parents.tolist(), coco.Graph().parents.tolist()]


def test_an_animation_leaves_out_joints_that_were_not_found(tmp_path):
    frames = np.random.default_rng(0).uniform(900, 1000, size=(2, 1, 4, 2))
    animate_clip(tmp_path / 'a.gif', ['', ''], frames, [0, 0, 1, 2])
    lost = np.concatenate([frames, np.zeros((2, 1, 1, 2))], 2)
    animate_clip(tmp_path / 'b.gif', ['', ''], lost, [0, 0, 1, 2, 0])
    assert (tmp_path / 'a.gif').read_bytes() == (tmp_path / 'b.gif').read_bytes()


@pytest.mark.filterwarnings('error')
def test_a_timeline_takes_any_names(tmp_path):
    ranking = Ranking(
        ['a$x_{$'] * 2, np.array([[0], [1]]), np.ones((2, 1)), ['$\\no{$', '跳'], np.array([[0, 3], [2, 5]])
    )
    draw_timeline(tmp_path / 'x.png', 'a$x_{$', ranking)
    picture(tmp_path / 'x.png')
