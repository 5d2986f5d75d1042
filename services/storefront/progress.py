"""How far an order is: the steps of its saga, in the words of a customer."""

from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import NamedTuple

from services.storefront.models import Order, Payment

OPEN = {"PLACED", "REJECTING", "CANCELLING"}  # no final status yet
CANCELLABLE = {"PLACED", "CONFIRMED"}
REASONS: Mapping[str, str] = {
    "OUT_OF_STOCK": "Too few pieces are in stock.",
    "RESERVATION_CLOSED": "The reservation had been released.",
    "STOCK_TIMEOUT": "Stock did not answer in time.",
    "PAYMENT_DECLINED": "The card was declined.",
    "PAYMENT_INSUFFICIENT_FUNDS": "The card has too little money.",
    "PAYMENT_VOIDED": "The payment had been cancelled.",
    "PAYMENT_TIMEOUT": "The payment provider did not answer in time.",
}


class State(StrEnum):
    DONE = "done"
    NOW = "under way"
    NEXT = "not yet"
    FAILED = "failed"
    UNDONE = "undone"
    ENDED = "final"


class Step(NamedTuple):
    name: str
    state: State
    at: str = ""
    note: str = ""


def is_open(order: Order | None) -> bool:
    """Whether the order's page can change without its customer."""
    return order is None or order.status in OPEN


def steps(order: Order | None, payment: Payment | None) -> list[Step]:
    """`order` is None between the checkout and the moment when ordering has stored it."""
    if order is None:
        return [Step("Accepted", State.DONE), Step("Placed", State.NOW), *_later("Stock", "Payment", "Confirmed")]
    return [
        Step("Accepted", State.DONE, order.orderDate),
        Step("Placed", State.DONE, order.when("PLACED")),
        *_rest(order, payment),
    ]


def _rest(order: Order, payment: Payment | None) -> Iterator[Step]:
    if order.status == "PLACED":
        yield from _under_way(payment)
    elif order.status == "CONFIRMED":
        yield Step("Stock", State.DONE, note="reserved for you")
        yield Step("Payment", State.DONE, note="authorized")
        yield Step("Confirmed", State.DONE, order.when("CONFIRMED"))
    elif order.status in {"REJECTING", "REJECTED"}:
        yield from _rejected(order)
    else:
        yield from _cancelled(order)


def _under_way(payment: Payment | None) -> Iterator[Step]:
    """The payment is requested after stock has reserved all pieces."""
    if payment is None:
        yield Step("Stock", State.NOW, note="pieces are being reserved")
        yield from _later("Payment", "Confirmed")
        return
    yield Step("Stock", State.DONE, note="reserved for you")
    if payment.status == "AUTHORIZED":
        yield Step("Payment", State.DONE, payment.changedAt, "authorized")
        yield Step("Confirmed", State.NOW)
    else:
        yield Step("Payment", State.NOW, note="the provider is asked")
        yield from _later("Confirmed")


def _rejected(order: Order) -> Iterator[Step]:
    reason = REASONS.get(order.reason, order.reason)
    of_payment = order.reason.startswith("PAYMENT_")
    yield Step("Stock", State.UNDONE, note="released") if of_payment else Step("Stock", State.FAILED, note=reason)
    if of_payment:
        yield Step("Payment", State.FAILED, note=reason)
    yield _end(order, "Rejected", "REJECTING", "REJECTED", "You pay nothing.")


def _cancelled(order: Order) -> Iterator[Step]:
    if at := order.when("CONFIRMED"):
        yield Step("Confirmed", State.UNDONE, at)
    yield _end(order, "Cancelled", "CANCELLING", "CANCELLED", "The pieces are released, and you pay nothing.")


def _end(order: Order, name: str, under_way: str, final: str, note: str) -> Step:
    if order.status == final:
        return Step(name, State.ENDED, order.when(final), note)
    return Step(name, State.NOW, order.when(under_way), "stock and payment are being undone")


def _later(*names: str) -> list[Step]:
    return [Step(name, State.NEXT) for name in names]
