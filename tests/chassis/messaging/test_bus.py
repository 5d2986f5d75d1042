from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import pytest
import structlog
from botocore.exceptions import ClientError, EndpointConnectionError
from hypothesis import given
from hypothesis import strategies as st

from chassis.aws.clients import Clients
from chassis.core.errors import Unavailable
from chassis.core.events import Event
from chassis.messaging.bus import EventBus, batches

MAX_ENTRIES, MAX_BYTES = 10, 256 * 1024  # AWS's limits, whatever the code says


def event(name: str, size: int = 40) -> Event:
    return Event(name, "s", "d", "x" * (size - 2))


class FakeEvents:
    """Refuses the entries whose source is in `refused`, and whole calls with one whose source is in `poison`."""

    def __init__(self, refused: set[str] | None = None, poison: set[str] | None = None) -> None:
        self.calls: list[list[str]] = []
        self._refused = refused or set()
        self._poison = poison or set()

    def put_events(self, *, Entries: list[dict[str, str]]) -> Any:  # noqa: N803 AWS's name
        names = [entry["Source"] for entry in Entries]
        self.calls.append(names)
        if self._poison.intersection(names):
            answer = {"Error": {"Code": "ValidationException"}, "ResponseMetadata": {"HTTPStatusCode": 400}}
            raise ClientError(answer, "PutEvents")  # type: ignore[arg-type] # the parts that are read
        results = [{"ErrorCode": "InternalFailure"} if n in self._refused else {"EventId": n} for n in names]
        return {"FailedEntryCount": len(self._refused.intersection(names)), "Entries": results}


def named(count: int) -> list[Event]:
    return [Event(f"e{n}", f"e{n}", "d", "{}") for n in range(count)]


def test_each_event_that_does_not_get_through_is_logged() -> None:
    with structlog.testing.capture_logs() as logged:
        EventBus(FakeEvents(refused={"e1"}), "bus").publish(named(2))
        EventBus(FakeEvents(poison={"e2"}), "bus").publish(named(3)[1:])
        EventBus(FakeEvents(), "bus").publish([event("huge", MAX_BYTES + 1)])
    assert [line["event_id"] for line in logged] == ["e1", "e2", "huge"]


@pytest.mark.parametrize("failing", range(11))
def test_only_what_the_bus_took_is_reported(failing: int) -> None:
    events = named(10)
    refused = {e.source for e in events[:failing]}
    assert EventBus(FakeEvents(refused), "bus").publish(events) == events[failing:]


def test_one_event_that_spoils_a_call_delays_no_other() -> None:
    events, client = named(10), FakeEvents(poison={"e3"})
    assert EventBus(client, "bus").publish(events) == [e for e in events if e.id != "e3"]
    assert len(client.calls) <= 9  # halves, not one by one from the start


def test_a_bus_that_does_not_answer_is_unavailable() -> None:
    class Down:
        def put_events(self, **_: Any) -> Any:
            raise EndpointConnectionError(endpoint_url="http://127.0.0.1")

    with pytest.raises(Unavailable):
        EventBus(Down(), "bus").publish(named(1))


def test_an_entry_says_where_it_goes_and_what_it_is() -> None:
    seen: list[Any] = []

    class Recorder:
        def put_events(self, **call: Any) -> Any:
            seen.append(call)
            return {"FailedEntryCount": 0, "Entries": [{"EventId": "1"}]}

    EventBus(Recorder(), "shop-bus").publish([Event("1", "com.example", "Happened", "{}")])
    entry = {"EventBusName": "shop-bus", "Source": "com.example", "DetailType": "Happened", "Detail": "{}"}
    assert seen == [{"Entries": [entry]}]


@given(st.lists(st.integers(2, MAX_BYTES + 2), max_size=40))
def test_batches_keep_the_order_and_both_limits(sizes: list[int]) -> None:
    events = [event(str(n), size) for n, size in enumerate(sizes)]
    made = list(batches(events))
    assert [e for batch in made for e in batch] == [e for e in events if e.size <= MAX_BYTES]
    assert all(len(batch) <= MAX_ENTRIES and sum(e.size for e in batch) <= MAX_BYTES for batch in made)
    assert all(
        len(first) == MAX_ENTRIES or sum(e.size for e in first) + second[0].size > MAX_BYTES
        for first, second in pairwise(made)
    )


def test_ten_of_the_largest_leave_in_ten_calls() -> None:
    client = FakeEvents()
    EventBus(client, "bus").publish([event(str(n), MAX_BYTES) for n in range(10)])
    assert [len(call) for call in client.calls] == [1] * 10


@pytest.mark.integration
def test_what_an_emulator_refuses_by_itself_is_not_reported_as_taken(stack: Mapping[str, str]) -> None:
    forbidden = Event("1", "aws.x", "Happened", "{")  # MiniStack minds the source, LocalStack the detail
    good = Event("2", "com.example", "Happened", "{}")
    assert EventBus(Clients(stack).of("events"), "shop-bus").publish([forbidden, good]) == [good]
