import json
from typing import Any, ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chassis import tracing
from chassis.core.events import Envelope, Event, EventData


class Happened(EventData):
    SOURCE: ClassVar = "com.example"
    DETAIL_TYPE: ClassVar = "Happened"
    VERSION: ClassVar = 3

    name: str


EVENT = Happened(name="Özkaya").to_event("e-1", "2026-11-21T09:30:00.123Z", "c-1")


def test_envelope_has_metadata_and_data() -> None:
    assert json.loads(EVENT.detail) == {
        "metadata": {
            "id": "e-1",
            "idempotency-key": "e-1",
            "version": 3,
            "correlation-id": "c-1",
            "occurred-at": "2026-11-21T09:30:00.123Z",
        },
        "data": {"name": "Özkaya"},
    }
    assert (EVENT.id, EVENT.source, EVENT.detail_type, EVENT.correlation_id) == (
        "e-1",
        "com.example",
        "Happened",
        "c-1",
    )
    assert "Özkaya" in EVENT.detail  # escaped, it would have three times the size


@pytest.mark.parametrize(
    ("changes", "same"),
    [({}, True), ({"source": "com.other"}, False), ({"detail-type": "Other"}, False), ({"version": 2}, False)],
)
def test_event_type_is_matched_by_source_type_and_version(changes: dict[str, Any], same: bool) -> None:
    wire: dict[str, Any] = {
        "source": EVENT.source,
        "detail-type": EVENT.detail_type,
        "detail": json.loads(EVENT.detail),
    }
    wire["detail"]["metadata"]["version"] = changes.pop("version", 3)
    assert Envelope.model_validate(wire | changes).is_of(Happened) is same


@given(st.text(max_size=50))
def test_size_counts_bytes_not_characters(text: str) -> None:
    event = Event("e-1", "com.example", "Happened", text.encode("utf-8", "ignore").decode())
    assert event.size == len("com.exampleHappened") + len(event.detail.encode())


def test_event_of_traced_work_says_where_its_trace_continues() -> None:
    assert EVENT.traceparent is None
    with tracing.Span("request") as span:
        event = Happened(name="n").to_event("e-1", "2026-11-21T09:30:00.123Z", "c-1")
    assert event.traceparent == str(span.context)
    metadata = json.loads(event.detail)["metadata"]
    assert {name: value for name, value in metadata.items() if name != "traceparent"} == json.loads(EVENT.detail)[
        "metadata"
    ]
