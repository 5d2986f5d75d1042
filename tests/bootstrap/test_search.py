"""Doctor looks through a queue without harm to what others have in it."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from bootstrap.aws import Aws
from bootstrap.event import checkout
from bootstrap.names import Names
from bootstrap.search import Search

pytestmark = pytest.mark.integration
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


@pytest.fixture
def url(names: Names, queue_url: Callable[[str], str]) -> str:
    return queue_url(names.order_queue)


@pytest.fixture
def search(aws: Aws, names: Names) -> Search:
    return Search(aws.sqs, names.order_queue, lambda date: date < "2021")


def own(order_id: str, moment: datetime | None = None) -> str:
    return json.dumps({"detail": checkout(order_id, moment or datetime.now(UTC))})


def send(aws: Aws, url: str, *bodies: str) -> None:
    for body in bodies:
        aws.sqs.send_message(QueueUrl=url, MessageBody=body)


def left(aws: Aws, url: str) -> list[Any]:
    """All that can be received right now, with the times each was received before."""
    found: list[Any] = []
    while batch := aws.sqs.receive_message(
        QueueUrl=url, MaxNumberOfMessages=10, MessageSystemAttributeNames=["ApproximateReceiveCount"], WaitTimeSeconds=0
    ).get("Messages"):
        found += [(m["Body"], int(m["Attributes"]["ApproximateReceiveCount"]) - 1) for m in batch]
    return sorted(found)


def test_it_takes_its_own_and_leaves_the_others_visible(aws: Aws, url: str, search: Search) -> None:
    send(aws, url, *[f"order {n}" for n in range(12)], own("mine"), "order 99")
    assert search.take("mine") is not None
    assert search.waiting() == 13
    assert search.in_hand() == 0
    found = left(aws, url)
    assert len(found) == 13
    assert max(count for _, count in found) <= 1


def test_what_is_not_there_is_not_found(aws: Aws, url: str, search: Search) -> None:
    send(aws, url, "order 1")
    assert search.take("mine") is None
    assert left(aws, url) == [("order 1", 1)]


def test_the_probe_of_another_run_is_left_to_it_unless_it_is_old(aws: Aws, url: str, search: Search) -> None:
    theirs, forgotten = own("theirs"), own("forgotten", LONG_AGO)
    send(aws, url, theirs, forgotten)
    assert search.take("mine") is None
    assert [body for body, _ in left(aws, url)] == [theirs]


def test_however_often_it_looks_it_brings_no_message_into_the_dead_letter_queue(
    aws: Aws, names: Names, url: str, search: Search
) -> None:
    send(aws, url, "order 1")
    mark: Any = {"mark": {"DataType": "String", "StringValue": "its own"}}
    aws.sqs.send_message(QueueUrl=url, MessageBody="order 2", MessageAttributes=mark)
    # An empty queue would be asked again; ten receives are the limit of a live message here.
    for _ in range(15):
        search.take("mine", wait=0)
    letters = Search(aws.sqs, names.order_dlq, lambda _: False)
    assert search.waiting() == 2
    assert letters.waiting() == 0
    marks: dict[str, set[str]] = {}
    while len(marks) < 2:
        answer = aws.sqs.receive_message(QueueUrl=url, WaitTimeSeconds=5, MessageAttributeNames=["All"])
        marks |= {m["Body"]: {*m.get("MessageAttributes", {})} for m in answer["Messages"]}
    assert marks == {"order 1": set(), "order 2": {"mark"}}
