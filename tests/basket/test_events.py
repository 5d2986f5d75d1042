from decimal import Decimal

from chassis.messaging.bus import MAX_BYTES
from services.basket.events import BasketCheckedOut, OrderLine

WIDEST = "\x01"  # six bytes in JSON, more than any other character
ENVELOPE = 1024  # EventBridge adds an envelope to `detail`, and SQS counts it
MAX_ROW = 400 * 1024


def largest() -> BasketCheckedOut:
    """A checkout in which every field has the maximum length of the HTTP models."""
    line = OrderLine(
        productId="p" * 64,
        productName=WIDEST * 200,
        color=WIDEST * 50,
        price=Decimal("1000000.00"),
        quantity=999,
    )
    return BasketCheckedOut(
        orderId="o" * 36,
        orderDate="2026-11-21T09:30:00.123Z",
        userName="u" * 64,
        firstName=WIDEST * 100,
        lastName=WIDEST * 100,
        email=WIDEST * 64 + "@" + WIDEST * 189,
        address=WIDEST * 500,
        cardLast4="3322",
        paymentMethod=99,
        items=[line] * 100,
        totalPrice=Decimal(1_000_000 * 999 * 100),
    )


def test_largest_valid_checkout_fits_into_an_event_and_a_row() -> None:
    event = largest().as_event("c" * 128)
    assert event.size > 100_000
    assert event.size + ENVELOPE < MAX_BYTES
    assert event.size + ENVELOPE < MAX_ROW  # the outbox row has the same text


def test_copy_of_an_event_has_the_same_id() -> None:
    checkout = largest()
    assert checkout.as_event("c-1") == checkout.as_event("c-1")
    assert checkout.as_event("c-1").id == checkout.orderId
    assert checkout.as_event("c-1").correlation_id == "c-1"
