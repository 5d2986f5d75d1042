"""The rule of the sweep, whose tick comes within a minute from a bus that no test controls."""

import time
from collections.abc import Mapping
from datetime import UTC, datetime

import pytest

from chassis.core.events import Envelope
from services.ordering.commands_in import SweepOrders
from tests import aws_clients


@pytest.mark.integration
def test_a_tick_arrives_within_a_minute_as_the_message_that_ordering_reads(stack: Mapping[str, str]) -> None:
    sqs = aws_clients.client("sqs")
    url = sqs.get_queue_url(QueueName="shop-order-commands")["QueueUrl"]
    deadline, messages = time.monotonic() + 90, list[Mapping[str, str]]()
    while not messages and time.monotonic() < deadline:
        messages = sqs.receive_message(QueueUrl=url, WaitTimeSeconds=20).get("Messages", [])
    [message] = messages
    envelope = Envelope.model_validate_json(message["Body"])
    assert envelope.is_of(SweepOrders)
    assert abs((SweepOrders.read(envelope.detail).time - datetime.now(UTC)).total_seconds()) < 60
