"""One message of a dead-letter queue: why it is there, what it is about, and what of it is put back."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from chassis.core.text import legible

if TYPE_CHECKING:
    from mypy_boto3_sqs.type_defs import MessageAttributeValueOutputTypeDef, MessageTypeDef

# What a consumer of ours and EventBridge write onto a message that goes to a dead-letter queue. SNS writes nothing.
_FAILURE_ATTRIBUTES = {
    "reason", "messageId",
    "RULE_ARN", "TARGET_ARN", "ERROR_CODE", "ERROR_MESSAGE", "EXHAUSTED_RETRY_CONDITION", "RETRY_ATTEMPTS",
}  # fmt: skip
_EVENTBRIDGE_ROWS = (("rule", "RULE_ARN"), ("retries", "RETRY_ATTEMPTS"), ("limit", "EXHAUSTED_RETRY_CONDITION"))
_FACTS = {
    "event": ("detail-type", "source"),
    "version": ("detail.metadata.version",),
    "order": ("detail.data.orderId", "detail.data.userName"),
    "correlation": ("detail.metadata.correlation-id",),
    "test message": ("detail.metadata.test",),
}
_LONGEST = 500  # characters of a row
Row = tuple[str, str]


@dataclass(frozen=True)
class DeadLetter:
    """A message as SQS delivers it. Its texts were written by others."""

    message: MessageTypeDef

    @property
    def id(self) -> str:
        return self.message.get("MessageId", "")

    @property
    def handle(self) -> str:
        return self.message.get("ReceiptHandle", "")

    @property
    def body(self) -> str:
        return self.message.get("Body", "")

    @property
    def ids(self) -> frozenset[str]:
        """Its id here, and its id in the queue where it failed, which the consumer's log has."""
        return frozenset({self.id, self.attribute("messageId") or self.id})

    @property
    def origin(self) -> str | None:
        """The ARN of the queue or topic it was meant for, if SQS or EventBridge recorded it."""
        return self.message.get("Attributes", {}).get("DeadLetterQueueSourceArn") or self.attribute("TARGET_ARN")

    @property
    def sent(self) -> datetime:
        """When it was sent. A message that SQS itself moved here keeps its first date."""
        return datetime.fromtimestamp(int(self.message.get("Attributes", {}).get("SentTimestamp", "0")) / 1000, UTC)

    def attribute(self, name: str) -> str | None:
        found = self.message.get("MessageAttributes", {}).get(name)
        return found.get("StringValue") if found else None

    def kept_attributes(self) -> dict[str, MessageAttributeValueOutputTypeDef]:
        """Those that are put back with it: all but those about the failure.

        SQS keeps attributes when it moves a message to a dead-letter queue, so an old reason would look like a new one.
        """
        attributes = self.message.get("MessageAttributes", {})
        return {name: value for name, value in attributes.items() if name not in _FAILURE_ATTRIBUTES}

    def size(self) -> int:
        """Bytes as SQS counts them: the body, and the name, type and value of each attribute."""
        attributes = (
            len(name.encode()) + len(value["DataType"].encode()) + len(_value(value))
            for name, value in self.kept_attributes().items()
        )
        return len(self.body.encode("utf-8", "surrogatepass")) + sum(attributes)

    def reason(self) -> str:
        if own := self.attribute("reason"):
            return own
        if code := self.attribute("ERROR_CODE"):
            return f"EventBridge could not deliver it: {code}: {self.attribute('ERROR_MESSAGE') or 'no error message'}"
        if self.origin:
            times = self.message.get("Attributes", {}).get("ApproximateReceiveCount", "?")
            return f"every attempt failed: received {times} times from {_last(self.origin)} (`show` counts as well)"
        return "no reason recorded: SNS could not deliver it and never writes why, or somebody sent it by hand"

    def rows(self, now: datetime) -> Iterator[Row]:
        """What an operator needs to know, as labels and texts."""
        yield "reason", _one_line(self.reason())
        for label, name in _EVENTBRIDGE_ROWS:
            if text := self.attribute(name):
                yield label, _one_line(text)
        yield from ((label, _one_line(text)) for label, text in _facts(self.body))
        yield "sent", f"{self.sent:%Y-%m-%d %H:%M:%S}Z, {ago((now - self.sent).total_seconds())} ago"
        if (before := self.attribute("messageId")) and before != self.id:
            yield "in the log", f"message_id {_one_line(before)}"

    def to_json(self) -> str:
        """The whole message as one line of ASCII, which no terminal and no editor changes."""
        attributes = self.message.get("MessageAttributes", {})
        texts = {name: _value(value).decode("utf-8", "backslashreplace") for name, value in attributes.items()}
        return json.dumps({"messageId": self.id, "sent": self.sent.isoformat(), "attributes": texts, "body": self.body})


def ago(seconds: float) -> str:
    for unit, size in (("days", 86400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{max(seconds, 0):.0f} s"


def _one_line(text: str) -> str:
    return legible(" ".join(text.split()))[:_LONGEST]


def _value(value: MessageAttributeValueOutputTypeDef) -> bytes:
    return value["BinaryValue"] if "BinaryValue" in value else value.get("StringValue", "").encode()


def _last(arn: str) -> str:
    return arn.rpartition(":")[2]


def _facts(body: str) -> Iterator[Row]:
    """What the envelope of an event says. A body that is no event gives no rows."""
    try:
        event = json.loads(body)
    except (ValueError, RecursionError):
        yield "body", f"{len(body)} characters, not JSON"
        return
    for label, parts in _FACTS.items():
        texts = [str(part) for part in (_at(event, path) for path in parts) if isinstance(part, str | int)]
        if texts:
            yield label, " of ".join(texts)


def _at(value: Any, path: str) -> Any:
    for name in path.split("."):
        value = value.get(name) if isinstance(value, dict) else None
    return value
