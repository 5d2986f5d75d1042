import json
from collections.abc import Callable
from typing import Any, ClassVar, cast

import pytest
import structlog
from botocore.exceptions import EndpointConnectionError

from chassis.core import deadline
from chassis.core.events import EventData
from chassis.functions.batches import handler
from chassis.functions.handlers import RESERVE
from chassis.messaging.consumer import Consumer
from chassis.messaging.queue import Consuming, Queue, SqsRecord
from tests.fakes import FakeDeadLetters, FakeReplies, Invocation


class Happened(EventData):
    SOURCE: ClassVar = "com.example"
    DETAIL_TYPE: ClassVar = "Happened"
    VERSION: ClassVar = 1

    name: str


def message(name: str = "good") -> str:
    detail = {"metadata": {"version": 1, "correlation-id": "c-1"}, "data": {"name": name}}
    return json.dumps({"source": "com.example", "detail-type": "Happened", "detail": detail})


class BackedOff(Queue):
    """Notes the messages that are backed off."""

    def __init__(self, *, broken: bool = False) -> None:
        self.messages: list[str] = []
        self._broken = broken

    def back_off(self, records: list[SqsRecord]) -> None:
        if self._broken:
            raise EndpointConnectionError(endpoint_url="https://sqs.example.com")
        self.messages += [record["messageId"] for record in records]


def batch(**bodies: str) -> dict[str, Any]:
    attributes = {"ApproximateReceiveCount": "1"}
    return {"Records": [{"messageId": k, "body": v, "attributes": attributes} for k, v in bodies.items()]}


def fail_if_bad(event: Happened) -> None:
    if event.name == "bad":
        raise RuntimeError("a bug")


def consuming(queue: Queue, handle: Callable[[Happened], None], dead: FakeDeadLetters | None = None) -> Consuming:
    consumer = Consumer({Happened: handle}, dead or FakeDeadLetters(), FakeReplies())
    return Consuming(queue, consumer, lambda: pytest.fail("nothing is probed before an invocation"))


def test_only_failed_messages_are_returned_and_backed_off() -> None:
    queue, dead = BackedOff(), FakeDeadLetters()
    handle = handler(consuming(queue, fail_if_bad, dead))
    answer = handle(batch(a=message(), b=message(name="bad"), c="{"), Invocation())
    assert answer == {"batchItemFailures": [{"itemIdentifier": "b"}]}
    assert queue.messages == ["b"]
    assert [sent["messageId"] for sent in dead.sent] == ["c"]


def test_messages_are_returned_even_if_they_cannot_be_backed_off() -> None:
    handle = handler(consuming(BackedOff(broken=True), fail_if_bad))
    with structlog.testing.capture_logs() as logged:
        answer = handle(batch(b=message(name="bad")), Invocation())
    assert answer == {"batchItemFailures": [{"itemIdentifier": "b"}]}
    assert [line["count"] for line in logged if line["event"] == "messages not backed off"] == [1]


def test_every_message_has_the_deadline_of_its_invocation() -> None:
    left: list[float] = []
    handle = handler(consuming(BackedOff(), lambda _: left.append(deadline.remaining())))
    handle(batch(a=message(), b=message()), Invocation(20.0))
    handle(batch(c=message()), Invocation(10.0))
    assert [round(seconds) for seconds in left] == [round(20 - RESERVE)] * 2 + [round(10 - RESERVE)]


def test_message_that_runs_out_of_time_is_retried() -> None:
    def wait_for_a_lock(_: Happened) -> None:
        for _attempt in deadline.attempts():
            pass

    handle = handler(consuming(BackedOff(), deadline.limited(wait_for_a_lock, 60.0)))
    answer = handle(batch(a=message()), Invocation(RESERVE + 0.1))
    assert answer == {"batchItemFailures": [{"itemIdentifier": "a"}]}


def test_deadline_of_an_invocation_ends_with_it() -> None:
    handler(consuming(BackedOff(), fail_if_bad))(batch(a=message()), Invocation(20.0))
    assert deadline.remaining() == float("inf")


def test_batch_without_messages_reports_that_the_function_works(
    metric_lines: Callable[[], list[dict[str, Any]]],
) -> None:
    assert handler(consuming(BackedOff(), fail_if_bad))({"Records": []}, Invocation()) == {"batchItemFailures": []}
    (line,) = metric_lines()
    assert line["ConsumerLoops"] == 1


def test_batch_with_messages_does_not_count_as_a_task_of_containers(
    metric_lines: Callable[[], list[dict[str, Any]]],
) -> None:
    """Application Auto Scaling counts the lines with ConsumerLoops, also while functions run beside containers."""
    handler(consuming(BackedOff(), fail_if_bad))(batch(a=message()), Invocation())
    (line,) = metric_lines()
    assert "ConsumerLoops" not in line
    assert line["MessagesHandled"] == 1


def test_each_invocation_writes_its_metrics(metric_lines: Callable[[], list[dict[str, Any]]]) -> None:
    handle = handler(consuming(BackedOff(), fail_if_bad))
    handle(batch(a=message(), b=message()), Invocation())
    handle(batch(c=message()), Invocation())
    assert [line["MessagesHandled"] for line in metric_lines()] == [2, 1]


def test_metrics_are_written_even_if_the_handler_fails(metric_lines: Callable[[], list[dict[str, Any]]]) -> None:
    class Broken:
        def handle_batch(self, event: dict[str, Any]) -> dict[str, Any]:
            raise MemoryError

        def pause(self) -> float:
            return 0.0

    with pytest.raises(MemoryError):
        handler(Consuming(cast("Queue", BackedOff()), Broken(), lambda: None))(batch(), Invocation())
    assert len(metric_lines()) == 1
