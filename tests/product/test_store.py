from collections.abc import Iterable, Mapping
from decimal import Decimal

import pytest
from pydantic import ValidationError

from chassis.aws.clients import Clients
from chassis.core import paging
from chassis.core.errors import Malformed, Unavailable
from services.product.events import event_for_change
from services.product.models import Product, ProductRow
from services.product.store import ProductStore
from services.product.wiring import Wiring
from tests import aws_clients
from tests.paging import every_row
from tests.samples import product
from tests.stacks import create_tables

pytestmark = pytest.mark.integration
NOW = "2026-11-21T09:30:00.123Z"


@pytest.fixture
def stack(aws_env: Mapping[str, str]) -> Mapping[str, str]:
    """Only the tables, because the stores need nothing else."""
    return create_tables(aws_env, "product")


@pytest.fixture
def store(stack: Mapping[str, str]) -> ProductStore:
    return Wiring(stack).store


def save(store: ProductStore, after: ProductRow, before: ProductRow | None) -> bool:
    return store.save(after, before, event_for_change(before, after).as_event(NOW, "c-1"))


def fill(products: Iterable[Product]) -> None:
    with aws_clients.table("shop-product").batch_writer() as batch:
        for row in products:
            batch.put_item(Item=row.model_dump())


def test_saved_product_and_its_event_are_read_back(store: ProductStore, stack: Mapping[str, str]) -> None:
    written = product("p-1", price=Decimal("0.10"), name="Ünïcode ✓")
    assert save(store, written, None)
    assert store.get("p-1") == written
    ((pending,),) = Wiring(stack).outbox.pending()
    assert pending.event == event_for_change(None, written).as_event(NOW, "c-1")


def test_missing_product_is_none(store: ProductStore) -> None:
    assert store.get("none") is None


def test_write_on_another_state_than_the_current_row_changes_nothing(
    store: ProductStore, stack: Mapping[str, str]
) -> None:
    first, second = product("p-1"), product("p-1", version=2, name="New")
    assert save(store, first, None)
    assert not save(store, first, None)
    assert save(store, second, first)
    assert not save(store, product("p-1", version=2, name="Late"), first)
    assert not save(store, product("p-2", version=2), product("p-2"))
    assert store.get("p-1") == second
    assert [row.id for row in store.page(None, 10, None).items] == ["p-1"]
    rows = [row for page in Wiring(stack).outbox.pending() for row in page]
    assert {row.event.id for row in rows if row.event} == {"p-1@1", "p-1@2"}


def test_tombstone_is_in_no_product_list_and_expires(store: ProductStore) -> None:
    old, kept = product("p-1"), product("p-2")
    tombstone = old.deleted(NOW)
    assert save(store, old, None)
    assert save(store, kept, None)
    assert save(store, tombstone, old)
    assert store.get("p-1") == tombstone
    assert store.page(None, 10, None).items == store.page("Phone", 10, None).items == [kept]
    rows = every_row(lambda cursor: store.page_with_tombstones(1, cursor))
    assert sorted(rows, key=lambda row: row.id) == [tombstone, kept]
    row = aws_clients.client("dynamodb").get_item(TableName="shop-product", Key={"id": {"S": "p-1"}})["Item"]
    assert row["expiresAt"] == {"N": str(tombstone.expires_at)}


@pytest.mark.parametrize(("category", "count"), [(None, 1100), ("Phone", 1000)])
def test_pages_contain_each_of_a_thousand_products_once(store: ProductStore, category: str | None, count: int) -> None:
    fill(product(f"p-{n:04}", category="Book" if n % 11 == 0 else "Phone") for n in range(1100))
    seen = every_row(lambda cursor: store.page(category, 100, cursor))
    assert len(seen) == len({row.id for row in seen}) == count
    assert {row.category for row in seen} <= {category or row.category for row in seen}


def test_page_is_full_despite_many_tombstones(store: ProductStore) -> None:
    with aws_clients.table("shop-product").batch_writer() as batch:
        for n in range(600):
            batch.put_item(Item={"id": f"t-{n}", "version": 2, "deletedAt": NOW})
        for n in range(30):
            batch.put_item(Item=product(f"p-{n}").model_dump())
    pages = [store.page(None, 20, None)]
    pages.append(store.page(None, 20, pages[0].next_cursor))
    assert [len(page.items) for page in pages] == [20, 10]
    assert pages[1].next_cursor is None


def test_last_full_page_has_no_cursor(store: ProductStore) -> None:
    fill(product(f"p-{n}") for n in range(3))
    assert store.page("Phone", 3, None).next_cursor is None


def test_cursor_of_another_category_is_rejected(store: ProductStore) -> None:
    fill(product(f"p-{n}") for n in range(3))
    cursor = store.page("Phone", 1, None).next_cursor
    with pytest.raises(Malformed):
        store.page("Book", 1, cursor)


@pytest.mark.parametrize("place", [{"category": "Book"}, {"category": "Phone\x00"}, {"id": "p\x00"}, {"id": "p\u2029"}])
def test_forged_cursor_outside_the_category_is_rejected(store: ProductStore, place: dict[str, str]) -> None:
    fill(product(f"p-{n}", category="Book") for n in range(3))
    with pytest.raises(Malformed):
        store.page("Phone", 10, paging.encode({"category": "Phone", "id": "p-1"} | place, "category=Phone"))


def test_category_with_a_control_character_can_be_paged(store: ProductStore) -> None:
    fill(product(f"p-{n}", category="a\tb\x00c") for n in range(3))
    seen = every_row(lambda cursor: store.page("a\tb\x00c", 1, cursor))
    assert [row.id for row in seen] == ["p-0", "p-1", "p-2"]


def test_missing_table_is_unavailable(aws_env: Mapping[str, str]) -> None:
    store = ProductStore(Clients(aws_env).of("dynamodb"), Wiring(aws_env).outbox, "none")
    with pytest.raises(Unavailable):
        store.check()


def test_product_and_list_with_tombstones_are_read_consistently(stack: Mapping[str, str]) -> None:
    store = Wiring(stack).store
    seen = aws_clients.reads(store._dynamodb)
    store.get("p-1")
    store.page_with_tombstones(10, None)
    assert seen == [("GetItem", True), ("Scan", True)]


@pytest.mark.parametrize("category", [None, "Phone"])
def test_unreadable_product_is_left_out_of_lists_but_fails_the_list_for_copies(
    store: ProductStore, category: str | None
) -> None:
    assert save(store, product("p-1"), None)
    aws_clients.table("shop-product").put_item(Item=product("p-2").model_dump() | {"price": "none"})
    assert [row.id for row in store.page(category, 10, None).items] == ["p-1"]
    with pytest.raises(ValidationError):
        store.page_with_tombstones(10, None)


@pytest.mark.parametrize("category", [None, "Kitchen"])
def test_page_of_twenty_largest_products_takes_one_call(stack: Mapping[str, str], category: str | None) -> None:
    """The maximum lengths of the fields must fit to the row size that the store expects."""
    dynamodb = Clients(stack).of("dynamodb")
    calls = aws_clients.calls(dynamodb)
    store = ProductStore(dynamodb, Wiring(stack).outbox, "shop-product")
    text = {"name": "n" * 200, "description": "d" * 2000, "imageFile": "i" * 500}
    fill(product(f"p-{n:02}", category="Kitchen", **text) for n in range(25))
    assert (len(store.page(category, 20, None).items), len(calls)) == (20, 1)
