"""Looks at the queue of notifications. Nothing else reads it."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from pydantic import BaseModel, ValidationError

from bootstrap.errors import Failed, unless_gone
from shop.connection import Connection
from shop.dlq.dead_letter import DeadLetter
from shop.dlq.receiver import Selection, receiving

_WAITING: Final = "ApproximateNumberOfMessages"
_NONE = "no notification in the last day. One arrives a moment after an order was confirmed, rejected or cancelled"


class Order(BaseModel):
    orderId: str
    userName: str
    totalPrice: Decimal
    reason: str = ""


class Notification(BaseModel):
    """What is shown of a notification. services/notification/template.yaml writes it."""

    message: str
    order: Order


def show(shop: Connection, *, limit: int, body: bool) -> int:
    """Prints at most `limit` of the messages, the oldest first, and makes them visible again. Returns the exit code."""
    name = f"{shop.names.shop}-notifications"
    url, waiting = _look_up(shop, name)
    with receiving(shop.aws.sqs, url) as receiver:
        letters = [each for batch in receiver.search(Selection(), min(waiting, limit)) for each in batch]
    shop.out(f"{name}: {_counted(len(letters), waiting)}")
    for letter in sorted(letters, key=lambda each: each.sent):
        shop.out(line(letter))
        if body:
            shop.out(letter.body)
    return 0


def line(letter: DeadLetter) -> str:
    sent = f"  {letter.sent:%Y-%m-%d %H:%M:%S}Z"
    try:
        found = Notification.model_validate_json(letter.body)
    except ValidationError:
        return f"{sent}  not a notification: {len(letter.body)} characters"
    order = found.order
    why = f", {order.reason}" if order.reason else ""
    return f"{sent}  {found.message}  {order.orderId} of {order.userName}, {order.totalPrice:.2f}{why}"


def _look_up(shop: Connection, name: str) -> tuple[str, int]:
    found = unless_gone(lambda: shop.aws.sqs.get_queue_url(QueueName=name))
    if found is None:
        up = shop.command("stack up notification")
        raise Failed(f"there is no queue {name} at {shop.aws.where}: {up} creates it")
    answer = shop.aws.sqs.get_queue_attributes(QueueUrl=found["QueueUrl"], AttributeNames=[_WAITING])
    return found["QueueUrl"], int(answer["Attributes"][_WAITING])


def _counted(shown: int, waiting: int) -> str:
    if not shown:
        return _NONE
    what = f"{shown} notification{'' if shown == 1 else 's'}"
    return what if shown >= waiting else f"{what} of {waiting} (--limit shows more)"
