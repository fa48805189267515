"""The curves show what the history has."""

from matplotlib.figure import Figure

from tests.helpers import picture
from torchlight.pictures.curves import draw_curves

HISTORY = [
    {'epoch': e, 'train': {'loss': 3 / e, 'cross_entropy': 2 / e, 'lr': 0.1**e, 'top1': 1 - 1 / e}}
    | ({'val': {'loss': 4 / e, 'top1': 0.9 - 0.8 / e, 'top5': 1 - 0.5 / e}} if e % 2 else {})
    for e in range(1, 8)
]


def test_curves_show_losses_accuracies_and_the_learning_rate(tmp_path, drawn):
    draw_curves(tmp_path / 'x.png', HISTORY)
    height, width, _ = picture(tmp_path / 'x.png').shape
    assert 300 < height < width < 2000
    every, odd = list(range(1, 8)), [1, 3, 5, 7]
    assert [{line.get_label(): line.get_xdata().tolist() for line in axes.lines} for axes in drawn[0].axes] == [
        {'train loss': every, 'train cross_entropy': every, 'val loss': odd},
        {'train top1': every, 'val top1': odd, 'val top5': odd},
        {'train lr': every},
    ]


def test_terms_are_drawn_as_they_enter_the_loss(tmp_path, figures):
    draw_curves(tmp_path / 'x.png', HISTORY, weights={'cross_entropy': 0.5})
    lines = {line.get_label(): line.get_ydata()[0] for line in figures[0].axes[0].lines}
    assert lines == {'train loss': 3, 'train 0.5 × cross_entropy': 1, 'val loss': 4}


def test_the_best_epoch_is_marked_and_named(tmp_path, figures):
    draw_curves(tmp_path / 'x.png', HISTORY, {'accuracy': 0.7333, 'epoch': 5})
    assert figures[0].axes[1].get_title(loc='left') == 'accuracy in %; best: 73.33 in epoch 5'
    for axes in figures[0].axes:
        assert axes.lines[-1].get_xdata() == [5, 5]


def test_one_epoch_is_enough_for_curves(tmp_path):
    draw_curves(tmp_path / 'x.png', HISTORY[:1])
    picture(tmp_path / 'x.png')


def test_drawing_needs_no_screen_and_leaves_no_other_file(tmp_path, drawn):
    draw_curves(tmp_path / 'x.png', HISTORY)
    assert isinstance(drawn[0], Figure) and [file.name for file in tmp_path.iterdir()] == ['x.png']
