from decimal import Decimal

import pytest

from chassis.messaging.bus import MAX_BYTES
from services.ordering.events import event_of
from services.ordering.models import OrderLine, OrderRow, Status, StatusChange
from tests.samples import order

NOW = "2026-11-21T09:31:00.000Z"


def at(status: str, **fields: object) -> OrderRow:
    return order().model_copy(update={"status": status, "history": [StatusChange(status=status, at=NOW)]} | fields)


@pytest.mark.parametrize("status", [Status.PLACED, Status.REJECTING, Status.CANCELLING])
def test_open_order_has_no_event(status: Status) -> None:
    assert event_of(at(status), "c-1") is None


@pytest.mark.parametrize("status", [Status.CONFIRMED, Status.REJECTED, Status.CANCELLED])
def test_event_of_a_final_status_has_an_id_of_its_own(status: Status) -> None:
    event = event_of(at(status, reason="OUT_OF_STOCK"), "c-1")
    assert event
    assert (event.id, event.correlation_id) == (f"{order().orderId}:{status.lower()}", "c-1")


def test_event_contains_neither_address_nor_card_nor_payment_token() -> None:
    event = event_of(at(Status.CONFIRMED, paymentToken="tok_approved"), "c-1")
    assert event
    assert [text for text in (order().address, order().cardLast4, "tok_approved") if text in event.detail] == []


def test_largest_order_fits_into_an_event() -> None:
    line = OrderLine(productId="\x01" * 64, productName="", color="", price=Decimal(1), quantity=999)
    event = event_of(at(Status.REJECTED, items=[line] * 100, reason="\x01" * 256, email="\x01" * 254), "c" * 128)
    assert event
    assert event.size * 3 < MAX_BYTES
