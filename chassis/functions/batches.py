"""Batches of messages. An event source mapping polls the queue, calls the function, and deletes what did not fail."""

from contextvars import copy_context
from typing import Any

import structlog
from botocore.exceptions import BotoCoreError, ClientError

from chassis.core import deadline, metrics
from chassis.core.errors import Unavailable
from chassis.core.measured import LOOPS
from chassis.functions.handlers import Context, Handler, seconds_left
from chassis.messaging.queue import Consuming

log = structlog.stdlib.get_logger(__name__)


def handler(consuming: Consuming) -> Handler:
    """Returns the failed messages after it has backed them off. All messages share the invocation's deadline.

    A batch without messages only reports that the function works. Others do not, because containers count their tasks
    by these reports.
    """

    def handle(event: dict[str, Any], context: Context) -> dict[str, Any]:
        if not event["Records"]:
            metrics.record(LOOPS)
        try:
            answer = copy_context().run(_handle_batch, consuming, event, seconds_left(context))
            _back_off(consuming, event, answer)
            return answer
        finally:
            metrics.report()

    return handle


def _handle_batch(consuming: Consuming, event: dict[str, Any], seconds: float) -> dict[str, Any]:
    deadline.start(seconds)
    return consuming.handler.handle_batch(event)


def _back_off(consuming: Consuming, event: dict[str, Any], answer: dict[str, Any]) -> None:
    """Best effort. Without it, a message is delivered again after the queue's visibility timeout."""
    failed = {failure["itemIdentifier"] for failure in answer["batchItemFailures"]}
    if not failed:
        return
    try:
        consuming.queue.back_off([record for record in event["Records"] if record["messageId"] in failed])
    except (Unavailable, ClientError, BotoCoreError) as error:
        log.warning("messages not backed off", count=len(failed), error=str(error))
