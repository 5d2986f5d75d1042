"""One message of a dead-letter queue: why it is there, what it is about, and what of it goes back."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from chassis.core.text import legible

if TYPE_CHECKING:
    from mypy_boto3_sqs.type_defs import MessageAttributeValueOutputTypeDef, MessageTypeDef

# What a consumer of ours, and what EventBridge, writes onto a message it gives up. SNS writes nothing.
_STAMPS = {
    "reason", "messageId",
    "RULE_ARN", "TARGET_ARN", "ERROR_CODE", "ERROR_MESSAGE", "EXHAUSTED_RETRY_CONDITION", "RETRY_ATTEMPTS",
}  # fmt: skip
_EVENTBRIDGE_ROWS = (("rule", "RULE_ARN"), ("retries", "RETRY_ATTEMPTS"), ("limit", "EXHAUSTED_RETRY_CONDITION"))
_FACTS = {
    "event": ("detail-type", "source"),
    "version": ("detail.metadata.version",),
    "order": ("detail.data.orderId", "detail.data.userName"),
    "correlation": ("detail.metadata.correlation-id",),
}
_LONGEST = 500
Row = tuple[str, str]


@dataclass(frozen=True)
class Letter:
    """A message as SQS hands it out; whatever it says about itself is somebody else's text."""

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
    def names(self) -> frozenset[str]:
        """Its id here, and the one it had in the queue it failed in: that is the one in the consumer's log."""
        return frozenset({self.id, self.attribute("messageId") or self.id})

    @property
    def origin(self) -> str | None:
        """The ARN of the queue where it should have been handled, if SQS or EventBridge wrote it down."""
        return self.message.get("Attributes", {}).get("DeadLetterQueueSourceArn") or self.attribute("TARGET_ARN")

    @property
    def sent(self) -> datetime:
        """When it was first sent; a message that SQS itself moved here keeps the date it had."""
        return datetime.fromtimestamp(int(self.message.get("Attributes", {}).get("SentTimestamp", "0")) / 1000, UTC)

    def attribute(self, name: str) -> str | None:
        found = self.message.get("MessageAttributes", {}).get(name)
        return found.get("StringValue") if found else None

    def kept_attributes(self) -> dict[str, MessageAttributeValueOutputTypeDef]:
        """Those that go back with it. The stamps do not: they tell of a try that is over.

        SQS keeps attributes when it gives a message up, so an old reason would stand there as the new one.
        """
        attributes = self.message.get("MessageAttributes", {})
        return {name: value for name, value in attributes.items() if name not in _STAMPS}

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
            return f"EventBridge could not deliver: {code}: {self.attribute('ERROR_MESSAGE') or 'it says no more'}"
        if self.origin:
            times = self.message.get("Attributes", {}).get("ApproximateReceiveCount", "?")
            return f"{_last(self.origin)} gave it up: received {times} times (with looks like this), never finished"
        return "none is written down: SNS could not deliver it and never says why, or somebody sent it by hand"

    def rows(self, now: datetime) -> Iterator[Row]:
        """What a human wants to know, a label and a text each."""
        yield "reason", _one_line(self.reason())
        for label, name in _EVENTBRIDGE_ROWS:
            if text := self.attribute(name):
                yield label, _one_line(text)
        yield from ((label, _one_line(text)) for label, text in _facts(self.body))
        yield "sent", f"{self.sent:%Y-%m-%d %H:%M:%S}Z, {ago((now - self.sent).total_seconds())} ago"
        if (before := self.attribute("messageId")) and before != self.id:
            yield "in the log", f"message_id {_one_line(before)}"

    def copy(self) -> str:
        """The whole message as one line of plain ASCII: nothing a terminal or an editor would change."""
        attributes = self.message.get("MessageAttributes", {})
        texts = {name: _value(value).decode("utf-8", "backslashreplace") for name, value in attributes.items()}
        copy = {"messageId": self.id, "sent": self.sent.isoformat(), "attributes": texts, "body": self.body}
        return json.dumps(copy)


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
    """What an event of the shop says in its envelope; nothing of a body that is none."""
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
