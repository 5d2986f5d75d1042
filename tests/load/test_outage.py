"""The outage in the middle of a run, and its end whatever happens."""

from collections.abc import Callable

import pytest

from load.outage import PROCESS, Outage


class FakeProcesses:
    def __init__(self) -> None:
        self.calls: list[tuple[str, str]] = []

    def start(self, name: str) -> None:
        self.calls.append(("start", name))

    def stop(self, names: list[str], within: float, waiting: Callable[[], None]) -> None:
        waiting()
        self.calls += [("stop", name) for name in names]


@pytest.fixture
def processes() -> FakeProcesses:
    return FakeProcesses()


@pytest.fixture
def outage(processes: FakeProcesses) -> Outage:
    return Outage(processes, 60, 30, lambda _: None)


def test_the_consumer_is_stopped_and_started_once(outage: Outage, processes: FakeProcesses) -> None:
    for second in range(120):
        outage.step(second)
    assert processes.calls == [("stop", PROCESS), ("start", PROCESS)]
    assert outage.shown(10) == {"process": PROCESS, "from": 50, "to": 80}


def test_the_queue_is_sampled_while_the_consumer_stops(outage: Outage) -> None:
    sampled: list[int] = []
    outage.step(60, lambda: sampled.append(1))
    assert sampled == [1]


def test_a_run_that_is_interrupted_starts_the_consumer_again(outage: Outage, processes: FakeProcesses) -> None:
    outage.step(61)
    outage.end(65)
    assert processes.calls == [("stop", PROCESS), ("start", PROCESS)]
    assert outage.shown(0) == {"process": PROCESS, "from": 61, "to": 65}


def test_a_run_that_ends_early_had_no_outage(outage: Outage, processes: FakeProcesses) -> None:
    outage.step(59)
    outage.end(59)
    assert (processes.calls, outage.shown(0)) == ([], None)
