"""The picture of a confusion matrix shows what it is given."""

import numpy as np
import pytest

from tests.helpers import picture
from torchlight.pictures.confusion import draw_confusion


@pytest.mark.parametrize('classes', [2, 12, 120])
def test_a_confusion_matrix_shows_shares_of_each_true_class(tmp_path, drawn, classes):
    matrix = np.diag(np.arange(classes)) + 1
    matrix[1] = 0  # a class without clips
    draw_confusion(tmp_path / 'x.png', matrix, 'top-1 50.00 %')
    height, width, _ = picture(tmp_path / 'x.png').shape
    assert 400 < height < width < 2000
    axes = drawn[0].axes[0]
    shown = np.asarray(axes.images[0].get_array())
    assert not shown[1].any() and shown[0] == pytest.approx(1 / classes)
    assert axes.get_title() == 'top-1 50.00 %' and bool(axes.texts) == (classes <= 20)
