"""Where the command finds an order, and what it says if there is none."""

from decimal import Decimal
from typing import Any, cast

import pytest

from bootstrap.errors import Failed
from shop.demo.client import Answer, Client
from shop.order.executions import Execution, Executions
from shop.order.sources import Reservations, Sources
from tests.shop.order.histories import PLACED

URLS = {"ordering": "http://o", "payment": "http://p"}
ORDER = {"orderId": "o1", "status": "PLACED"}
PAYMENT = {"orderId": "o1", "status": "AUTHORIZED"}
ROW = {
    "orderId": {"S": "o1"},
    "state": {"S": "RESERVED"},
    "lines": {"L": [{"M": {"productId": {"S": "p-1"}, "taken": {"N": "3"}}}]},
}


class FakeClient:
    """Answers with what is there, else with a 404, or with `status` to everything."""

    def __init__(self, status: int = 0, **answers: Any) -> None:
        self.there = answers.get("there", {})
        self.status = status

    def of(self, user: str) -> Client:
        self.user = user
        return cast("Client", self)

    def ask(self, method: str, url: str) -> Answer:
        assert method == "GET"
        if self.status:
            return Answer(self.status, {}, {"detail": "not now"})
        return Answer(200, {}, self.there[url]) if url in self.there else Answer(404, {}, {"detail": "none"})


class FakeExecutions:
    def __init__(self, user: str | None) -> None:
        self._found = [Execution(1, "arn", "RUNNING", PLACED, None, user, ())] if user else []

    def of(self, order_id: str) -> list[Execution]:
        return self._found if order_id == "o1" else []


class FakeDynamoDB:
    def __init__(self, row: dict[str, Any] | None = None) -> None:
        self._row = row

    def get_item(self, **given: Any) -> dict[str, Any]:
        assert given == {"TableName": "shop-reservation", "Key": {"orderId": {"S": "o1"}}}
        return {"Item": self._row} if self._row else {}


def sources(client: FakeClient, user: str | None = "ann", row: dict[str, Any] | None = None) -> Sources:
    reservations = Reservations(cast("Any", FakeDynamoDB(row)), "shop-reservation")
    executions = cast("Executions", FakeExecutions(user))
    return Sources(client.of, URLS, executions, reservations)


def test_the_execution_names_the_user_of_the_order() -> None:
    there = {"http://o/order/ann/o1": ORDER, "http://p/payment/ann/o1": PAYMENT}
    client = FakeClient(there=there)
    way = sources(client, row=ROW).way("o1")
    assert client.user == "ann"
    assert (way.order, way.payment, len(way.executions)) == (ORDER, PAYMENT, 1)
    assert way.reservation == {
        "orderId": "o1",
        "state": "RESERVED",
        "lines": [{"productId": "p-1", "taken": Decimal(3)}],
    }


def test_an_order_before_its_first_step_has_neither_payment_nor_reservation() -> None:
    way = sources(FakeClient(there={"http://o/order/ann/o1": ORDER})).way("o1")
    assert (way.payment, way.reservation) == (None, None)


def test_a_given_user_is_enough_without_executions() -> None:
    client = FakeClient(there={"http://o/order/a%40b%7C1/o1": ORDER})
    assert sources(client, user=None).way("o1", "a@b|1").order == ORDER


def test_an_unknown_order_without_a_user_is_reported_with_what_to_do() -> None:
    unknown = "01a21b1c-5763-7264-b177-92d8d3c26f45"
    with pytest.raises(Failed, match=f"No execution is named after order {unknown}. Name its user with `--user`."):
        sources(FakeClient(), user=None).way(unknown)


def test_what_is_no_order_id_is_reported_with_one() -> None:
    with pytest.raises(Failed, match=r"nonsense is no order ID. One looks like 01a21b1c-"):
        sources(FakeClient(), user=None).way("nonsense")


def test_an_order_that_the_user_does_not_have_is_reported_with_what_to_do() -> None:
    with pytest.raises(Failed, match=r"bob has no order o1. `GET /order/bob` lists .*`.venv/bin/shop dlq list` shows"):
        sources(FakeClient()).way("o1", "bob")


def test_a_service_that_is_not_ready_is_reported_with_its_reason() -> None:
    with pytest.raises(Failed, match=r"ordering answered 503: not now\.$"):
        sources(FakeClient(status=503)).way("o1")


@pytest.mark.parametrize("status", [401, 403])
def test_a_service_that_wants_another_token_is_reported_with_where_to_put_it(status: int) -> None:
    with pytest.raises(Failed, match=f"ordering answered {status}: not now. Put a token .* into SHOP_TOKEN."):
        sources(FakeClient(status=status)).way("o1")
