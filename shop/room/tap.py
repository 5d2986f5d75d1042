"""Reads the copies of all events, which the stack in bootstrap/room.yaml puts into a queue."""

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import structlog

from bootstrap import stacks
from bootstrap.aws import Aws
from bootstrap.clock import Clock
from bootstrap.deploy import Deployment
from bootstrap.flows import Flows, Route
from bootstrap.templates import Template
from shop.room.ring import Ring
from shop.room.trouble import told

BATCH, WAIT = 10, 10  # messages, and seconds of a long poll
PAUSE = 2.0  # seconds before another attempt

log = structlog.stdlib.get_logger(__name__)


class Tap:
    """`run` works until the process ends. `trouble` says why no events come, and is "" while they do."""

    def __init__(self, aws: Aws, template: Template, flows: Flows, ring: Ring) -> None:
        self._aws, self._template, self._flows, self._ring = aws, template, flows, ring
        self.trouble = "The machine room is starting."

    def run(self, sleep: Callable[[float], None] = time.sleep) -> None:
        while True:
            try:
                url = self.open()
                while True:
                    self.receive(url)
                    self.trouble = ""
            except Exception as error:  # noqa: BLE001 `told` logs it
                self.trouble = told(error)
                log.warning("the tap cannot be read", reason=self.trouble)
            sleep(PAUSE)

    def open(self) -> str:
        """Creates the queue and its rule if they are missing. Returns the URL of the queue."""
        names = self._template.names
        stacks.require_platform(self._aws, names)
        Deployment(self._aws, self._template, log.info, Clock()).up(may_lose_rows=False)
        url = self._aws.sqs.get_queue_url(QueueName=names.tap_queue)["QueueUrl"]
        self.trouble = ""
        return url

    def receive(self, url: str) -> None:
        answer = self._aws.sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=BATCH, WaitTimeSeconds=WAIT)
        messages = answer.get("Messages", [])
        for message in messages:
            self._add(message.get("Body", ""))
        if messages:
            entries = [{"Id": str(n), "ReceiptHandle": it.get("ReceiptHandle", "")} for n, it in enumerate(messages)]
            self._aws.sqs.delete_message_batch(QueueUrl=url, Entries=entries)  # type: ignore[arg-type] # plain dicts

    def _add(self, body: str) -> None:
        event = _object(body)
        if event:
            passing = [route for route in self._flows.routes if passes(self._aws.events, route, event)]
            self._ring.add(event, [*hops(self._flows, passing, event)], int(time.time() * 1000))


def _object(body: str) -> dict[str, Any]:
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def passes(events: Any, route: Route, event: Mapping[str, Any]) -> bool:
    """Whether the rule passes the event on. EventBridge itself is asked if its pattern has more than names."""
    exact = {name: values for name, values in route.pattern.items() if name in {"source", "detail-type"}}
    if not exact or any(event.get(name) not in values for name, values in exact.items()):
        return False
    if exact == route.pattern:
        return True
    return bool(events.test_event_pattern(Event=json.dumps(event), EventPattern=json.dumps(route.pattern))["Result"])


def hops(flows: Flows, passing: Sequence[Route], event: Mapping[str, Any]) -> Iterator[list[str]]:
    """The lines of the map that an event takes to the queues, those of each hop together."""
    yield [f"publisher-{name}--bus-bus" for name in flows.publishers(str(event.get("source", "")))]
    yield [f"bus-bus--rule-{route.rule}" for route in passing]
    topics = [route.target for route in passing if route.target in flows.topics]
    kinds = {route.target: "topic" if route.target in topics else "queue" for route in passing}
    yield [f"rule-{route.rule}--{kinds[route.target]}-{route.target}" for route in passing]
    yield [f"topic-{topic}--queue-{queue}" for topic in topics for queue in flows.arrivals(topic)]
