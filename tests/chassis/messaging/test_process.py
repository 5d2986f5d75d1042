import signal
import threading
import time
from collections.abc import Iterator

import pytest

from chassis.messaging.process import Stop


@pytest.fixture
def stop() -> Iterator[Stop]:
    """A stop that handles the signals of this process during the test."""
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    yield Stop().on_signals()
    for number, handler in before.items():
        signal.signal(number, handler)


def signal_after(seconds: float, number: signal.Signals = signal.SIGTERM) -> None:
    timer = threading.Timer(seconds, signal.pthread_kill, (threading.main_thread().ident, number))
    timer.daemon = True
    timer.start()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signal_ends_an_idle_wait(stop: Stop, number: signal.Signals) -> None:
    signal_after(0.1, number)
    started = time.monotonic()
    assert stop.interruptible(lambda: time.sleep(20)) is None
    assert time.monotonic() - started < 10
    assert stop


def test_signal_ends_a_wait_that_catches_exceptions(stop: Stop) -> None:
    def wait() -> None:
        try:
            signal.raise_signal(signal.SIGTERM)
        except Exception:  # noqa: BLE001 as the retry logic of a client does
            pytest.fail("the signal was caught as an error")

    assert stop.interruptible(wait) is None
    assert stop


def test_signal_does_not_interrupt_work(stop: Stop) -> None:
    done = []
    signal.raise_signal(signal.SIGTERM)
    done.append("the rest of the batch")
    assert done
    assert stop


def test_signal_before_the_wait_is_not_lost(stop: Stop) -> None:
    assert not stop
    signal.raise_signal(signal.SIGTERM)
    assert stop.interruptible(lambda: pytest.fail("waited in spite of the signal")) is None


def test_uninterrupted_wait_returns_its_result(stop: Stop) -> None:
    assert stop.interruptible(lambda: "messages") == "messages"
    assert not stop


def test_exception_of_the_wait_is_raised(stop: Stop) -> None:
    def fail() -> None:
        raise ConnectionError

    with pytest.raises(ConnectionError):
        stop.interruptible(fail)
    signal.raise_signal(signal.SIGTERM)  # must not raise here, because the wait is over
    assert stop


def test_pause_ends_when_asked_to_stop(stop: Stop) -> None:
    signal_after(0.1)
    started = time.monotonic()
    stop.wait(20)
    assert time.monotonic() - started < 10
