import signal
import threading
import time
from collections.abc import Iterator

import pytest

from chassis.messaging.process import Stop


@pytest.fixture
def stop() -> Iterator[Stop]:
    """A stop that hears this process' signals for the time of the test."""
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    yield Stop().on_signals()
    for number, handler in before.items():
        signal.signal(number, handler)


def signal_after(seconds: float, number: signal.Signals = signal.SIGTERM) -> None:
    timer = threading.Timer(seconds, signal.pthread_kill, (threading.main_thread().ident, number))
    timer.daemon = True
    timer.start()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_cuts_an_idle_wait_short(stop: Stop, number: signal.Signals) -> None:
    signal_after(0.1, number)
    started = time.monotonic()
    assert stop.interruptible(lambda: time.sleep(20)) is None
    assert time.monotonic() - started < 10
    assert stop


def test_a_wait_that_survives_errors_is_cut_short_too(stop: Stop) -> None:
    def wait() -> None:
        try:
            signal.raise_signal(signal.SIGTERM)
        except Exception:  # noqa: BLE001 as a client that tries again does
            pytest.fail("took the signal for an error")

    assert stop.interruptible(wait) is None
    assert stop


def test_a_signal_during_work_lets_it_finish(stop: Stop) -> None:
    done = []
    signal.raise_signal(signal.SIGTERM)
    done.append("the rest of the batch")
    assert done
    assert stop


def test_a_signal_between_the_check_and_the_wait_is_not_lost(stop: Stop) -> None:
    assert not stop
    signal.raise_signal(signal.SIGTERM)
    assert stop.interruptible(lambda: pytest.fail("waits for twenty seconds")) is None


def test_a_wait_that_ends_by_itself_gives_its_answer(stop: Stop) -> None:
    assert stop.interruptible(lambda: "messages") == "messages"
    assert not stop


def test_what_the_wait_raises_is_raised(stop: Stop) -> None:
    def fail() -> None:
        raise ConnectionError

    with pytest.raises(ConnectionError):
        stop.interruptible(fail)
    signal.raise_signal(signal.SIGTERM)  # no longer interruptible: must not raise here
    assert stop


def test_a_pause_ends_at_once_when_asked_to_stop(stop: Stop) -> None:
    signal_after(0.1)
    started = time.monotonic()
    stop.wait(20)
    assert time.monotonic() - started < 10
