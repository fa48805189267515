"""The time that a loop waits, what a bar shows, and the time that is left."""

import io
import sys
import time

import pytest

from torchlight.progress import Clock, Progress, duration


class Terminal(io.StringIO):
    """A stream that says that it is a terminal."""

    def isatty(self):
        return True


def test_progress_measures_the_time_that_the_loop_waits():
    def slow():
        for item in range(3):
            time.sleep(0.05)
            yield item

    items = Progress(slow(), 'x')
    assert list(items) == [0, 1, 2] and 0.15 <= items.waited <= items.seconds
    assert items.timing(30).startswith(f'{items.seconds:.1f} s, ') and '[Data] ' in items.timing(30)


def test_on_a_terminal_the_bar_shows_the_means_and_the_time_that_is_left(monkeypatch):
    monkeypatch.setattr(sys, 'stderr', Terminal())
    monkeypatch.setattr('torchlight.progress.EVERY', 0)
    items = Progress(range(3), 'epoch 1/2')
    for item in items:
        assert items.due()
        items.show({'loss': 1.25, 'top1': 0.5}, item * 8, '9.0 s')
        items.bar.refresh()
    shown = sys.stderr.getvalue()
    assert 'epoch 1/2 ' in shown and '/3, loss 1.250, top-1 50.0 %, ' in shown and ' clips/s, 9.0 s left' in shown


def test_a_pipe_shows_nothing(monkeypatch):
    for stream, quiet in ((io.StringIO(), False), (Terminal(), True)):
        monkeypatch.setattr(sys, 'stderr', stream)
        items = Progress(range(3), 'x', quiet)
        assert list(items) == [0, 1, 2] and not items.due() and stream.getvalue() == ''


def test_the_rest_of_a_run_takes_as_long_as_what_is_done_did(monkeypatch):
    now = [100.0]
    monkeypatch.setattr(time, 'monotonic', lambda: now[0])
    clock = Clock()
    clock.start(2.5, 10)  # continued inside the third of ten epochs
    now[0] = 130.0
    assert clock.seconds == 30 and clock.left(5) == '1 min 0 s' and clock.left(10) == '0.0 s'


@pytest.mark.parametrize(
    'seconds, text',
    [(9.54, '9.5 s'), (59.96, '1 min 0 s'), (272.4, '4 min 32 s'), (3599.7, '1 h 0 min'), (43500, '12 h 5 min')],
)
def test_times_are_written_for_people(seconds, text):
    assert duration(seconds) == text
