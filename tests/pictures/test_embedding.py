"""The map of features: which clips, where they are, and how they are named."""

import numpy as np
import pytest

from tests.helpers import picture
from torchlight.pictures.embedding import draw_embedding, evenly, flat


def test_clips_are_chosen_evenly_by_class_and_always_the_same():
    label = np.array([0] * 50 + [1] * 2 + [2] * 30)
    chosen = evenly(label, 20)
    assert np.bincount(label[chosen]).tolist() == [9, 2, 9] and (np.diff(chosen) > 0).all()
    assert (evenly(label, 20) == chosen).all() and chosen[:9].tolist() != list(range(9))
    assert evenly(label, 100).tolist() == list(range(82))


def test_few_samples_are_projected():
    features = np.zeros((5, 7))
    features[:, 3] = [0, 1, 2, 3, 10]
    points, method = flat(features)
    assert method == 'PCA' and points.shape == (5, 2)
    assert np.abs(np.diff(points[:, 0])) == pytest.approx([1, 1, 1, 7]) and points[:, 1] == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize('count', [1, 40])
def test_equal_samples_are_one_point(count):
    points, _ = flat(np.ones((count, 3), np.float32))
    assert points.shape == (count, 2) and np.ptp(points, axis=0) == pytest.approx(0)


def test_many_samples_keep_their_neighbours(tmp_path, figures):
    label = np.arange(36) % 3
    features = np.random.default_rng(0).normal(size=(36, 8)) + 20 * np.eye(8)[label]
    draw_embedding(tmp_path / 'x.png', features, label, ['sit', '', 'jump'])
    clouds = [np.asarray(dots.get_offsets()) for dots in figures[0].axes[0].collections]
    middles = np.array([cloud.mean(0) for cloud in clouds])
    for cloud, middle in zip(clouds, middles):
        spread = np.linalg.norm(cloud - middle, axis=1).max()
        assert sorted(np.linalg.norm(middles - middle, axis=1))[1] > 2 * spread
    assert [text.get_text() for text in figures[0].legends[0].get_texts()] == ['0 sit', '1', '2 jump']
    assert any('t-SNE' in text.get_text() for text in figures[0].texts)


def test_of_many_classes_the_numbers_stand_in_the_map(tmp_path, drawn, monkeypatch):
    monkeypatch.setattr('torchlight.pictures.embedding.flat', lambda x: (x[:, :2], 'x'))
    points, label = np.random.default_rng(0).normal(size=(60, 2)), np.arange(60) % 30
    draw_embedding(tmp_path / 'x.png', points, label, ['x'] * 30)
    texts = drawn[0].axes[0].texts
    assert [text.get_text() for text in texts] == [str(number) for number in range(30)]
    for number, text in enumerate(texts):  # at a clip of that class
        assert any(text.get_position() == pytest.approx(point) for point in points[label == number])
    picture(tmp_path / 'x.png')
