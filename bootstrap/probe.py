"""Sends one checkout from bus to order table, and says where on the way it stopped."""

from __future__ import annotations

import json
import uuid
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from bootstrap.aws import Aws
from bootstrap.clock import Clock
from bootstrap.event import DETAIL_TYPE, SOURCE, USER, checkout, timestamp
from bootstrap.findings import Finding, bad, good
from bootstrap.names import Names
from bootstrap.search import Search

if TYPE_CHECKING:
    from mypy_boto3_sqs.type_defs import MessageTypeDef

_STALE = timedelta(minutes=5)
_START_CONSUMER = "start it: python -m services.ordering.consumer"
_LOOK_AT_CONSUMER = "look at the ordering consumer's log"


class Probe:
    """One event of the reserved user; whatever becomes of it is deleted again."""

    def __init__(self, aws: Aws, names: Names, clock: Clock, patience: float, grace: int = 10) -> None:
        self._aws = aws
        self._names = names
        self._clock = clock
        self._patience = patience
        self._grace = grace
        self._order_id = str(uuid.uuid4())
        self._moment = datetime.now(UTC)

    def run(self, *, consumer_expected: bool) -> list[Finding]:
        self._sweep()
        refusal = self._publish()
        if refusal:
            return [bad("bus", f"{self._names.bus} refused the event: {refusal}", "mend what it names")]
        arrived = self._await_order(self._patience if consumer_expected else 0.0)
        if arrived is not None:
            return [good("delivery", f"bus → rule → queue → consumer → table in {arrived * 1000:.0f} ms")]
        return self._trace(consumer_expected=consumer_expected)

    def _publish(self) -> str | None:
        detail = checkout(self._order_id, self._moment)
        answer = self._aws.events.put_events(
            Entries=[
                {
                    "EventBusName": self._names.bus,
                    "Source": SOURCE,
                    "DetailType": DETAIL_TYPE,
                    "Detail": json.dumps(detail),
                }
            ]
        )
        # A refused entry still answers 200.
        entry = answer["Entries"][0] if answer["FailedEntryCount"] else {}
        return f"{entry.get('ErrorCode')}: {entry.get('ErrorMessage')}" if entry else None

    def _await_order(self, seconds: float) -> float | None:
        """Seconds until the order was there, deleted by now; None if it did not come."""
        for gone in self._clock.polls(seconds, first=0.05, longest=0.5):
            if self._delete_order(self._order_id):
                return gone
        return None

    def _delete_order(self, order_id: str) -> bool:
        answer = self._aws.dynamodb.delete_item(
            TableName=self._names.order_table,
            Key={"userName": {"S": USER}, "orderId": {"S": order_id}},
            ReturnValues="ALL_OLD",
        )
        return bool(answer.get("Attributes"))

    def _sweep(self) -> None:
        """Deletes what earlier runs left, because their order came after they had given up."""
        left = self._aws.dynamodb.query(
            TableName=self._names.order_table,
            KeyConditionExpression="userName = :user",
            ExpressionAttributeValues={":user": {"S": USER}},
        )
        for order in left["Items"]:
            if self._is_stale(order["orderDate"]["S"]):
                self._delete_order(order["orderId"]["S"])

    def _is_stale(self, order_date: str) -> bool:
        return order_date < timestamp(self._moment - _STALE)

    def _trace(self, *, consumer_expected: bool) -> list[Finding]:
        queue = self._search(self._names.order_queue)
        # A queue at work is left alone: the probe is either in hand already or will be.
        in_hand = queue.in_hand()
        if not in_hand and self._found(queue):
            return self._in_queue(consumer_expected=consumer_expected)
        if refused := self._search(self._names.order_dlq).take(self._order_id):
            return [self._refused(refused)]
        if undelivered := self._search(self._names.rule_dlq).take(self._order_id):
            return [self._undelivered(undelivered)]
        if self._await_order(0.5) is not None:
            return [good("delivery", "the order came, but late: the consumer has much to do")]
        if in_hand:
            return [self._in_hand(in_hand)]
        waiting = queue.waiting()
        return [self._left_waiting(waiting) if waiting else self._lost()]

    def _search(self, queue: str) -> Search:
        return Search(self._aws.sqs, queue, self._is_stale)

    def _found(self, queue: Search) -> bool:
        # On AWS an event may need a second or two to reach the queue, a busy LocalStack more: the search waits for it.
        return queue.take(self._order_id, wait=self._grace) is not None

    def _in_queue(self, *, consumer_expected: bool) -> list[Finding]:
        way = good("delivery", "bus → rule → queue; the message is deleted again")
        if not consumer_expected:
            return [way]
        nobody = f"nobody took the message from {self._names.order_queue} in {self._patience:.0f} s"
        return [way, bad("consumer", nobody, _START_CONSUMER)]

    def _refused(self, message: MessageTypeDef) -> Finding:
        why = _attribute(message, "reason") or "it gave no reason"
        text = f"the event ended in {self._names.order_dlq}: {why}"
        return bad("consumer", text, f"{_LOOK_AT_CONSUMER}; is it of the same version as this checkout?")

    def _undelivered(self, message: MessageTypeDef) -> Finding:
        why = _attribute(message, "ERROR_MESSAGE") or _attribute(message, "ERROR_CODE") or "no reason given"
        text = f"EventBridge could not write to {self._names.order_queue}: {why}"
        return bad("queue", text, "look at the queue's policy and encryption")

    def _in_hand(self, count: int) -> Finding:
        text = f"messages of {self._names.order_queue} in hand: {count}; doctor's made no order"
        cannot = f"cannot write to {self._names.order_table}"
        advice = f"{_LOOK_AT_CONSUMER}: it is busy, {cannot}, or was just stopped (what it held comes back in 30 s)"
        return bad("consumer", text, advice)

    def _left_waiting(self, count: int) -> Finding:
        # Doctor looks at the first hundred only.
        text = f"messages waiting in {self._names.order_queue}: {count}, and nobody takes them"
        return bad("consumer", text, f"{_START_CONSUMER}, then ask doctor again")

    def _lost(self) -> Finding:
        text = f"{self._names.bus} took the event, but nothing came to {self._names.order_queue}"
        return bad("rule", text, f"look at the event pattern and the target of {self._names.rule}")


def _attribute(message: MessageTypeDef, name: str) -> str | None:
    found = message.get("MessageAttributes", {}).get(name)
    return found.get("StringValue") if found else None
