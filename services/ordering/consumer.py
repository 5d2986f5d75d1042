"""Events in, orders out: `python -m services.ordering.consumer` reads the order queue until it is told to stop."""

import os
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Literal, Protocol

import structlog
from pydantic import Field, ValidationError

from chassis import aws, logs, strictjson
from chassis.errors import Conflict, Unavailable
from chassis.fields import Record
from chassis.process import Stop
from chassis.queue import BATCH, Queue, consume
from services.ordering.app import make_store, stack
from services.ordering.models import BasketCheckedOut
from services.ordering.service import OrderService

log = structlog.stdlib.get_logger(__name__)


class DeadLetters(Protocol):
    def send(self, body: str, **attributes: str) -> None: ...


class Metadata(Record):
    version: Literal[1]
    correlation_id: str = Field(alias="correlation-id")


class Detail(Record):
    metadata: Metadata
    data: BasketCheckedOut


class Envelope(Record):
    """A message of the order queue: the event as EventBridge wraps it."""

    source: Literal["com.swn.basket.checkoutbasket"]
    detail_type: Literal["CheckoutBasket"] = Field(alias="detail-type")
    detail: Detail


class Consumer:
    def __init__(self, service: OrderService, dead_letters: DeadLetters) -> None:
        self._service = service
        self._dead_letters = dead_letters
        self._workers = ThreadPoolExecutor(BATCH, thread_name_prefix="order")

    def handle_batch(self, event: dict[str, Any], _context: object = None) -> dict[str, Any]:
        """Lambda's contract for SQS ("Reporting batch item failures"): what is not reported here may be deleted."""
        records = event["Records"]
        outcomes = zip(records, self._workers.map(self._settled, records), strict=True)
        return {"batchItemFailures": [{"itemIdentifier": r["messageId"]} for r, done in outcomes if not done]}

    def _settled(self, record: dict[str, Any]) -> bool:
        """True once the message may go: its order is there, or it lies in the dead-letter queue with its reason."""
        structlog.contextvars.clear_contextvars()
        try:
            self._handle(record["body"])
        except (ValueError, RecursionError, Conflict) as error:
            return self._bury(record, _reason(error))
        except Unavailable as error:
            log.warning("order has to wait", message_id=record["messageId"], detail=error.detail)
            return False
        except Exception:
            log.exception("order failed", message_id=record["messageId"])
            return False
        return True

    def _handle(self, body: str) -> None:
        message = strictjson.loads(body)
        logs.correlate(_correlation_id(message))
        self._service.place(Envelope.model_validate(message).detail.data)

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
    return str(error)[:500] if isinstance(error, Conflict) else "not JSON"


def make_queue(env: Mapping[str, str], name: str) -> Queue:
    return Queue(aws.client("sqs", env), aws.client("sqs", env, aws.LONG_POLL), f"{stack(env)}-{name}")


def main(env: Mapping[str, str]) -> None:
    logs.configure("ordering-consumer", env)
    store = make_store(env)
    consumer = Consumer(OrderService(store), make_queue(env, "order-dlq"))
    consume(make_queue(env, "order"), consumer.handle_batch, store.answers, Stop().on_signals())


if __name__ == "__main__":
    main(os.environ)
