"""Test messages: a consumer answers one and does nothing else, which shows that events reach it.

The pattern "Test Message" (Hohpe and Woolf, "Enterprise Integration Patterns").
"""

from collections.abc import Callable, Iterable
from typing import Any

import structlog

from chassis.core.events import EventData, MarkedEvent, Reply

log = structlog.stdlib.get_logger(__name__)


def is_marked(message: Any) -> bool:
    """Whether there is a `metadata.test`, of whatever value, as `exists` in a rule's pattern asks."""
    try:
        return "test" in message["detail"]["metadata"]
    except (KeyError, TypeError):
        return False


class Replies:
    """Replies by `send` in the name of the queue whose messages are consumed here."""

    def __init__(self, send: Callable[[str], None], queue_name: str) -> None:
        self._send = send
        self._queue_name = queue_name

    def reply(self, event: MarkedEvent, handlers: Iterable[type[EventData]]) -> None:
        """Says also whether one of `handlers` takes events of this type. Best effort: it never raises.

        A test message that cannot be answered is dropped. Retries would delay the events behind it, and would end in a
        dead-letter queue, whose alarm is for events.
        """
        handled = (event.source, event.detail_type) in {(kind.SOURCE, kind.DETAIL_TYPE) for kind in handlers}
        reply = Reply(queue=self._queue_name, handled=handled, **event.model_dump())
        try:
            self._send(reply.model_dump_json())
        except Exception as error:  # noqa: BLE001 see above
            log.warning("test message not answered", run=event.run, detail_type=event.detail_type, error=str(error))
        else:
            log.info("test message answered", run=event.run, detail_type=event.detail_type)
