"""The log, the time that a loop waits, TensorBoard values, and curves."""

import time

from matplotlib.figure import Figure

from tests.helpers import picture
from torchlight.logging import Log, Progress, TensorBoard, draw_curves

HISTORY = [
    {'epoch': e, 'train': {'loss': 3 / e, 'cross_entropy': 2 / e, 'lr': 0.1**e, 'top1': 1 - 1 / e}}
    | ({'val': {'loss': 4 / e, 'top1': 0.9 - 0.8 / e, 'top5': 1 - 0.5 / e}} if e % 2 else {})
    for e in range(1, 8)
]


def test_curves_show_losses_accuracies_and_the_learning_rate(tmp_path, drawn):
    draw_curves(tmp_path / 'x.png', HISTORY)
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
    draw_curves(tmp_path / 'x.png', HISTORY[:1])
    picture(tmp_path / 'x.png')


def test_drawing_needs_no_screen_and_leaves_no_other_file(tmp_path, drawn):
    draw_curves(tmp_path / 'x.png', HISTORY)
    assert isinstance(drawn[0], Figure) and [file.name for file in tmp_path.iterdir()] == ['x.png']


def test_the_log_adds_lines_to_its_file_and_makes_the_folder_with_the_first(tmp_path, capsys):
    log = Log(tmp_path / 'work')
    assert not (tmp_path / 'work').exists()
    log('one'), log('two')
    lines = (tmp_path / 'work' / 'log.txt').read_text().splitlines()
    assert [line[-3:] for line in lines] == ['one', 'two'] and all(line.startswith('[ ') for line in lines)
    assert capsys.readouterr().out.splitlines() == lines


def test_a_quiet_log_and_quiet_values_leave_nothing(tmp_path, capsys):
    Log(tmp_path / 'a', quiet=True)('x')
    TensorBoard(tmp_path / 'b', quiet=True).add('train', 1, loss=1.0)
    assert not list(tmp_path.iterdir()) and not capsys.readouterr().out
    Log(tmp_path / 'c', to_file=False)('x')
    assert not list(tmp_path.iterdir()) and capsys.readouterr().out.endswith('x\n')


def test_values_go_to_the_folder_of_their_part(tmp_path):
    board = TensorBoard(tmp_path)
    board.add('train', 1, loss=1.0)
    board.close()
    assert [path.name for path in (tmp_path / 'runs').iterdir()] == ['train']


def test_progress_measures_the_time_that_the_loop_waits():
    def slow():
        for item in range(3):
            time.sleep(0.05)
            yield item

    items = Progress(slow(), 'x')
    assert list(items) == [0, 1, 2] and 0.15 <= items.waited <= items.seconds
    assert items.timing(30).startswith(f'{items.seconds:.1f} s, ') and '[Data] ' in items.timing(30)
