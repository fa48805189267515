"""The pictures are there, of a size to look at, and show what they are given."""

import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.image import imread

from torchlight import figures

HISTORY = [
    {'epoch': e, 'train': {'loss': 3 / e, 'cross_entropy': 2 / e, 'lr': 0.1**e, 'top1': 1 - 1 / e}}
    | ({'val': {'loss': 4 / e, 'top1': 0.9 - 0.8 / e, 'top5': 1 - 0.5 / e}} if e % 2 else {})
    for e in range(1, 8)
]


@pytest.fixture
def drawn(monkeypatch):
    """The figures that were saved."""
    seen, save = [], figures._save
    monkeypatch.setattr(figures, '_save', lambda figure, path: (seen.append(figure), save(figure, path)))
    return seen


def picture(path):
    """(height, width, 4) of a PNG that is no single colour."""
    assert path.read_bytes().startswith(b'\x89PNG\r\n\x1a\n') and path.stat().st_size < 1 << 20
    image = imread(path)
    assert image.std() > 0.02
    return image


@pytest.mark.parametrize('classes', [2, 12, 120])
def test_a_confusion_matrix_shows_shares_of_each_true_class(tmp_path, drawn, classes):
    matrix = np.diag(np.arange(classes)) + 1
    matrix[1] = 0  # a class without clips
    figures.draw_confusion(tmp_path / 'x.png', matrix, 'top-1 50.00 %')
    height, width, _ = picture(tmp_path / 'x.png').shape
    assert 400 < height < width < 2000
    axes = drawn[0].axes[0]
    shown = np.asarray(axes.images[0].get_array())
    assert not shown[1].any() and shown[0] == pytest.approx(1 / classes)
    assert axes.get_title() == 'top-1 50.00 %' and bool(axes.texts) == (classes <= 20)


def test_curves_show_losses_accuracies_and_the_learning_rate(tmp_path, drawn):
    figures.draw_curves(tmp_path / 'x.png', HISTORY)
    height, width, _ = picture(tmp_path / 'x.png').shape
    assert 300 < height < width < 2000
    lines = {
        axes.get_title(): {line.get_label(): line.get_xdata().tolist() for line in axes.lines} for axes in drawn[0].axes
    }
    every, odd = list(range(1, 8)), [1, 3, 5, 7]
    assert lines == {
        'loss': {'train loss': every, 'train cross_entropy': every, 'val loss': odd},
        'accuracy': {'train top1': every, 'val top1': odd, 'val top5': odd},
        'learning rate': {'train lr': every},
    }


def test_one_epoch_is_enough_for_curves(tmp_path):
    figures.draw_curves(tmp_path / 'x.png', HISTORY[:1])
    picture(tmp_path / 'x.png')


def test_drawing_needs_no_screen_and_leaves_no_other_file(tmp_path, drawn):
    figures.draw_curves(tmp_path / 'x.png', HISTORY)
    assert isinstance(drawn[0], Figure) and [file.name for file in tmp_path.iterdir()] == ['x.png']
