import json

from hypothesis import given
from hypothesis import strategies as st

from chassis.events import Event

METADATA = {"id": "e-1", "idempotency-key": "e-1", "version": 1, "correlation-id": "c-1", "occurred-at": "now"}


def test_the_envelope_is_metadata_and_data() -> None:
    event = Event.wrap("com.example", "Happened", METADATA, {"name": "Özkaya"})
    assert json.loads(event.detail) == {"metadata": METADATA, "data": {"name": "Özkaya"}}
    assert (event.id, event.correlation_id) == ("e-1", "c-1")
    assert "Özkaya" in event.detail  # escaped it would count three times as much


@given(st.text(max_size=50))
def test_its_size_is_in_bytes_and_not_in_characters(text: str) -> None:
    event = Event("e-1", "com.example", "Happened", text.encode("utf-8", "ignore").decode())
    assert event.size == len("com.exampleHappened") + len(event.detail.encode())
