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

MAX_ENTRIES, MAX_BYTES = 10, 256 * 1024  # AWS's limits, independent of the code


def event(name: str, size: int = 40) -> Event:
    return Event(name, "s", "d", "x" * (size - 2))


class FakeEvents:
    """Refuses entries whose source is in `refused`, and whole calls that contain a source in `poison`."""

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


def test_each_event_that_is_not_published_is_logged() -> None:
    with structlog.testing.capture_logs() as logged:
        EventBus(FakeEvents(refused={"e1"}), "bus").publish(named(2))
        EventBus(FakeEvents(poison={"e2"}), "bus").publish(named(3)[1:])
        EventBus(FakeEvents(), "bus").publish([event("huge", MAX_BYTES + 1)])
    assert [line["event_id"] for line in logged] == ["e1", "e2", "huge"]


@pytest.mark.parametrize("failing", range(11))
def test_publish_returns_only_accepted_events(failing: int) -> None:
    events = named(10)
    refused = {e.source for e in events[:failing]}
    assert EventBus(FakeEvents(refused), "bus").publish(events) == events[failing:]


def test_one_invalid_event_does_not_delay_the_others() -> None:
    events, client = named(10), FakeEvents(poison={"e3"})
    assert EventBus(client, "bus").publish(events) == [e for e in events if e.id != "e3"]
    assert len(client.calls) <= 9  # it halves the batch instead of sending events one by one


def test_bus_without_an_answer_is_unavailable() -> None:
    class Down:
        def put_events(self, **_: Any) -> Any:
            raise EndpointConnectionError(endpoint_url="http://127.0.0.1")

    with pytest.raises(Unavailable):
        EventBus(Down(), "bus").publish(named(1))


def test_entry_has_bus_source_type_and_detail() -> None:
    seen: list[Any] = []

    class Recorder:
        def put_events(self, **call: Any) -> Any:
            seen.append(call)
            return {"FailedEntryCount": 0, "Entries": [{"EventId": "1"}]}

    EventBus(Recorder(), "shop-bus").publish([Event("1", "com.example", "Happened", "{}")])
    entry = {"EventBusName": "shop-bus", "Source": "com.example", "DetailType": "Happened", "Detail": "{}"}
    assert seen == [{"Entries": [entry]}]


@given(st.lists(st.integers(2, MAX_BYTES + 2), max_size=40))
def test_batches_keep_the_sequence_and_both_limits(sizes: list[int]) -> None:
    events = [event(str(n), size) for n, size in enumerate(sizes)]
    made = list(batches(events))
    assert [e for batch in made for e in batch] == [e for e in events if e.size <= MAX_BYTES]
    assert all(len(batch) <= MAX_ENTRIES and sum(e.size for e in batch) <= MAX_BYTES for batch in made)
    assert all(
        len(first) == MAX_ENTRIES or sum(e.size for e in first) + second[0].size > MAX_BYTES
        for first, second in pairwise(made)
    )


def test_ten_events_of_maximum_size_take_ten_calls() -> None:
    client = FakeEvents()
    EventBus(client, "bus").publish([event(str(n), MAX_BYTES) for n in range(10)])
    assert [len(call) for call in client.calls] == [1] * 10


@pytest.mark.integration
def test_event_that_an_emulator_refuses_is_not_returned(stack: Mapping[str, str]) -> None:
    forbidden = Event("1", "aws.x", "Happened", "{")  # MiniStack refuses the source, LocalStack the detail
    good = Event("2", "com.example", "Happened", "{}")
    assert EventBus(Clients(stack).of("events"), "shop-bus").publish([forbidden, good]) == [good]
