"""A consumer's messages: each is handled, or goes to the dead-letter queue with its reason, or has to wait."""

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from decimal import DecimalException
from functools import partial
from typing import Any, Protocol

import structlog
from pydantic import ValidationError

from chassis.core import logs, strictjson
from chassis.core.errors import Conflict, Unavailable
from chassis.core.events import Envelope, EventData
from chassis.messaging.queue import BATCH
from chassis.messaging.replies import MarkedEvent, Replies, is_marked

Handlers = Mapping[type[EventData], Callable[[Any], object]]
log = structlog.stdlib.get_logger(__name__)


class DeadLetters(Protocol):
    def send(self, body: str, **attributes: str) -> None: ...


class Unprocessable(Exception):
    """No later try can succeed; the text is the reason."""


class Consumer:
    """Gives the data of each event to the handler of its kind, the messages of a batch at the same time.

    A message that cannot be parsed, a Conflict from its handler, and a number or date beyond what can be stored go to
    the dead-letter queue at once. Any other error of a handler is a bug of ours and not the message's fault: like
    Unavailable it is retried until the queue's redrive policy ends it, each time with the error in the log.
    A test message is answered through `replies` and reaches no handler.
    """

    def __init__(self, handlers: Handlers, dead_letters: DeadLetters, replies: Replies) -> None:
        self._handlers = handlers
        self._dead_letters = dead_letters
        self._replies = replies
        self._workers = ThreadPoolExecutor(BATCH, thread_name_prefix="consumer")

    def handle_batch(self, event: dict[str, Any], _context: object = None) -> dict[str, Any]:
        """Lambda's contract for SQS ("Reporting batch item failures"): what is not reported here may be deleted."""
        records = event["Records"]
        outcomes = zip(records, self._workers.map(self._settled, records), strict=True)
        return {"batchItemFailures": [{"itemIdentifier": r["messageId"]} for r, done in outcomes if not done]}

    def _settled(self, record: dict[str, Any]) -> bool:
        """True once the message may go: it was handled, or it lies in the dead-letter queue with its reason."""
        structlog.contextvars.clear_contextvars()
        try:
            self._prepare(record["body"])()
        except (Unprocessable, Conflict, DecimalException, OverflowError) as error:
            return self._dead_letter(record, _reason(error))
        except Unavailable as error:
            log.warning("message has to wait", detail=error.detail, cause=repr(error.__cause__), **_named(record))
            return False
        except Exception:
            log.exception("message failed", **_named(record))
            return False
        return True

    def _prepare(self, body: str) -> Callable[[], object]:
        """What is left to do. Only an error in here is the message's fault, whatever its type."""
        try:
            return self._read(body)
        except (ValueError, ArithmeticError, RecursionError) as error:
            raise Unprocessable(_reason(error)) from error

    def _read(self, body: str) -> Callable[[], object]:
        message = strictjson.loads(body)
        logs.correlate(_correlation_id(message))
        if is_marked(message):
            return partial(self._replies.reply, MarkedEvent.model_validate(message), self._handlers)
        envelope = Envelope.model_validate(message)
        kind = next((kind for kind in self._handlers if envelope.is_of(kind)), None)
        if kind is None:
            raise Unprocessable(f"Nobody here reads {envelope}.")
        return partial(self._handlers[kind], kind.model_validate(envelope.detail.data))

    def _dead_letter(self, record: dict[str, Any], reason: str) -> bool:
        """No later try can succeed, so it does not take ten of them; sent before it is deleted, so never lost."""
        log.error("message to the dead-letter queue", message_id=record["messageId"], reason=reason)
        try:
            self._dead_letters.send(record["body"], reason=reason, messageId=record["messageId"])
        except Exception:
            log.exception("dead-letter queue does not take it", message_id=record["messageId"])
            return False
        return True


def _correlation_id(message: Any) -> str | None:
    """Before anything is validated: of a message that is refused, too, the log is to lead to where it came from."""
    try:
        return str(message["detail"]["metadata"]["correlation-id"])
    except (KeyError, TypeError, IndexError):
        return None


def _named(record: dict[str, Any]) -> dict[str, Any]:
    """For the log: which message, and how often it was received so far."""
    return {"message_id": record["messageId"], "tries": record.get("attributes", {}).get("ApproximateReceiveCount")}


def _reason(error: Exception) -> str:
    """Where the message is wrong, without repeating what it says."""
    if isinstance(error, ValidationError):
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        place = ".".join(map(str, first["loc"])) or "message"
        return f"{place}: {first['msg'].removeprefix('Value error, ')}"[:500]
    if isinstance(error, ArithmeticError):
        return f"a number or a date is out of range: {type(error).__name__}"
    return str(error)[:500] if isinstance(error, Conflict | Unprocessable) else f"not JSON: {error}"[:500]
