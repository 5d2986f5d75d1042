"""A consumer's messages: each is handled, or goes to the dead-letter queue with its reason, or has to wait."""

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Protocol

import structlog
from pydantic import ValidationError

from chassis import logs, strictjson
from chassis.errors import Conflict, Unavailable
from chassis.events import Envelope, EventData
from chassis.queue import BATCH

log = structlog.stdlib.get_logger(__name__)


class DeadLetters(Protocol):
    def send(self, body: str, **attributes: str) -> None: ...


class Unreadable(ValueError):
    """An event that nobody here knows."""


class Consumer:
    """Gives the data of each event to the handler of its kind, the messages of a batch at the same time.

    A Conflict from a handler means that no later try can succeed, Unavailable that one may.
    """

    def __init__(self, handlers: Mapping[type[EventData], Callable[[Any], object]], dead_letters: DeadLetters) -> None:
        self._handlers = handlers
        self._dead_letters = dead_letters
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
            self._read(record["body"])
        except (ValueError, RecursionError, Conflict) as error:
            return self._bury(record, _reason(error))
        except Unavailable as error:
            log.warning("message has to wait", message_id=record["messageId"], detail=error.detail)
            return False
        except Exception:
            log.exception("message failed", message_id=record["messageId"])
            return False
        return True

    def _read(self, body: str) -> None:
        message = strictjson.loads(body)
        logs.correlate(_correlation_id(message))
        envelope = Envelope.model_validate(message)
        kind = next((kind for kind in self._handlers if envelope.is_of(kind)), None)
        if kind is None:
            raise Unreadable(f"Nobody here reads {envelope}.")
        self._handlers[kind](kind.model_validate(envelope.detail.data))

    def _bury(self, record: dict[str, Any], reason: str) -> bool:
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


def _reason(error: Exception) -> str:
    """Where the message is wrong, without repeating what it says."""
    if isinstance(error, ValidationError):
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        return f"{'.'.join(map(str, first['loc']))}: {first['msg']}"[:500]
    return str(error)[:500] if isinstance(error, Conflict | Unreadable) else "not JSON"
