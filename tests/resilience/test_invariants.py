"""Each invariant reports the violation it is for, and none reports a shop that kept its promises."""

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

import pytest

from tests import aws_clients
from tests.resilience.evidence import Evidence, pending
from tests.resilience.invariants import COPY_LAG, Checkout, Line, Outcome, Prices, violations


class Case:
    """Two acknowledged checkouts, each with its order and its receipt, while the price went from 1.10 to 1.20."""

    def __init__(self) -> None:
        self.prices = Prices()
        self.prices.change("p", Decimal("1.10"), sent=0, acknowledged=1)
        self.prices.change("p", Decimal("1.20"), sent=20, acknowledged=21)
        self.history = [self._checkout("a", 10), self._checkout("b", 20)]
        self.evidence = Evidence(
            orders=[self.order("a"), self.order("b")],
            receipts=[{"orderId": "o-a"}, {"orderId": "o-b"}],
            pending={},
            products={"p": (2, Decimal("1.20"))},
            catalogue={"p": (2, Decimal("1.20"))},
        )

    def kinds(self) -> set[str]:
        return {violation.kind for violation in violations(self.history, self.evidence, self.prices)}

    def order(self, ref: str, **fields: Any) -> dict[str, Any]:
        item = {"productId": "p", "color": "Red", "quantity": 3, "price": Decimal("1.10")}
        return {"orderId": f"o-{ref}", "address": ref, "items": [item], "totalPrice": Decimal("3.30")} | fields

    def replace_order(self, **fields: Any) -> None:
        self.evidence.orders[0] = self.order("a", **fields)

    def drop(self, rows: list[Any]) -> None:
        del rows[0]

    def _checkout(self, ref: str, began: float) -> Checkout:
        lines = frozenset({Line("p", "Red", 3)})
        answer = {f"o-{ref}"}, f"o-{ref}", Decimal("3.30")
        return Checkout(ref, f"basket of {ref}", lines, began, Outcome.ACKNOWLEDGED, began + 1, *answer)


def charge_a_later_price(case: Case) -> None:
    """At a price that was set only after the first checkout was answered."""
    item = case.order("a")["items"][0] | {"price": Decimal("1.20")}
    case.replace_order(items=[item], totalPrice=Decimal("3.60"))
    case.history[0].total = Decimal("3.60")


VIOLATING: list[tuple[str, Callable[[Case], object]]] = [
    ("lost", lambda case: case.drop(case.evidence.orders)),
    ("lost", lambda case: case.evidence.receipts.append({"orderId": "o-c"})),
    ("duplicated", lambda case: case.evidence.orders.append(case.order("a", orderId="o-a2"))),
    ("invented", lambda case: case.evidence.orders.append(case.order("unknown"))),
    ("invented", lambda case: case.drop(case.evidence.receipts)),
    ("denied", lambda case: setattr(case.history[0], "outcome", Outcome.FAILED)),
    ("sold twice", lambda case: setattr(case.history[0], "basket", "basket of b")),
    ("answers differ", lambda case: case.history[0].answers.add("o-other")),
    ("other order", lambda case: setattr(case.history[0], "order_id", "o-other")),
    ("wrong total", lambda case: case.replace_order(totalPrice=Decimal("3.31"))),
    ("wrong total", lambda case: setattr(case.history[0], "total", Decimal("3.29"))),
    ("wrong lines", lambda case: setattr(case.history[0], "lines", frozenset({Line("p", "Red", 2)}))),
    ("wrong price", charge_a_later_price),
    ("pending", lambda case: setattr(case.evidence, "pending", {"order-dlq": 1})),
    ("stale copy", lambda case: setattr(case.evidence, "catalogue", {"p": (1, Decimal("1.20"))})),
    ("stale copy", lambda case: setattr(case.evidence, "catalogue", {})),
]


def test_a_shop_that_kept_its_promises_violates_no_invariant() -> None:
    assert Case().kinds() == set()


@pytest.mark.parametrize(("kind", "break_"), VIOLATING)
def test_a_broken_promise_is_reported_as_its_kind_of_violation(kind: str, break_: Callable[[Case], object]) -> None:
    case = Case()
    break_(case)
    assert kind in case.kinds()


@pytest.mark.parametrize("ordered", [True, False])
def test_an_unknown_outcome_may_be_an_order_or_none(ordered: bool) -> None:
    case = Case()
    case.history[0].outcome = Outcome.UNKNOWN
    if not ordered:
        case.drop(case.evidence.orders)
        case.drop(case.evidence.receipts)
    assert case.kinds() == set()


def test_an_unknown_outcome_is_never_two_orders() -> None:
    case = Case()
    case.history[0].outcome = Outcome.UNKNOWN
    case.evidence.orders.append(case.order("a", orderId="o-a2"))
    case.evidence.receipts.append({"orderId": "o-a2"})
    assert case.kinds() == {"duplicated"}


@pytest.mark.integration
def test_outbox_rows_and_messages_count_as_pending_even_in_flight(stack: Mapping[str, str]) -> None:
    sqs = aws_clients.client("sqs")
    assert pending("shop") == {}
    aws_clients.table("shop-basket-outbox").put_item(Item={"id": "o-1"})
    for name in ("shop-order", "shop-order-dlq", "shop-checkout-basket-dlq"):
        url = sqs.get_queue_url(QueueName=name)["QueueUrl"]
        sqs.send_message(QueueUrl=url, MessageBody="in flight")
        assert sqs.receive_message(QueueUrl=url, WaitTimeSeconds=2)["Messages"]
    assert pending("shop") == {"basket-outbox": 1, "order": 1, "order-dlq": 1, "checkout-basket-dlq": 1}


def test_a_price_counts_from_when_its_change_was_sent_until_the_next_was_acknowledged() -> None:
    prices = Case().prices
    assert prices.between("p", 5, 19) == {Decimal("1.10")}
    assert prices.between("p", 19, 20) == {Decimal("1.10"), Decimal("1.20")}
    assert prices.between("p", 22, 30) == {Decimal("1.10"), Decimal("1.20")}
    assert prices.between("p", 22 + COPY_LAG, 99 + COPY_LAG) == {Decimal("1.20")}
    assert prices.between("other", 0, 99) == set()
