import uuid
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from types import SimpleNamespace
from typing import Any, cast

import pytest
import structlog
from botocore.exceptions import ClientError
from botocore.stub import Stubber

from chassis.aws.clients import Clients
from chassis.core import paging
from chassis.core.errors import Malformed, NotFound, Refused, Unavailable
from chassis.core.events import Event
from chassis.messaging.dispatch import publish_now
from chassis.messaging.outbox import Outbox
from services.basket.catalogue import CatalogueItem
from services.basket.checkout import CheckoutInput, Receipt
from services.basket.models import Basket, Line, LineInput
from services.basket.service import BasketService
from services.basket.store import SIZES, BasketStore, CatalogueStore
from services.basket.wiring import Wiring
from tests import aws_clients
from tests.fakes import FakeBus, FakeCatalogue, FakeClock
from tests.paging import every_row
from tests.samples import CHECKOUT
from tests.stacks import create_tables

pytestmark = pytest.mark.integration
NOW = FakeClock().now


@dataclass
class Shop:
    store: BasketStore
    outbox: Outbox

    def waiting(self) -> list[Event]:
        """The events in the outbox."""
        return [pending.event for page in self.outbox.pending() for pending in page if pending.event]

    def commit(self, was: Basket, order_id: str, key: str = "key") -> bool:
        event = Event(order_id, "source", "type", "{}")
        return self.store.commit(was, event, receipt(order_id, key), NOW)


def make_shop(env: Mapping[str, str]) -> Shop:
    dynamodb = Clients(env).of("dynamodb")
    outbox = Outbox(dynamodb, "shop-basket-outbox")
    return Shop(BasketStore(dynamodb, outbox, "shop-basket", "shop-receipt"), outbox)


@pytest.fixture
def stack(aws_env: Mapping[str, str]) -> Mapping[str, str]:
    """Only the tables, because the stores need nothing else."""
    return create_tables(aws_env, "basket")


@pytest.fixture
def shop(stack: Mapping[str, str]) -> Shop:
    return make_shop(stack)


def basket(user_name: str = "swn", version: str = "v1") -> Basket:
    line = Line(productId="p-1", productName="Ünïcode", color="Red", quantity=2, addedPrice=Decimal("9.90"))
    return Basket(userName=user_name, items=[line], version=version)


def receipt(order_id: str, key: str = "key", expires_at: int = int(NOW.timestamp()) + 60) -> Receipt:
    return Receipt(
        userName="swn", idempotencyKey=key, orderId=order_id, requestHash="h", answer="{}", expiresAt=expires_at
    )


def test_saved_basket_is_read_back_and_removed(shop: Shop) -> None:
    assert shop.store.get("swn") is None
    assert shop.store.save(basket(), None)
    assert shop.store.get("swn") == basket()
    assert [shop.store.remove("swn") for _ in range(2)] == [True, False]


def test_save_requires_the_version_that_was_read(shop: Shop) -> None:
    first, second, third = (basket(version=f"v{n}") for n in (1, 2, 3))
    assert not shop.store.save(second, first)
    assert shop.store.save(first, None)
    assert not shop.store.save(second, None)
    assert shop.store.save(second, first)
    assert not shop.store.save(third, first)
    assert shop.store.get("swn") == second


def test_retried_write_with_a_lost_answer_is_recognised(shop: Shop) -> None:
    assert [shop.store.save(basket(version="v1"), None) for _ in range(2)] == [True, True]
    retried = [shop.store.save(basket(version="v2"), basket(version="v1")) for _ in range(2)]
    assert retried == [True, True]


def test_write_with_a_lost_answer_is_recognised_after_a_later_write(shop: Shop) -> None:
    first, second = basket(version="v1"), basket(version="v1").written_as("v2")
    assert shop.store.save(first, None)
    assert shop.store.save(second, first)
    assert shop.store.save(first, None)
    assert shop.store.get("swn") == second


@pytest.mark.parametrize(("unanswered", "denied"), [(False, True), (True, False)])
def test_remove_is_true_if_an_unanswered_attempt_may_have_deleted_the_basket(unanswered: bool, denied: bool) -> None:
    answer = {"ResponseMetadata": {"Unanswered": unanswered}}
    dynamodb = cast("Any", SimpleNamespace(delete_item=lambda **_: answer))
    assert BasketStore(dynamodb, Outbox(dynamodb, "outbox"), "basket", "receipt").remove("swn") is not denied


def test_commit_deletes_the_basket_and_writes_event_and_receipt(shop: Shop) -> None:
    shop.store.save(basket(), None)
    assert shop.commit(basket(), "o-1")
    assert shop.store.get("swn") is None
    assert shop.store.receipt("swn", "key") == receipt("o-1")
    assert [event.id for event in shop.waiting()] == ["o-1"]


@pytest.mark.parametrize("there", [None, basket(version="v2")])
def test_commit_of_an_outdated_basket_changes_nothing(shop: Shop, there: Basket | None) -> None:
    if there:
        shop.store.save(there, None)
    assert not shop.commit(basket(version="v1"), "o-1")
    assert (shop.store.get("swn"), shop.waiting(), shop.store.receipt("swn", "key")) == (there, [], None)


def test_valid_receipt_blocks_a_commit_and_an_expired_one_does_not(shop: Shop) -> None:
    for order_id, committed in [("o-1", True), ("o-2", False)]:
        shop.store.save(basket(), None)
        assert shop.commit(basket(), order_id) is committed
    expired = receipt("o-0", "old", int(NOW.timestamp()))
    aws_clients.table("shop-receipt").put_item(Item=expired.model_dump())
    assert shop.commit(basket(), "o-3", "old")
    assert shop.store.receipt("swn", "old") == receipt("o-3", "old")


def test_pages_contain_each_of_a_thousand_baskets_once(shop: Shop) -> None:
    with aws_clients.table("shop-basket").batch_writer() as batch:
        for n in range(1000):
            batch.put_item(Item=basket(f"u-{n}").model_dump())
    seen = [row.userName for row in every_row(lambda cursor: shop.store.page(100, cursor))]
    assert len(seen) == len(set(seen)) == 1000


def test_unreadable_basket_does_not_hide_others(shop: Shop) -> None:
    for name in ("ada", "swn"):
        shop.store.save(basket(name), None)
    aws_clients.table("shop-basket").put_item(Item={"userName": "bad", "items": "none", "version": "1"})
    with structlog.testing.capture_logs() as logged:
        page = shop.store.page(10, None)
    assert {row.userName for row in page.items} == {"ada", "swn"}
    assert [(line["log_level"], line["key"], line["fields"]) for line in logged] == [
        ("error", {"userName": "bad"}, ["items"])
    ]


def test_missing_table_is_unavailable(aws_env: Mapping[str, str]) -> None:
    with pytest.raises(Unavailable):
        make_shop(aws_env).store.check()


@pytest.mark.parametrize(
    ("reasons", "lost"),
    [
        (["None", "TransactionConflict", "None"], True),
        (["ConditionalCheckFailed", "ThrottlingError", "ProvisionedThroughputExceeded"], True),
        (["ValidationError", "None", "None"], False),
        (["ConditionalCheckFailed", "ValidationError", "None"], False),
    ],
)
def test_cancelled_commit_is_a_lost_race_only_for_these_reasons(
    aws_env: Mapping[str, str], reasons: list[str], lost: bool
) -> None:
    client = Clients(aws_env).of("dynamodb")
    store = BasketStore(client, Outbox(client, "outbox"), "basket", "receipt")
    with Stubber(client) as stubber:
        cancellation = {"CancellationReasons": [{"Code": reason} for reason in reasons]}
        stubber.add_client_error("transact_write_items", "TransactionCanceledException", modeled_fields=cancellation)
        if lost:
            assert not Shop(store, store._outbox).commit(basket(), "o-1")
        else:
            with pytest.raises(ClientError):
                Shop(store, store._outbox).commit(basket(), "o-1")


@pytest.mark.parametrize(
    "reasons",
    [
        ["None", "ThrottlingError", "None"],
        ["ProvisionedThroughputExceeded", "None", "None"],
        ["TransactionConflict", "ThrottlingError", "None"],
        ["None", "AccessDenied", "None"],
        ["ItemCollectionSizeLimitExceeded", "None", "None"],
        ["None", "None", "None"],
    ],
)
def test_commit_cancelled_twice_by_a_busy_table_is_refused(aws_env: Mapping[str, str], reasons: list[str]) -> None:
    client = Clients(aws_env).of("dynamodb")
    store = BasketStore(client, Outbox(client, "outbox"), "basket", "receipt")
    cancellation = {"CancellationReasons": [{"Code": reason} for reason in reasons]}
    with Stubber(client) as stubber:
        for _ in range(2):
            stubber.add_client_error(
                "transact_write_items", "TransactionCanceledException", modeled_fields=cancellation
            )
        with pytest.raises(Refused):
            Shop(store, store._outbox).commit(basket(), "o-1")
        stubber.assert_no_pending_responses()


def test_commit_cancelled_once_by_a_busy_table_succeeds_in_the_second_attempt(aws_env: Mapping[str, str]) -> None:
    client = Clients(aws_env).of("dynamodb")
    store = BasketStore(client, Outbox(client, "outbox"), "basket", "receipt")
    with Stubber(client) as stubber:
        busy = {"CancellationReasons": [{"Code": "ThrottlingError"}]}
        stubber.add_client_error("transact_write_items", "TransactionCanceledException", modeled_fields=busy)
        stubber.add_response("transact_write_items", {})
        assert Shop(store, store._outbox).commit(basket(), "o-1")


@pytest.mark.parametrize("reasons", [["TransactionConflict"], ["ConditionalCheckFailed"], ["ThrottlingError"]])
def test_commit_cancelled_after_an_unanswered_attempt_is_unavailable(
    aws_env: Mapping[str, str], reasons: list[str]
) -> None:
    """It may have lost the race to the unanswered attempt, which may also take effect later."""
    client = Clients(aws_env).of("dynamodb")
    store = BasketStore(client, Outbox(client, "outbox"), "basket", "receipt")
    cancellation = {"CancellationReasons": [{"Code": reason} for reason in reasons]}
    with Stubber(client) as stubber:
        for unanswered in (True, False):  # if the table is busy, the second attempt is answered at once
            stubber.add_client_error(
                "transact_write_items",
                "TransactionCanceledException",
                modeled_fields=cancellation,
                response_meta={"Unanswered": unanswered},
            )
        with pytest.raises(Unavailable) as raised:
            Shop(store, store._outbox).commit(basket(), "o-1")
    assert not isinstance(raised.value, Refused)


@pytest.mark.parametrize("code", ["ThrottlingException", "ProvisionedThroughputExceededException", "RequestExpired"])
def test_refused_write_is_refused_unless_an_earlier_attempt_was_unanswered(
    aws_env: Mapping[str, str], code: str
) -> None:
    client = Clients(aws_env).of("dynamodb")
    store = BasketStore(client, Outbox(client, "outbox"), "basket", "receipt")
    with Stubber(client) as stubber:
        for unanswered in (False, True):
            stubber.add_client_error("put_item", code, response_meta={"Unanswered": unanswered})
            with pytest.raises(Unavailable) as raised:
                store.save(basket(), None)
            assert isinstance(raised.value, Refused) is not unanswered


@pytest.mark.parametrize("unanswered", [False, True])
def test_write_blocked_by_a_transaction_is_a_lost_race_unless_an_earlier_attempt_was_unanswered(
    aws_env: Mapping[str, str], unanswered: bool
) -> None:
    client = Clients(aws_env).of("dynamodb")
    store = BasketStore(client, Outbox(client, "outbox"), "basket", "receipt")
    with Stubber(client) as stubber:
        stubber.add_client_error("put_item", "TransactionConflictException", response_meta={"Unanswered": unanswered})
        if unanswered:
            with pytest.raises(Unavailable):
                store.save(basket(), None)
        else:
            assert not store.save(basket(), None)


def test_unexpected_error_passes_unchanged(aws_env: Mapping[str, str]) -> None:
    client = Clients(aws_env).of("dynamodb")
    with Stubber(client) as stubber:
        stubber.add_client_error("put_item", "ValidationException")
        with pytest.raises(ClientError):
            BasketStore(client, Outbox(client, "outbox"), "basket", "receipt").save(basket(), None)


# ── The copy of the catalogue ──


@pytest.fixture
def catalogue(stack: Mapping[str, str]) -> CatalogueStore:
    return Wiring(stack).catalogue_store


def entry(product_id: str = "p-1", version: int = 1, price: str = "9.90") -> CatalogueItem:
    return CatalogueItem(productId=product_id, version=version, name="P", category="c", price=Decimal(price))


def test_saved_catalogue_item_is_read_back(catalogue: CatalogueStore) -> None:
    tombstone = CatalogueItem.tombstone("p-2", 2, "2026-11-21T09:30:00.123Z")
    assert [catalogue.put_newer(each) for each in (entry(), tombstone)] == [entry(), tombstone]
    assert sorted(catalogue.get_many(["p-1", "p-2", "none"]), key=lambda e: e.productId) == [entry(), tombstone]


def test_put_newer_writes_only_a_higher_version(catalogue: CatalogueStore) -> None:
    second = entry(version=2, price="5")
    assert catalogue.put_newer(second) == second
    assert catalogue.put_newer(entry(version=1)) == second
    assert catalogue.put_newer(entry(version=2, price="7")) == second
    assert catalogue.put_newer(entry(version=3)) == entry(version=3)


def test_hundreds_of_items_are_each_looked_up_once(catalogue: CatalogueStore) -> None:
    names = [f"p-{n}" for n in range(250)]
    for name in names:
        catalogue.put_newer(entry(name))
    found = catalogue.get_many(names * 2)
    assert sorted(each.productId for each in found) == sorted(names)
    assert catalogue.get_many([]) == []


class BusyTable:
    """Returns one key per call, or none."""

    def __init__(self, served: int) -> None:
        self.served = served
        self.asked: list[list[str]] = []

    def batch_get_item(self, *, RequestItems: Any) -> Any:  # noqa: N803 DynamoDB's name
        keys = RequestItems["catalogue"]["Keys"]
        self.asked.append([key["productId"] for key in keys])
        rows = [entry(key["productId"]).model_dump(exclude_none=True) for key in keys[: self.served]]
        rest = {"catalogue": {"Keys": keys[self.served :], "ConsistentRead": True}} if keys[self.served :] else {}
        return {"Responses": {"catalogue": rows}, "UnprocessedKeys": rest}


def test_unprocessed_keys_are_requested_again() -> None:
    table = BusyTable(served=1)
    found = CatalogueStore(cast("Any", table), "catalogue").get_many(["p-1", "p-2"])
    assert found == [entry("p-1"), entry("p-2")]
    assert table.asked == [["p-1", "p-2"], ["p-2"]]


@pytest.mark.parametrize("served", [0, 1])
def test_busy_table_is_asked_at_most_twice(served: int) -> None:
    table = BusyTable(served)
    with pytest.raises(Refused):
        CatalogueStore(cast("Any", table), "catalogue").get_many(["p-1", "p-2", "p-3"])
    assert len(table.asked) == 2


@pytest.mark.integration
def test_repair_writes_only_if_the_row_has_the_version_that_was_seen(stack: Mapping[str, str]) -> None:
    catalogue = Wiring(stack).catalogue_store
    catalogue.put_newer(entry("p-1", version=99))
    assert not catalogue.overwrite(entry("p-1", version=3), seen=98)
    assert not catalogue.remove("p-1", seen=98)
    assert catalogue.get_many(["p-1"]) == [entry("p-1", version=99)]
    assert catalogue.overwrite(entry("p-1", version=3), seen=99)
    assert catalogue.get_many(["p-1"]) == [entry("p-1", version=3)]
    assert not catalogue.overwrite(entry("p-2"), seen=1)
    assert catalogue.remove("p-1", seen=3)
    assert not catalogue.remove("p-1", seen=3)
    assert list(catalogue.versions()) == []


class TwoPages:
    """A table of two rows that returns one per call."""

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []

    def scan(self, **arguments: Any) -> dict[str, Any]:
        self.asked.append(arguments)
        if "ExclusiveStartKey" in arguments:
            return {"Items": [{"productId": "p-2", "version": Decimal(2)}]}
        return {"Items": [{"productId": "p-1", "version": Decimal(1)}], "LastEvaluatedKey": {"productId": "p-1"}}


def test_versions_are_read_consistently_over_all_pages() -> None:
    table = TwoPages()
    assert dict(CatalogueStore(cast("Any", table), "catalogue").versions()) == {"p-1": 1, "p-2": 2}
    assert [call["ConsistentRead"] for call in table.asked] == [True, True]


def test_missing_catalogue_table_is_unavailable(aws_env: Mapping[str, str], stack: Mapping[str, str]) -> None:
    Wiring(stack).catalogue_store.check()
    with pytest.raises(Unavailable):
        Wiring({**stack, "SHOP_NAME": "none"}).catalogue_store.check()


# ── The service on real tables ──


@pytest.fixture
def service(shop: Shop) -> BasketService:
    publish = partial(publish_now, bus=FakeBus("is down"), outbox=shop.outbox)
    return BasketService(shop.store, FakeCatalogue(phone="950"), publish, lambda: str(uuid.uuid4()))


PHONE = LineInput(productId="phone", quantity=1)


def test_concurrent_additions_lose_no_line(service: BasketService) -> None:
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: service.add("swn", PHONE), range(24)))
    assert [line.quantity for line in service.get("swn").items] == [24]


@pytest.mark.parametrize("key", [None, "key"])
def test_concurrent_checkouts_place_one_order(service: BasketService, shop: Shop, key: str | None) -> None:
    service.add("swn", PHONE)

    def checkout(_: int) -> str | None:
        try:
            return service.checkout(CheckoutInput.model_validate(CHECKOUT), key).orderId
        except NotFound:
            return None

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(checkout, range(8)))
    (event,) = shop.waiting()
    assert set(answers) == ({event.id} if key else {event.id, None})
    assert answers.count(event.id) == (8 if key else 1)


@pytest.mark.integration
def test_basket_receipt_and_catalogue_are_read_consistently(stack: Mapping[str, str]) -> None:
    """With an eventually consistent read, a missing receipt would hide a placed order."""
    shop, catalogue = make_shop(stack), Wiring(stack).catalogue_store
    seen = [aws_clients.reads(shop.store._dynamodb), aws_clients.reads(catalogue._dynamodb)]
    shop.store.get("swn")
    shop.store.receipt("swn", "key")
    catalogue.get_many(["p-1"])
    assert seen == [[("GetItem", True)] * 2, [("BatchGetItem", True)]]


def test_page_of_the_largest_baskets_is_short_and_complete(shop: Shop) -> None:
    lines = [
        Line(productId=f"p-{n:060}", productName="n" * 200, color="c" * 50, quantity=999, addedPrice=Decimal(1))
        for n in range(100)
    ]
    with aws_clients.table("shop-basket").batch_writer() as batch:
        for n in range(5):
            batch.put_item(Item=Basket(userName=f"large-{n}", items=lines, version="v").model_dump())
    pages = []

    def read(cursor: str | None) -> paging.Page[Basket]:
        pages.append(shop.store.page(100, cursor))
        return pages[-1]

    assert {found.userName for found in every_row(read)} == {f"large-{n}" for n in range(5)}
    sizes = [sum(len(found.model_dump_json()) for found in page.items) for page in pages]
    assert all(size <= SIZES.page or len(page.items) == 1 for size, page in zip(sizes, pages, strict=True))
    assert len(pages) > 2


@pytest.mark.parametrize(
    "place", [{"userName": "swn\x00"}, {"userName": ""}, {"userName": "swn", "more": "x"}, {"id": "x"}]
)
def test_forged_cursor_without_a_basket_is_rejected(shop: Shop, place: dict[str, str]) -> None:
    with pytest.raises(Malformed):
        shop.store.page(10, paging.encode(place, "basket"))
