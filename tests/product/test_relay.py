from collections.abc import Mapping

import pytest

from services.product.events import event_for_change
from services.product.wiring import Wiring
from tests import aws_clients
from tests.processes import eventually, running
from tests.samples import product

pytestmark = pytest.mark.integration


def test_relay_publishes_pending_product_events_and_stops_on_signal(stack: Mapping[str, str]) -> None:
    outbox, sqs = Wiring(stack).outbox, aws_clients.client("sqs")
    queue = sqs.get_queue_url(QueueName="shop-catalogue")["QueueUrl"]
    event = event_for_change(None, product("p-1")).as_event("2026-11-21T09:30:00.123Z", "c-1")
    assert Wiring(stack).store.save(product("p-1"), None, event)
    with running("services.product.relay", stack) as relay:
        (message,) = sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=20)["Messages"]
        eventually(lambda: list(outbox.pending()) == [[]])
        relay.terminate()
        assert relay.wait(timeout=30) == 0
    assert '"p-1@1"' in message["Body"]
