from collections.abc import Iterable, Mapping

import pytest
from botocore.exceptions import ClientError
from botocore.stub import Stubber

from chassis.aws.clients import Clients
from chassis.core import paging
from chassis.core.errors import Conflict, Malformed, Unavailable
from services.ordering.models import Order, OrderQuery, Status
from services.ordering.order_ids import first_of, last_of
from services.ordering.store import OrderStore
from services.ordering.wiring import Wiring
from tests import aws_clients
from tests.paging import every_row
from tests.samples import order, order_id, orders_of

pytestmark = pytest.mark.integration


@pytest.fixture
def store(stack: Mapping[str, str]) -> OrderStore:
    return Wiring(stack).store


def fill(orders: Iterable[Order]) -> None:
    with aws_clients.table("shop-order").batch_writer() as batch:
        for row in orders:
            batch.put_item(Item=row.model_dump())


def ids(store: OrderStore, **query: str) -> list[str]:
    page = store.page_of_user("swn", OrderQuery.model_validate(query).dates, 100, None)
    return [row.orderId for row in page.items]


def test_saved_order_is_read_back(store: OrderStore) -> None:
    assert store.put_once(order(), "hash")
    assert store.get("swn", order().orderId) == order()
    assert store.get("ada", order().orderId) is None


def test_same_order_is_recognised_after_its_status_changed(store: OrderStore) -> None:
    store.put_once(order(), "hash")
    row = aws_clients.table("shop-order")
    row.update_item(
        Key={"userName": "swn", "orderId": order().orderId},
        UpdateExpression="SET #s = :sent",
        ExpressionAttributeNames={"#s": "status"},
        ExpressionAttributeValues={":sent": "SENT"},
    )
    assert not store.put_once(order(), "hash")
    assert row.get_item(Key={"userName": "swn", "orderId": order().orderId})["Item"]["status"] == "SENT"


def test_different_content_with_the_same_id_is_a_conflict(store: OrderStore) -> None:
    store.put_once(order(), "hash")
    with pytest.raises(Conflict):
        store.put_once(order(address="Ankara"), "another hash")
    assert store.get("swn", order().orderId) == order()


def test_two_orders_in_one_millisecond_are_both_kept(store: OrderStore) -> None:
    date = order().orderDate
    for number in (1, 2):
        store.put_once(order(number), "hash")
    assert ids(store) == ids(store, orderDate=date) == [order_id(2), order_id(1)]
    paged = every_row(lambda cursor: store.page_of_user("swn", None, 1, cursor))
    assert [row.orderId for row in paged] == [order_id(2), order_id(1)]


def test_orders_are_found_by_date_prefix_and_inclusive_range(store: OrderStore) -> None:
    dates = ["2025-12-31T23:59:59.999Z", "2026-11-01T00:00:00.000Z", "2026-11-30T12:00:00.500Z"]
    fill(order(orderDate=date) for date in dates)
    fill([order(userName="ada")])
    old, first, last = (order_id(1, date) for date in dates)
    assert ids(store) == [last, first, old]
    assert ids(store, orderDate=dates[1]) == [first]
    assert ids(store, orderDate="2026-11") == [last, first]
    assert ids(store, **{"from": dates[0], "to": dates[1]}) == [first, old]
    assert ids(store, **{"from": "2026-11-30"}) == [last]
    assert ids(store, to="2025") == [old]


def test_range_of_a_millisecond_has_its_lowest_and_its_highest_id(store: OrderStore) -> None:
    last, next_day = "2026-11-21T23:59:59.999Z", "2026-11-22T00:00:00.000Z"
    edges = [edge(date) for date in (last, next_day) for edge in (first_of, last_of)]
    fill(order().model_copy(update={"orderId": edge}) for edge in edges)
    assert ids(store, orderDate=last) == ids(store, orderDate="2026-11-21") == [edges[1], edges[0]]
    assert ids(store, orderDate=next_day) == ids(store, **{"from": "2026-11-22"}) == [edges[3], edges[2]]


def test_periods_before_1970_are_empty(store: OrderStore) -> None:
    fill([order(orderDate="1970-01-01T00:00:00.000Z")])
    assert ids(store, orderDate="1969") == ids(store, to="1969-12-31") == []
    assert len(ids(store, orderDate="1970")) == len(ids(store, **{"from": "0001", "to": "9999"})) == 1


def test_orders_of_a_status_are_found_among_many_others(store: OrderStore) -> None:
    orders = list(orders_of("swn", 300))
    sought = [order.orderId for order in orders[::100]]
    fill(order if order.orderId in sought else order.model_copy(update={"status": "SENT"}) for order in orders)
    for limit in (1, 2, 100):
        found = every_row(lambda cursor: store.page_of_user("swn", None, limit, cursor, Status.PLACED))  # noqa: B023 read at once
        assert [order.orderId for order in found] == sought[::-1]
    recent = store.page_of_user("swn", (orders[200].orderDate, orders[299].orderDate), 100, None, Status.PLACED)
    assert [order.orderId for order in recent.items] == sought[2:]


def test_pages_contain_each_of_a_thousand_orders_once_newest_first(store: OrderStore) -> None:
    fill(orders_of("swn", 1000))
    fill(orders_of("ada", 10))
    seen = [row.orderDate for row in every_row(lambda cursor: store.page_of_user("swn", None, 100, cursor))]
    assert len(seen) == 1000
    assert seen == sorted(set(seen), reverse=True)


def test_pages_of_all_orders_contain_each_order_once(store: OrderStore) -> None:
    fill(orders_of("swn", 30))
    fill(orders_of("ada", 30))
    seen = [(row.userName, row.orderId) for row in every_row(lambda cursor: store.page(7, cursor))]
    assert len(seen) == len(set(seen)) == 60


NOVEMBER = ("2026-11-01T00:00:00.000Z", "2026-11-30T23:59:59.999Z")
PLACE = {"userName": "swn", "orderId": order_id(1)}


@pytest.mark.parametrize(
    ("dates", "forged"),
    [
        (NOVEMBER, {"userName": "ada"}),
        (NOVEMBER, {"userName": "swn\x00"}),
        (NOVEMBER, {"orderId": order_id(1, "2026-10-31T23:59:59.999Z")}),
        (NOVEMBER, {"orderId": order_id(1, "2026-12-01T00:00:00.000Z")}),
        (NOVEMBER, {"orderId": f"{order_id(1)}\x00"}),
        (None, {"orderId": "\x00"}),
        (None, {"orderId": "\u2028"}),
    ],
)
def test_forged_cursor_outside_the_list_is_rejected(
    store: OrderStore, dates: tuple[str, str] | None, forged: dict[str, str]
) -> None:
    fill(orders_of("ada", 3))
    cursor = paging.encode(PLACE | forged, f"order/swn/{dates}/None")
    with pytest.raises(Malformed):
        store.page_of_user("swn", dates, 10, cursor)


@pytest.mark.parametrize(
    "place", [{"userName": "ada", "orderId": "\x00"}, {"userName": "\x7f", "orderId": order().orderId}]
)
def test_forged_cursor_without_an_order_is_rejected(store: OrderStore, place: dict[str, str]) -> None:
    with pytest.raises(Malformed):
        store.page(10, paging.encode(place, "order"))


def test_cursor_of_a_deleted_order_continues_at_its_place(store: OrderStore) -> None:
    dates = [f"2026-11-2{n}T00:00:00.000Z" for n in range(3)]
    oldest, middle, newest = (order_id(1, date) for date in dates)
    fill(order(orderDate=date) for date in dates)
    page = store.page_of_user("swn", NOVEMBER, 1, None)
    assert [row.orderId for row in page.items] == [newest]
    aws_clients.table("shop-order").delete_item(Key={"userName": "swn", "orderId": newest})
    rest = store.page_of_user("swn", NOVEMBER, 5, page.next_cursor)
    assert [row.orderId for row in rest.items] == [middle, oldest]


def test_missing_table_is_unavailable(stack: Mapping[str, str]) -> None:
    Wiring(stack).store.check()
    with pytest.raises(Unavailable):
        Wiring({**stack, "SHOP_NAME": "none"}).store.check()


def test_unexpected_error_passes_unchanged(aws_env: Mapping[str, str]) -> None:
    client = Clients(aws_env).of("dynamodb")
    with Stubber(client) as stubber:
        stubber.add_client_error("put_item", "ValidationException")
        with pytest.raises(ClientError):
            OrderStore(client, "order").put_once(order(), "hash")


def test_order_and_orders_of_a_user_are_read_consistently(stack: Mapping[str, str]) -> None:
    store = Wiring(stack).store
    seen = aws_clients.reads(store._dynamodb)
    store.get("swn", order().orderId)
    store.page_of_user("swn", None, 10, None)
    assert seen == [("GetItem", True), ("Query", True)]


@pytest.mark.parametrize("of_user", [False, True])
def test_unreadable_order_does_not_hide_others(store: OrderStore, of_user: bool) -> None:
    store.put_once(order(1), "hash")
    row = order(2).model_dump() | {"items": "none"}
    aws_clients.table("shop-order").put_item(Item=row)
    page = store.page_of_user("swn", None, 10, None) if of_user else store.page(10, None)
    assert [found.orderId for found in page.items] == [order_id(1)]
