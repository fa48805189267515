"""The log, TensorBoard values, and the values of training steps."""

import io
import math
import os

import pytest
import torch
from PIL import Image
from tensorboardX.proto.event_pb2 import Event

from torchlight.errors import InputError
from torchlight.logging import Log, TensorBoard, TrainingValues


def test_the_log_adds_lines_to_its_file_and_makes_the_folder_with_the_first(tmp_path, capsys):
    log = Log(tmp_path / 'work')
    assert not (tmp_path / 'work').exists()
    log('one'), log('two')
    lines = (tmp_path / 'work' / 'log.txt').read_text().splitlines()
    assert [line[-3:] for line in lines] == ['one', 'two'] and all(line.startswith('[ ') for line in lines)
    assert capsys.readouterr().out.splitlines() == lines


@pytest.mark.skipif(not os.path.exists('/dev/full'), reason='there is no /dev/full')
def test_a_log_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / 'log.txt').symlink_to('/dev/full')
    with pytest.raises(InputError, match=r'cannot write .*/log\.txt: No space left on device$'):
        Log(tmp_path)('x')


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


def test_values_that_cannot_be_written_end_with_a_warning_not_the_run(tmp_path, capsys):
    (tmp_path / 'runs').write_text('a file in the place of the folder')
    board = TensorBoard(tmp_path)
    for step in range(50):
        board.add('train', step, loss=1.0)
    board.close()
    assert capsys.readouterr().err.startswith(f'warning: no more TensorBoard values in {tmp_path}/runs: ')


@pytest.mark.skipif(not os.path.exists('/dev/full'), reason='there is no /dev/full')
def test_a_full_disk_ends_the_values_with_a_warning(tmp_path, capsys, monkeypatch):
    board = TensorBoard(tmp_path)
    board.add('train', 1, loss=1.0)
    monkeypatch.setattr(board.writers['train']._py_recordio_writer, '_writer', open('/dev/full', 'wb'))
    for step in range(1000):
        board.add('train', step, loss=1.0)
    board.close()
    assert capsys.readouterr().err.count('No space left on device') == 1


@pytest.mark.parametrize('resumed', [False, True])
def test_the_pictures_of_a_run_are_added_to_its_values_as_they_are(tmp_path, resumed):
    picture = io.BytesIO()
    Image.new('RGBA', (30, 20), 'red').save(picture, 'png')
    for name in ('topology.png', 'curves.png', 'mine.png'):
        (tmp_path / name).write_bytes(picture.getvalue())
    TensorBoard(tmp_path).close()
    assert not (tmp_path / 'runs').exists()  # a test has no values
    board = TensorBoard(tmp_path)
    if not resumed:  # after its last epoch, so that there are no more values
        board.add('train', 6, loss=1.0), board.add('val', 7, loss=1.0)
    board.close(7)
    records = (next((tmp_path / 'runs' / 'val').iterdir())).read_bytes()
    found = []
    while records:  # length, its checksum, the event, its checksum
        length = int.from_bytes(records[:8], 'little')
        event, records = Event.FromString(records[12 : 12 + length]), records[16 + length :]
        found += [(event.step, value) for value in event.summary.value if value.HasField('image')]
    assert [(step, value.tag) for step, value in found] == [(7, 'curves'), (7, 'topology')]
    image = found[0][1].image
    assert (image.width, image.height, image.encoded_image_string) == (30, 20, picture.getvalue())


@pytest.fixture
def values():
    """Values of a training whose TensorBoard keeps (part, step, values) in the list `seen`."""

    class Seen(list):
        def add(self, part, step, **numbers):
            self.append((part, step, numbers))

    return TrainingValues(3, [Seen()], 'try a lower rate')


def terms(loss):
    return {'loss': torch.tensor(loss, requires_grad=True), 'top1': torch.tensor(0.5)}


def test_values_of_steps_are_read_together(values):
    for step, (count, loss) in enumerate([(4, 1.0), (4, 2.0), (2, 3.0)], 1):
        values.add(step, count, 0.1, terms(loss))
    assert values.logs[0] == []
    assert values.read() == {'loss': 3, 'top1': 0.5}
    assert values.means.result() == {'loss': 1.8, 'top1': 0.5}
    assert values.logs[0][1] == ('train', 2, {'lr': 0.1, 'loss': 2, 'top1': 0.5})
    values.add(4, 10, 0.1, terms(1.0))
    values.read()
    assert len(values.logs[0]) == 4 and values.means.result()['loss'] == 1.4


@pytest.mark.parametrize('bad', [math.nan, math.inf])
def test_the_first_loss_that_is_not_finite_is_named(values, bad):
    for step, loss in enumerate([1.0, bad, 2.0, bad], 7):
        values.add(step, 4, 0.25, terms(loss))
    with pytest.raises(
        InputError, match=rf'^the loss is {bad} \(loss\) in epoch 3, step 8, at learning rate 0.25; try a lower rate$'
    ):
        values.read()
    assert len(values.logs[0]) == 1
