from collections.abc import Iterable, Mapping

import pytest
from botocore.exceptions import ClientError
from botocore.stub import Stubber

from chassis.aws.clients import Clients
from chassis.core import paging
from chassis.core.errors import Conflict, Malformed, Unavailable
from chassis.messaging.outbox import Outbox
from services.ordering.events import event_of
from services.ordering.lifecycle import Step, next_attempt, transition
from services.ordering.models import Order, OrderQuery, OrderRow, Status
from services.ordering.order_ids import SHARDS, first_of, last_of, shard_of
from services.ordering.store import OrderStore
from services.ordering.wiring import Wiring
from tests import aws_clients
from tests.paging import every_row
from tests.samples import DATE, golden_message, order, order_id, orders_of
from tests.stacks import create_tables

pytestmark = pytest.mark.integration


@pytest.fixture
def stack(aws_env: Mapping[str, str]) -> Mapping[str, str]:
    """Only the tables, because the stores need nothing else."""
    return create_tables(aws_env, "ordering")


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
            OrderStore(client, Outbox(client, "outbox"), "order").put_once(order(), "hash")


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


ID = order().orderId
SOON, LATER = "2026-11-21T09:40:00.000Z", "2026-11-21T09:50:00.000Z"


def stored(store: OrderStore) -> OrderRow:
    found = store.get("swn", ID)
    assert found
    return found


def changed(before: OrderRow, step: Step, at: str = SOON, reason: str | None = None) -> OrderRow:
    after = transition(before, step, at, reason)
    assert after
    return after


def outbox_rows() -> list[str]:
    return sorted(str(row["id"]) for row in aws_clients.table("shop-order-outbox").scan()["Items"])


def open_ids(store: OrderStore) -> list[str]:
    return sorted(order_id for shard in SHARDS for _, order_id in store.open_orders(shard))


def test_final_status_and_its_event_are_written_together(store: OrderStore) -> None:
    store.put_once(order(), "hash")
    confirmed = changed(order(), Step.CONFIRM)
    assert store.save(confirmed, order(), event_of(confirmed, "c-1"))
    assert (stored(store), outbox_rows()) == (confirmed, [f"{ID}:confirmed"])


def test_open_status_is_written_without_an_event(store: OrderStore) -> None:
    store.put_once(order(), "hash")
    rejecting = changed(order(), Step.REJECT, reason="OUT_OF_STOCK")
    assert store.save(rejecting, order(), None)
    assert (stored(store), outbox_rows()) == (rejecting, [])


def test_change_of_an_order_that_has_changed_writes_neither_status_nor_event(store: OrderStore) -> None:
    store.put_once(order(), "hash")
    cancelling, confirmed = changed(order(), Step.CANCEL), changed(order(), Step.CONFIRM)
    assert store.save(cancelling, order(), None)
    assert not store.save(confirmed, order(), event_of(confirmed, "c-1"))
    assert not store.save(changed(order(), Step.REJECT), order(), None)
    assert (stored(store), outbox_rows()) == (cancelling, [])


def test_change_of_an_order_whose_attempt_has_changed_is_not_written(store: OrderStore) -> None:
    store.put_once(order(), "hash")
    renewed = next_attempt(order(), SOON)
    assert store.save(renewed, order(), None)
    assert not store.save(renewed, order(), None)
    assert not store.save(changed(order(), Step.REJECT), order(), None)
    assert store.save(changed(renewed, Step.REJECT), renewed, None)


def test_order_that_does_not_exist_is_not_made_by_a_change(store: OrderStore) -> None:
    earlier = order().model_copy(update={"orderVersion": 0, "attempt": 0})
    assert not store.save(changed(earlier, Step.CANCEL), earlier, None)
    assert store.get("swn", ID) is None


def test_change_keeps_what_else_the_row_has(store: OrderStore) -> None:
    store.put_once(order(), "hash")
    table, key = aws_clients.table("shop-order"), {"userName": "swn", "orderId": ID}
    table.update_item(Key=key, UpdateExpression="SET gift = :yes", ExpressionAttributeValues={":yes": True})
    store.save(changed(order(), Step.REJECT), order(), None)
    row = table.get_item(Key=key)["Item"]
    assert (row["gift"], row["contentHash"], row["paymentToken"]) == (True, "hash", order().paymentToken)
    assert not store.put_once(order(), "hash")


def test_order_of_an_earlier_version_is_read_listed_and_cancelled(store: OrderStore) -> None:
    row = golden_message()["detail"]["data"] | {"orderId": ID, "status": "PLACED", "contentHash": "hash"}
    del row["paymentToken"]
    aws_clients.table("shop-order").put_item(Item=row)
    earlier = stored(store)
    assert [listed.orderId for listed in store.page_of_user("swn", None, 10, None).items] == [ID]
    assert open_ids(store) == []
    assert store.save(changed(earlier, Step.CANCEL), earlier, None)
    assert (stored(store).status, open_ids(store)) == ("CANCELLING", [ID])


def test_index_has_exactly_the_open_orders(store: OrderStore) -> None:
    orders = [order(n) for n in range(1, 9)]
    for row in orders:
        store.put_once(row, "hash")
    assert open_ids(store) == [row.orderId for row in orders]
    for row in orders[:4]:
        confirmed = changed(row, Step.CONFIRM)
        store.save(confirmed, row, event_of(confirmed, "c-1"))
    assert open_ids(store) == [row.orderId for row in orders[4:]]
    cancelling = changed(changed(orders[0], Step.CONFIRM), Step.CANCEL)
    store.save(cancelling, changed(orders[0], Step.CONFIRM), None)
    assert open_ids(store) == [row.orderId for row in [orders[0], *orders[4:]]]


def test_open_orders_come_by_their_last_attempt_the_oldest_first(store: OrderStore) -> None:
    shard = shard_of(ID)
    mates = [row for row in (order(n) for n in range(1, 60)) if shard_of(row.orderId) == shard][:3]
    for row, at in zip(mates, (LATER, SOON, DATE), strict=True):
        store.put_once(row.model_copy(update={"attemptedAt": at}), "hash")
    found = [order_id for _, order_id in store.open_orders(shard)]
    assert found == [mates[2].orderId, mates[1].orderId, mates[0].orderId]


def test_open_orders_of_many_pages_are_all_found(store: OrderStore) -> None:
    """A whole page of DynamoDB, some 10,000 rows, would take longer than a call may."""
    seen = aws_clients.reads(store._dynamodb)
    fill_open(250)
    assert len({order_id for _, order_id in store.open_orders("0")}) == 250
    assert len(seen) == 3


def fill_open(count: int) -> None:
    with aws_clients.table("shop-order").batch_writer() as batch:
        for n in range(count):
            batch.put_item(Item={"userName": "swn", "orderId": f"{n:064}", "openShard": "0", "attemptedAt": DATE})


def test_change_whose_first_attempt_was_not_answered_is_unknown(aws_env: Mapping[str, str]) -> None:
    """botocore repeats the call, and the repetition fails on the condition of what it has itself written."""
    client = Clients(aws_env).of("dynamodb")
    with Stubber(client) as stubber:
        stubber.add_client_error("update_item", "ConditionalCheckFailedException", response_meta={"Unanswered": True})
        stubber.add_client_error("update_item", "ConditionalCheckFailedException")
        store = OrderStore(client, Outbox(client, "outbox"), "order")
        with pytest.raises(Unavailable):
            store.save(changed(order(), Step.REJECT), order(), None)
        assert not store.save(changed(order(), Step.REJECT), order(), None)


def test_arn_of_the_table_names_region_and_account(store: OrderStore, stack: Mapping[str, str]) -> None:
    account = stack["AWS_ACCESS_KEY_ID"]
    assert store.arn() == f"arn:aws:dynamodb:us-east-1:{account}:table/shop-order"


@pytest.mark.ministack
def test_a_restored_table_takes_the_place_of_the_old_one(stack: Mapping[str, str]) -> None:
    fill([order()])
    aws_clients.client("dynamodb").restore_table_to_point_in_time(
        SourceTableName="shop-order", TargetTableName="shop-order-2", UseLatestRestorableTime=True
    )
    aws_clients.client("dynamodb").delete_table(TableName="shop-order")
    store = Wiring({**stack, "SHOP_TABLES": "order=shop-order-2"}).store
    assert store.get("swn", order_id(1)) == order()
