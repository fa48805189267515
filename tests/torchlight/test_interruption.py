"""Signals: raised where they arrive, or noted until the work asks."""

import os
import signal

import pytest

from torchlight import interruption
from torchlight.interruption import Terminated, deferred, handled, pending


def send(number):
    os.kill(os.getpid(), number)


@pytest.mark.parametrize(('number', 'error'), [(signal.SIGTERM, Terminated), (signal.SIGINT, KeyboardInterrupt)])
def test_the_first_signal_waits_for_the_end_of_the_block(number, error):
    steps = []
    with handled() as received, pytest.raises(error):
        with deferred():
            send(number)
            steps.append(pending())
        steps.append('not reached')
    assert steps == [True] and received == [number]


def test_the_second_signal_is_raised_where_it_arrives():
    with handled(), pytest.raises(Terminated), deferred():
        send(signal.SIGTERM)
        send(signal.SIGINT)
        pytest.fail('not reached')


def test_outside_the_block_a_signal_is_raised_at_once():
    with handled(), pytest.raises(Terminated):
        send(signal.SIGTERM)
        pytest.fail('not reached')


def test_without_a_signal_nothing_happens_and_the_former_handlers_come_back():
    former = [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)]
    with handled(), deferred():
        assert not pending()
    assert [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)] == former


def test_under_torchrun_sigterm_has_its_default_meaning_outside_the_block(monkeypatch):
    monkeypatch.setenv('TORCHELASTIC_RUN_ID', 'x')
    with handled():
        assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL


def test_under_torchrun_a_signal_that_arrives_twice_counts_once(monkeypatch):
    monkeypatch.setenv('TORCHELASTIC_RUN_ID', 'x')
    steps = []
    with handled(), pytest.raises(Terminated), deferred():
        send(signal.SIGTERM)
        send(signal.SIGTERM)
        steps.append('reached')
        monkeypatch.setattr(interruption, 'ECHO', 0)
        send(signal.SIGTERM)
        pytest.fail('not reached')
    assert steps == ['reached']


def test_ctrl_c_that_is_ignored_stays_ignored(monkeypatch):
    former = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with handled(), deferred():
            send(signal.SIGINT)
            assert not pending()
    finally:
        signal.signal(signal.SIGINT, former)
