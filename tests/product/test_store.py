from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from botocore.stub import Stubber

from chassis import aws
from chassis.errors import Malformed, NotFound, PreconditionFailed, Unavailable
from services.product.models import Product
from services.product.store import ProductStore
from tests.lists import every_row
from tests.samples import product

pytestmark = pytest.mark.integration


@pytest.fixture
def store(stack: Mapping[str, str]) -> ProductStore:
    return ProductStore(aws.client("dynamodb", stack), "shop-product")


def fill(products: Iterable[Product]) -> None:
    with boto3.resource("dynamodb").Table("shop-product").batch_writer() as batch:
        for row in products:
            batch.put_item(Item=row.model_dump())


def test_a_product_comes_back_as_it_was_written(store: ProductStore) -> None:
    written = product("p-1", price=Decimal("0.10"), name="Ünïcode ✓")
    store.add(written)
    assert store.get("p-1") == written


def test_a_change_counts_the_version_up_and_keeps_the_rest(store: ProductStore) -> None:
    store.add(product("p-1"))
    assert store.change("p-1", {"name": "New"}, 1) == product("p-1", name="New", version=2) == store.get("p-1")
    assert store.change("p-1", {"price": Decimal("1.5")}, None).version == 3


def test_a_change_to_an_outdated_version_says_which_is_current(store: ProductStore) -> None:
    store.add(product("p-1", version=5))
    with pytest.raises(PreconditionFailed) as caught:
        store.change("p-1", {"name": "New"}, 4)
    assert caught.value.members == {"version": 5}
    assert store.get("p-1").name == "IPhone X"


def test_a_change_whose_answer_was_lost_is_known_again_when_retried(store: ProductStore) -> None:
    store.add(product("p-1"))
    first = store.change("p-1", {"name": "New"}, 1)
    assert store.change("p-1", {"name": "New"}, 1) == first
    with pytest.raises(PreconditionFailed):
        store.change("p-1", {"name": "Other"}, 1)


def test_what_is_not_there_is_not_found_and_not_made(store: ProductStore) -> None:
    calls: list[Callable[[], Any]] = [
        lambda: store.get("none"),
        lambda: store.change("none", {"name": "New"}, None),
        lambda: store.change("none", {"name": "New"}, 1),
        lambda: store.remove("none", None),
    ]
    for call in calls:
        with pytest.raises(NotFound):
            call()
    assert store.page(None, 10, None).items == []


def test_a_removed_product_is_gone(store: ProductStore) -> None:
    store.add(product("p-1"))
    with pytest.raises(PreconditionFailed):
        store.remove("p-1", 2)
    store.remove("p-1", 1)
    with pytest.raises(NotFound):
        store.get("p-1")


def test_adding_if_absent_leaves_what_is_there(store: ProductStore) -> None:
    assert store.add_if_absent(product("p-1"))
    assert not store.add_if_absent(product("p-1", name="Other"))
    assert store.get("p-1").name == "IPhone X"


@pytest.mark.parametrize(("category", "count"), [(None, 1100), ("Phone", 1000)])
def test_a_thousand_products_are_paged_each_seen_once(store: ProductStore, category: str | None, count: int) -> None:
    fill(product(f"p-{n:04}", category="Book" if n % 11 == 0 else "Phone") for n in range(1100))
    seen = every_row(lambda cursor: store.page(category, 100, cursor))
    assert len(seen) == len({row.id for row in seen}) == count
    assert {row.category for row in seen} <= {category or row.category for row in seen}


def test_the_last_full_page_has_no_cursor(store: ProductStore) -> None:
    fill(product(f"p-{n}") for n in range(3))
    assert store.page("Phone", 3, None).next_cursor is None


def test_a_cursor_of_another_category_is_refused(store: ProductStore) -> None:
    fill(product(f"p-{n}") for n in range(3))
    cursor = store.page("Phone", 1, None).next_cursor
    with pytest.raises(Malformed):
        store.page("Book", 1, cursor)


def test_a_missing_table_is_a_dependency_down(aws_env: Mapping[str, str]) -> None:
    store = ProductStore(aws.client("dynamodb", aws_env), "none")
    with pytest.raises(Unavailable):
        store.check()


@pytest.mark.parametrize(
    ("operation", "call"),
    [
        ("put_item", lambda store: store.add_if_absent(product())),
        ("update_item", lambda store: store.change("p-1", {"name": "New"}, None)),
    ],
)
def test_an_error_nobody_expects_stays_what_it_is(
    aws_env: Mapping[str, str], operation: str, call: Callable[[ProductStore], object]
) -> None:
    client = aws.client("dynamodb", aws_env)
    with Stubber(client) as stubber:
        stubber.add_client_error(operation, "ValidationException")
        with pytest.raises(ClientError, match="ValidationException"):
            call(ProductStore(client, "shop-product"))
