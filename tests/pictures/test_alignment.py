"""The similarity of skeletons and videos, ordered by class."""

import numpy as np

from tests.helpers import picture
from torchlight.pictures.alignment import draw_alignment


def test_clips_are_ordered_by_class_and_blocks_named(tmp_path, drawn):
    label = np.array([2, 0, 2, 0, 0])
    similarity = np.where(label[:, None] == label, 0.5, 0.1) + 0.3 * np.eye(5)
    similarity[1, 3] = 0.9
    draw_alignment(tmp_path / 'x.png', similarity, label, ['sit', 'jump', 'kick'])
    picture(tmp_path / 'x.png')
    axes = drawn[0].axes[0]
    order = [1, 3, 4, 0, 2]
    np.testing.assert_array_equal(axes.images[0].get_array(), similarity[np.ix_(order, order)])
    assert [text.get_text() for text in axes.get_yticklabels()] == ['0 sit', '2 kick']
    assert axes.get_yticks().tolist() == axes.get_xticks().tolist() == [1, 3.5]
    text = 'mean similarity: same clip 0.80, same class 0.55, other classes 0.10'
    assert text in [line.get_text() for line in drawn[0].texts]


def test_one_clip_is_enough(tmp_path):
    draw_alignment(tmp_path / 'x.png', np.ones((1, 1)), np.array([3]))
    assert (tmp_path / 'x.png').exists()
