from collections.abc import Callable
from threading import active_count
from typing import Any

import pytest

from chassis.aws.clients import RELAY
from chassis.core import metrics
from chassis.core.errors import Unavailable
from chassis.core.measured import OUTBOX_AGE
from chassis.functions.handlers import RELAY_RESERVE
from chassis.functions.sweeps import handler
from chassis.messaging.process import Stop
from chassis.messaging.relay import Relay
from tests.fakes import Invocation
from tests.processes import eventually


class Sweeps(Relay):
    """A relay whose sweep does what it is given."""

    def __init__(self, sweep: Callable[[Stop | None], int]) -> None:
        self._sweep = sweep

    def sweep(self, stop: Stop | None = None) -> int:
        metrics.record(OUTBOX_AGE, 0)
        return self._sweep(stop)


def test_invocation_sweeps_once_and_returns_how_many_events_it_published() -> None:
    assert handler(Sweeps(lambda _: 7))({"Records": []}, Invocation()) == {"published": 7}


def test_sweep_is_asked_to_stop_before_the_invocation_ends() -> None:
    def until_stopped(stop: Stop | None) -> int:
        assert stop is not None
        eventually(lambda: bool(stop), seconds=5)
        return 1

    assert handler(Sweeps(until_stopped))({}, Invocation(RELAY_RESERVE + 0.1)) == {"published": 1}


def test_relay_has_time_for_its_last_call_to_the_bus() -> None:
    assert RELAY.connect + RELAY.read < RELAY_RESERVE


def test_outbox_that_cannot_be_read_fails_the_invocation(metric_lines: Callable[[], list[dict[str, Any]]]) -> None:
    def fail(_: Stop | None) -> int:
        raise Unavailable("DynamoDB does not answer.")

    with pytest.raises(Unavailable):
        handler(Sweeps(fail))({}, Invocation())
    assert [line["OutboxAge"] for line in metric_lines()] == [0]


def test_invocation_leaves_no_timer_behind() -> None:
    before = active_count()
    handler(Sweeps(lambda _: 0))({}, Invocation(600.0))
    eventually(lambda: active_count() <= before, seconds=5)
