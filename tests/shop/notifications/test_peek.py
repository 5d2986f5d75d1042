"""`shop notifications` shows what is in the queue and leaves it there."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from bootstrap.aws import Aws
from bootstrap.errors import Failed
from shop.connection import Connection
from shop.notifications.peek import line, show
from tests.shop.dlq.fake_sqs import letter

integration = pytest.mark.integration


def body(number: int = 1, **order: Any) -> str:
    known = {"orderId": f"o-{number}", "userName": "swn", "totalPrice": 36.9, "more": "unknown"}
    return json.dumps({"event": "OrderRejected", "message": "The order is rejected.", "order": known | order})


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (body(), "The order is rejected.  o-1 of swn, 36.90"),
        (body(reason="OUT_OF_STOCK"), "The order is rejected.  o-1 of swn, 36.90, OUT_OF_STOCK"),
        ("{", "not a notification: 1 characters"),
        (body(totalPrice="much"), "not a notification: "),
    ],
)
def test_notification_is_one_line_with_its_time(text: str, shown: str) -> None:
    assert line(letter(body=text, sent=1_764_000_000_123)).startswith(f"  2025-11-24 16:00:00Z  {shown}")


@integration
def test_messages_are_shown_with_the_oldest_first_and_stay_where_they_are(
    connection: Connection, printed: list[str], aws: Aws, queue_url: Callable[[str], str]
) -> None:
    for number in range(12):
        aws.sqs.send_message(QueueUrl=queue_url("shop-notifications"), MessageBody=body(number))
    for _ in range(2):
        printed.clear()
        assert show(connection, limit=20, body=False) == 0
        first, *lines = printed
        assert first == "shop-notifications: 12 notifications"
        assert sorted(each.split()[-4] for each in lines) == sorted(f"o-{number}" for number in range(12))
        assert lines == sorted(lines, key=lambda each: each[:22])


@integration
def test_limit_bounds_what_is_read_and_bodies_are_printed_on_demand(
    connection: Connection, printed: list[str], aws: Aws, queue_url: Callable[[str], str]
) -> None:
    for number in range(3):
        aws.sqs.send_message(QueueUrl=queue_url("shop-notifications"), MessageBody=body(number))
    assert show(connection, limit=2, body=True) == 0
    assert printed[0] == "shop-notifications: 2 notifications of 3 (--limit shows more)"
    assert len([each for each in printed[1:] if each.startswith("{")]) == len(printed[1:]) / 2 == 2


@integration
def test_empty_queue_and_missing_queue_say_what_to_expect(
    connection: Connection, printed: list[str], aws: Aws, queue_url: Callable[[str], str]
) -> None:
    assert show(connection, limit=20, body=False) == 0
    assert printed[0].startswith("shop-notifications: no notification in the last day.")
    aws.sqs.delete_queue(QueueUrl=queue_url("shop-notifications"))
    with pytest.raises(Failed, match=r"`\.venv/bin/shop stack up notification` creates it"):
        show(connection, limit=20, body=False)
