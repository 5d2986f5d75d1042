"""Handles messages. Each one is done, is retried, or goes to the dead-letter queue with a reason."""

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from functools import partial
from typing import Any, Protocol

import structlog

from chassis import tracing
from chassis.core import logs, metrics, strictjson
from chassis.core.errors import Unavailable
from chassis.core.events import Envelope, EventData, MarkedEvent
from chassis.core.measured import HANDLED, HELD_BACK, RETRIED
from chassis.messaging.brake import TRIES, Brake
from chassis.messaging.queue import BATCH
from chassis.messaging.refusals import REFUSALS, Unprocessable, class_of, reason_of
from chassis.messaging.replies import Replies, is_marked

Handlers = Mapping[type[EventData], Callable[[Any], object]]
log = structlog.stdlib.get_logger(__name__)


class DeadLetters(Protocol):
    def send(self, body: str, **attributes: str) -> None: ...


class Consumer:
    """Passes the data of each event to the handler of its type. The messages of a batch are handled concurrently.

    A message goes to the dead-letter queue at once if it cannot be parsed, if its handler raises Conflict, or if a
    number or date cannot be stored. Any other exception of a handler is a bug and not the message's fault. As after
    Unavailable, the message is retried until the queue's redrive policy ends it. Each attempt logs the exception.
    While the brake is on, a message that would go to the dead-letter queue is retried too, and goes there at its last
    try. A test message is answered through `replies` and reaches no handler.
    """

    def __init__(self, handlers: Handlers, dead_letters: DeadLetters, replies: Replies) -> None:
        self._handlers = handlers
        self._dead_letters = dead_letters
        self._replies = replies
        self._brake = Brake()
        self.pause = self._brake.pause
        self._workers = ThreadPoolExecutor(BATCH, thread_name_prefix="consumer")

    def handle_batch(self, event: dict[str, Any], _context: object = None) -> dict[str, Any]:
        """Returns the failed messages ("Reporting batch item failures", AWS Lambda). The others may be deleted.

        The caller's deadline is that of every message.
        """
        jobs = [(r["messageId"], self._workers.submit(copy_context().run, self._process, r)) for r in event["Records"]]
        return {"batchItemFailures": [{"itemIdentifier": name} for name, done in jobs if not done.result()]}

    def _process(self, record: dict[str, Any]) -> bool:
        """True if the message may be deleted, because it was handled or is in the dead-letter queue."""
        structlog.contextvars.clear_contextvars()
        with tracing.Span("message", "message"):
            return self._handle(record)

    def _handle(self, record: dict[str, Any]) -> bool:
        try:
            self._prepare(record["body"])()
        except REFUSALS as error:
            _annotate(record, error)
            return self._refuse(record, error)
        except Unavailable as error:
            _annotate(record, error)
            metrics.record(RETRIED)
            log.warning(
                "message will be retried", detail=error.detail, cause=repr(error.__cause__), **_log_fields(record)
            )
            return False
        except Exception as error:
            _annotate(record, error)
            log.exception("message failed", **_log_fields(record))
            metrics.record(RETRIED)
            self._brake.note(record["messageId"], refused=True)
            return False
        self._brake.note(record["messageId"], refused=False)
        metrics.record(HANDLED)
        return True

    def _prepare(self, body: str) -> Callable[[], object]:
        """A function that handles the message. Only an exception raised here is the message's fault."""
        try:
            return self._parse(body)
        except (ValueError, ArithmeticError, RecursionError) as error:
            raise Unprocessable(reason_of(error)) from error

    def _parse(self, body: str) -> Callable[[], object]:
        message = strictjson.loads(body)
        _correlate(message)
        if is_marked(message):
            return partial(self._replies.reply, MarkedEvent.model_validate(message), self._handlers)
        envelope = Envelope.model_validate(message)
        kind = next((kind for kind in self._handlers if envelope.is_of(kind)), None)
        if kind is None:
            raise Unprocessable(f"unknown event type: {envelope}")
        data = kind.read(envelope.detail)
        logs.bind(**data.log_fields())
        return partial(self._handlers[kind], data)

    def _refuse(self, record: dict[str, Any], error: Exception) -> bool:
        braked, reason = self._brake.note(record["messageId"], refused=True), reason_of(error)
        if braked and int(_log_fields(record)["tries"] or 0) < TRIES:
            log.error("message is held back, because most are refused", reason=reason, **_log_fields(record))
            metrics.record(HELD_BACK)
            return False
        if gone := self._dead_letter(record, reason):
            metrics.record(class_of(error))
        return gone

    def _dead_letter(self, record: dict[str, Any], reason: str) -> bool:
        """Sends the message to the dead-letter queue. Its deletion comes later, so that a crash cannot lose it."""
        log.error("message goes to the dead-letter queue", message_id=record["messageId"], reason=reason)
        try:
            self._dead_letters.send(record["body"], reason=reason, messageId=record["messageId"])
        except Exception:
            log.exception("message not sent to the dead-letter queue", message_id=record["messageId"])
            return False
        return True


def _correlate(message: Any) -> None:
    """Before validation, so that the log and the span of an invalid message have its IDs too."""
    if span := tracing.current():
        span.name = _text(message, "detail-type") or span.name
        span.follow(tracing.Context.read(_text(message, "detail", "metadata", "traceparent")))
    logs.correlate(_text(message, "detail", "metadata", "correlation-id"))


def _text(message: Any, *path: str) -> str | None:
    for name in path:
        message = message.get(name) if isinstance(message, dict) else None
    return message[:256] if isinstance(message, str) else None


def _annotate(record: dict[str, Any], error: Exception) -> None:
    tracing.annotate(error=type(error).__name__, **_log_fields(record))


def _log_fields(record: dict[str, Any]) -> dict[str, Any]:
    return {"message_id": record["messageId"], "tries": record.get("attributes", {}).get("ApproximateReceiveCount")}
