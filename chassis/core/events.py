"""The envelope that all events share, for producers and consumers."""

import json
from contextlib import suppress
from typing import Annotated, Any, ClassVar, NamedTuple, Self

from pydantic import AliasPath, Field

from chassis import tracing
from chassis.core.fields import EXACT, Model


class Event(NamedTuple):
    """An event as it is published. `detail` is the exact JSON text, so every attempt publishes the same."""

    id: str
    source: str
    detail_type: str
    detail: str

    @property
    def size(self) -> int:
        """Size in bytes as PutEvents counts it ("Calculating PutEvents event entry size", EventBridge User Guide)."""
        return sum(len(text.encode()) for text in (self.source, self.detail_type, self.detail))

    @property
    def correlation_id(self) -> str | None:
        """None if the detail has none."""
        return self._metadata("correlation-id")

    @property
    def traceparent(self) -> str | None:
        """The span that made the event. The process that publishes or handles the event continues its trace."""
        return self._metadata("traceparent")

    def _metadata(self, name: str) -> str | None:
        with suppress(ValueError, KeyError, TypeError, RecursionError):
            return str(json.loads(self.detail)["metadata"][name])
        return None


def metadata(event_id: str, version: int, correlation_id: str, occurred_at: str) -> dict[str, Any]:
    """The metadata of an event or a command. `traceparent` is there if the current work has a trace."""
    trace = {"traceparent": text} if (text := tracing.traceparent()) else {}
    return {
        "id": event_id,
        "idempotency-key": event_id,
        "version": version,
        "correlation-id": correlation_id,
        "occurred-at": occurred_at,
    } | trace


class EventData(Model):
    """The data of an event. A producer declares all fields, a consumer only those that it reads."""

    SOURCE: ClassVar[str]
    DETAIL_TYPE: ClassVar[str]
    VERSION: ClassVar[int]

    def to_event(self, event_id: str, occurred_at: str, correlation_id: str) -> Event:
        """`event_id` identifies what happened, not an attempt to publish it. An event with the same ID is a copy."""
        its = metadata(event_id, self.VERSION, correlation_id, occurred_at)
        envelope = {"metadata": its, "data": self.model_dump(mode="json")}
        detail = json.dumps(envelope, ensure_ascii=False, separators=(",", ":"))
        return Event(event_id, self.SOURCE, self.DETAIL_TYPE, detail)

    @classmethod
    def read(cls, detail: "Detail") -> Self:
        """Raises ValidationError."""
        return cls.model_validate(detail.data)

    def log_fields(self) -> dict[str, str]:
        """What the span and all log lines have while a message with these data is handled."""
        return {}


class Metadata(Model):
    version: Annotated[int, EXACT]


class Detail(Model):
    """`task` is there if the sender waits for an answer."""

    metadata: Metadata
    data: dict[str, Any]
    task: Any = None


class Envelope(Model):
    """An event as EventBridge delivers it to a queue."""

    source: str
    detail_type: str = Field(alias="detail-type")
    detail: Detail

    def is_of(self, kind: type[EventData]) -> bool:
        found = self.source, self.detail_type, self.detail.metadata.version
        return found == (kind.SOURCE, kind.DETAIL_TYPE, kind.VERSION)

    def __str__(self) -> str:
        return f"{self.detail_type[:128]} of {self.source[:128]}, version {self.detail.metadata.version}"


class MarkedEvent(Model):
    """A test message: an event whose metadata has `test`, the id of a run of the doctor. Its data are never read."""

    source: str
    detail_type: str = Field(alias="detail-type")
    run: str = Field(validation_alias=AliasPath("detail", "metadata", "test"), min_length=1, max_length=64)


class Reply(Model):
    """What a consumer answers to a test message: `handled` says whether events of this type have a handler there."""

    run: str
    queue: str
    source: str
    detail_type: str
    handled: bool
