"""Handles messages. Each one is done, is retried, or goes to the dead-letter queue with a reason."""

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from decimal import DecimalException
from functools import partial
from typing import Any, Protocol

import structlog
from pydantic import ValidationError

from chassis.core import logs, strictjson
from chassis.core.errors import Conflict, Unavailable
from chassis.core.events import Envelope, EventData, MarkedEvent
from chassis.core.validation import faults
from chassis.messaging.queue import BATCH
from chassis.messaging.replies import Replies, is_marked

Handlers = Mapping[type[EventData], Callable[[Any], object]]
log = structlog.stdlib.get_logger(__name__)


class DeadLetters(Protocol):
    def send(self, body: str, **attributes: str) -> None: ...


class Unprocessable(Exception):
    """No retry can succeed. The text is the reason in the dead-letter queue."""


class Consumer:
    """Passes the data of each event to the handler of its type. The messages of a batch are handled concurrently.

    A message goes to the dead-letter queue at once if it cannot be parsed, if its handler raises Conflict, or if a
    number or date cannot be stored. Any other exception of a handler is a bug and not the message's fault. As after
    Unavailable, the message is retried until the queue's redrive policy ends it. Each attempt logs the exception.
    A test message is answered through `replies` and reaches no handler.
    """

    def __init__(self, handlers: Handlers, dead_letters: DeadLetters, replies: Replies) -> None:
        self._handlers = handlers
        self._dead_letters = dead_letters
        self._replies = replies
        self._workers = ThreadPoolExecutor(BATCH, thread_name_prefix="consumer")

    def handle_batch(self, event: dict[str, Any], _context: object = None) -> dict[str, Any]:
        """Returns the failed messages ("Reporting batch item failures", AWS Lambda). The others may be deleted."""
        records = event["Records"]
        outcomes = zip(records, self._workers.map(self._process, records), strict=True)
        return {"batchItemFailures": [{"itemIdentifier": r["messageId"]} for r, done in outcomes if not done]}

    def _process(self, record: dict[str, Any]) -> bool:
        """True if the message may be deleted, because it was handled or is in the dead-letter queue."""
        structlog.contextvars.clear_contextvars()
        try:
            self._prepare(record["body"])()
        except (Unprocessable, Conflict, DecimalException, OverflowError) as error:
            return self._dead_letter(record, _reason(error))
        except Unavailable as error:
            log.warning(
                "message will be retried", detail=error.detail, cause=repr(error.__cause__), **_log_fields(record)
            )
            return False
        except Exception:
            log.exception("message failed", **_log_fields(record))
            return False
        return True

    def _prepare(self, body: str) -> Callable[[], object]:
        """A function that handles the message. Only an exception raised here is the message's fault."""
        try:
            return self._parse(body)
        except (ValueError, ArithmeticError, RecursionError) as error:
            raise Unprocessable(_reason(error)) from error

    def _parse(self, body: str) -> Callable[[], object]:
        message = strictjson.loads(body)
        logs.correlate(_correlation_id(message))
        if is_marked(message):
            return partial(self._replies.reply, MarkedEvent.model_validate(message), self._handlers)
        envelope = Envelope.model_validate(message)
        kind = next((kind for kind in self._handlers if envelope.is_of(kind)), None)
        if kind is None:
            raise Unprocessable(f"unknown event type: {envelope}")
        return partial(self._handlers[kind], kind.model_validate(envelope.detail.data))

    def _dead_letter(self, record: dict[str, Any], reason: str) -> bool:
        """Sends the message to the dead-letter queue. Its deletion comes later, so that a crash cannot lose it."""
        log.error("message goes to the dead-letter queue", message_id=record["messageId"], reason=reason)
        try:
            self._dead_letters.send(record["body"], reason=reason, messageId=record["messageId"])
        except Exception:
            log.exception("message not sent to the dead-letter queue", message_id=record["messageId"])
            return False
        return True


def _correlation_id(message: Any) -> str | None:
    """Read before validation, so that the log of an invalid message has it too."""
    try:
        return str(message["detail"]["metadata"]["correlation-id"])
    except (KeyError, TypeError, IndexError):
        return None


def _log_fields(record: dict[str, Any]) -> dict[str, Any]:
    return {"message_id": record["messageId"], "tries": record.get("attributes", {}).get("ApproximateReceiveCount")}


def _reason(error: Exception) -> str:
    """What is wrong and in which field, without the field's value."""
    if isinstance(error, ValidationError):
        path, text = faults(error)[0]
        return f"{path or 'message'}: {text}"[:500]
    if isinstance(error, ArithmeticError):
        return f"a number or date is out of range: {type(error).__name__}"
    return str(error)[:500] if isinstance(error, Conflict | Unprocessable) else f"not JSON: {error}"[:500]
