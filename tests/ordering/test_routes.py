from urllib.parse import quote

import pytest
from flask.testing import FlaskClient
from pydantic import ValidationError

from chassis.core.errors import Unavailable
from services.ordering.app import create_app
from services.ordering.lifecycle import Step
from services.ordering.models import Order
from tests.fakes import FakeOrders, OrderShop, order_service
from tests.paging import every_item
from tests.samples import USER_NAMES, order, placed

DATES = ["2026-10-31T23:59:59.999Z", "2026-11-01T00:00:00.000Z"]
OCTOBER, NOVEMBER = (order(orderDate=date) for date in DATES)


@pytest.fixture
def client() -> FlaskClient:
    """swn has orders of the last day of October and the first of November, ada has one order."""
    cancelled = order(userName="ada").model_copy(update={"status": "CANCELLED"})
    return create_app(OrderShop(OCTOBER, NOVEMBER, cancelled).service, lambda: None).test_client()


def ids(client: FlaskClient, path: str) -> list[str]:
    answer = client.get(path)
    assert answer.status_code == 200
    return [item["orderId"] for item in answer.get_json()["items"]]


def test_order_has_the_checkout_without_the_card_number(client: FlaskClient) -> None:
    answer = client.get(f"/order/swn/{OCTOBER.orderId}").get_json()
    assert answer == OCTOBER.shown().model_dump(exclude_none=True)
    assert (answer["cardLast4"], answer["status"]) == ("3322", "PLACED")
    assert "cardInfo" not in answer


@pytest.mark.parametrize("name", USER_NAMES)
def test_user_with_any_valid_name_finds_their_orders(name: str) -> None:
    orders = order_service(FakeOrders())
    orders.place(placed(userName=name))
    client = create_app(orders, lambda: None).test_client()
    path = f"/order/{quote(name, safe='')}"
    assert ids(client, path) == [placed().orderId]
    assert client.get(f"{path}/{placed().orderId}").get_json()["userName"] == name


def test_plus_in_a_path_is_a_plus() -> None:
    client = create_app(order_service(FakeOrders(order(userName="ann+shop@example.com"))), lambda: None).test_client()
    assert ids(client, "/order/ann+shop@example.com") == [order().orderId]


@pytest.mark.parametrize("name", ["..", "a/b", "a b", "é", "a;b", "a" * 255])
def test_event_with_a_user_name_that_no_path_can_have_is_rejected(name: str) -> None:
    with pytest.raises(ValidationError, match="254"):
        placed(userName=name)


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", [NOVEMBER, OCTOBER]),
        ("?orderDate=2026", [NOVEMBER, OCTOBER]),
        ("?orderDate=2026-11", [NOVEMBER]),
        ("?orderDate=2026-10-31T23:59:59.999Z", [OCTOBER]),
        ("?from=2026-11-01", [NOVEMBER]),
        ("?to=2026-10", [OCTOBER]),
        ("?orderDate=2026-11-01T00:00:00Z", [NOVEMBER]),
        ("?orderDate=2026-11-01T00:00:00.000000%2B00:00", [NOVEMBER]),
        ("?orderDate=2026-11-01T02:00:00+02:00", [NOVEMBER]),
        ("?orderDate=2026-10-31T19:59:59.9999-0400", [OCTOBER]),
        ("?orderDate=2026-10-31T23:59:59Z", []),
        ("?from=2026-11-01t01:00:00%2B01:00", [NOVEMBER]),
        ("?to=2026-10-31T23:59:59.99Z", []),
        ("?from=2026-10-31T23:59:59.999999Z&to=2026-11-01T00:00:00.0Z", [NOVEMBER, OCTOBER]),
        ("?from=2026-10-31&to=2026-11-01", [NOVEMBER, OCTOBER]),
        ("?from=2027", []),
        ("?status=PLACED", [NOVEMBER, OCTOBER]),
        ("?status=PLACED&orderDate=2026-11", [NOVEMBER]),
    ],
)
def test_orders_of_a_user_are_newest_first_within_the_dates(
    client: FlaskClient, query: str, found: list[Order]
) -> None:
    assert ids(client, f"/order/swn{query}") == [order.orderId for order in found]


def test_orders_of_another_status_are_left_out(client: FlaskClient) -> None:
    assert (len(ids(client, "/order/ada")), ids(client, "/order/ada?status=PLACED")) == (1, [])


def test_user_without_orders_has_an_empty_list(client: FlaskClient) -> None:
    assert client.get("/order/nobody").get_json() == {"items": [], "nextCursor": None}


@pytest.mark.parametrize(
    ("path", "query", "count"), [("/order", {}, 3), ("/order/swn", {}, 2), ("/order/swn", {"to": "2026"}, 2)]
)
def test_list_is_read_page_by_page(client: FlaskClient, path: str, query: dict[str, str], count: int) -> None:
    seen = [item["orderId"] for item in every_item(client, path, limit="1", **query)]
    assert len(seen) == len(set(seen)) == count


@pytest.mark.parametrize("other", ["/order/ada?", "/order/swn?orderDate=2026&", "/order/swn?status=PLACED&", "/order?"])
def test_cursor_is_valid_only_for_its_list(client: FlaskClient, other: str) -> None:
    cursor = client.get("/order/swn?limit=1").get_json()["nextCursor"]
    assert client.get(f"{other}cursor={cursor}").status_code == 400


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/order/swn/none", 404),
        (f"/order/ada/{OCTOBER.orderId}", 404),
        ("/order/a%20b", 422),
        ("/order/swn/a%20b", 422),
        ("/order/swn?orderDate=yesterday", 422),
        ("/order/swn?orderDate=2026-02-30", 422),
        ("/order/swn?from=2026-13", 422),
        ("/order/swn?to=2026-11-26T25", 422),
        ("/order/swn?from=%D9%A2%D9%A0%D9%A2%D9%A6", 422),
        ("/order/swn?to=0000", 422),
        ("/order/swn?from=2026-11-01T00:00:00Z&to=2026-11-01T01:00:00%2B02:00", 422),
        ("/order/swn?orderDate=2026&from=2025", 422),
        ("/order/swn?from=2027&to=2026", 422),
        ("/order/swn?limit=0", 422),
        ("/order/swn?status=placed", 422),
        ("/order/swn?status=", 422),
        ("/order?status=PLACED", 422),
        ("/order/swn?since=2026", 422),
        ("/order?limit=101", 422),
        ("/order?cursor=tampered", 400),
        ("/order?limit=1&limit=1", 400),
    ],
)
def test_bad_input_gets_a_matching_4xx(client: FlaskClient, path: str, status: int) -> None:
    answer = client.get(path)
    assert (answer.status_code, answer.content_type) == (status, "application/problem+json")


def test_invalid_time_names_its_parameter(client: FlaskClient) -> None:
    answers = [client.get(f"/order/swn?{query}").get_json()["errors"] for query in ("from=yesterday", "to=2026-02-30")]
    assert [[error["pointer"] for error in errors] for errors in answers] == [["/from"], ["/to"]]
    assert "such as 2026-11-26T10:15:30Z" in answers[0][0]["detail"]
    assert "exist" in answers[1][0]["detail"]
    assert not any("[0-9]" in error["detail"] or "\\d" in error["detail"] for errors in answers for error in errors)


def test_order_is_cancelled_in_two_steps() -> None:
    shop = OrderShop(OCTOBER)
    client = create_app(shop.service, lambda: None).test_client()
    path = f"/order/swn/{OCTOBER.orderId}"
    first, again = client.post(f"{path}/cancel"), client.post(f"{path}/cancel", json={})
    assert [answer.status_code for answer in (first, again)] == [202, 202]
    assert (first.get_json()["status"], first.get_json()) == ("CANCELLING", client.get(path).get_json())
    shop.moves.apply(Step.FINISH, "swn", OCTOBER.orderId)
    done = client.post(f"{path}/cancel")
    assert (done.status_code, done.get_json()["status"]) == (200, "CANCELLED")
    assert [change["status"] for change in client.get(path).get_json()["history"]] == [
        "PLACED",
        "CANCELLING",
        "CANCELLED",
    ]


@pytest.mark.parametrize("status", ["REJECTING", "REJECTED"])
def test_rejected_order_cannot_be_cancelled(status: str) -> None:
    shop = OrderShop(OCTOBER.model_copy(update={"status": status, "reason": "OUT_OF_STOCK"}))
    client = create_app(shop.service, lambda: None).test_client()
    answer = client.post(f"/order/swn/{OCTOBER.orderId}/cancel")
    assert (answer.status_code, answer.content_type) == (409, "application/problem+json")
    assert client.get(f"/order/swn/{OCTOBER.orderId}").get_json()["reason"] == "OUT_OF_STOCK"


def test_cancelling_an_unknown_order_is_a_404(client: FlaskClient) -> None:
    assert client.post("/order/swn/none/cancel").status_code == 404


def test_no_response_contains_the_payment_token(client: FlaskClient) -> None:
    answers = [client.get(path).text for path in ("/order", "/order/swn", f"/order/swn/{OCTOBER.orderId}")]
    answers.append(client.post(f"/order/swn/{OCTOBER.orderId}/cancel").text)
    assert OCTOBER.paymentToken
    assert [OCTOBER.paymentToken in answer or "attempt" in answer for answer in answers] == [False] * 4


@pytest.mark.parametrize("method", ["post", "put", "delete"])
def test_orders_cannot_be_created_over_http(client: FlaskClient, method: str) -> None:
    assert getattr(client, method)("/order/swn", json={}).status_code == 405


def test_database_failure_is_a_503_and_not_ready_but_live() -> None:
    def unavailable() -> None:
        raise Unavailable("DynamoDB does not answer.")

    client = create_app(order_service(FakeOrders()), unavailable).test_client()
    assert [client.get(f"/health/{what}").status_code for what in ("ready", "live")] == [503, 200]
