"""The number of AWS calls of a request does not depend on how many rows the tables have."""

import json
from collections import Counter
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from chassis.core.paging import Page
from chassis.messaging.outbox import Outbox
from chassis.messaging.relay import Relay
from services.basket.catalogue import ReplicatedCatalogue
from services.basket.checkout import CheckoutInput
from services.basket.models import LineInput
from services.basket.service import BasketService
from services.basket.store import BasketStore, CatalogueStore
from services.ordering.models import OrderQuery
from services.ordering.store import OrderStore
from services.product.service import ProductService
from services.product.store import ProductStore
from tests.fakes import FakeBus, order_service
from tests.samples import CHECKOUT, DATE, order, order_id, product

MEGABYTE = 2**20  # the most that a Query or a Scan reads ("Query", Amazon DynamoDB API Reference)
MILLION = 1_000_000
PAGE = 9  # rows, so that neither table fits into one page
Row = dict[str, Any]
LINE = {"productId": "p-1", "productName": "IPhone X", "color": "", "quantity": 1, "addedPrice": Decimal(950)}
MAKERS: dict[str, Callable[[int], Row]] = {
    "product": lambda n: product(f"p-{n:07}").model_dump(),
    "order": lambda n: order(n).model_dump(),
    "basket": lambda n: {"userName": f"user-{n:07}", "version": "v", "items": [LINE]},
    "catalogue": lambda n: {"productId": f"p-{n}", "version": 1, "name": "IPhone X", "price": Decimal(950)},
    "outbox": lambda n: {},
}
KEYS = {"product": ["id"], "order": ["userName", "orderId"], "basket": ["userName"], "by-category": ["category", "id"]}


class LargeDynamoDB:
    """Each table and each index has `size` rows, which exist only while they are read. The outbox is empty."""

    def __init__(self, size: int) -> None:
        self.calls: Counter[str] = Counter()
        self._size = size

    def get_item(self, *, TableName: str, **_: Any) -> Any:  # noqa: N803 AWS's names here and below
        self.calls["GetItem"] += 1
        return {"Item": MAKERS[TableName](1)} if TableName in MAKERS else {}

    def batch_get_item(self, *, RequestItems: dict[str, Any]) -> Any:  # noqa: N803
        self.calls["BatchGetItem"] += 1
        rows = {table: [MAKERS[table](1)] for table in RequestItems}
        return {"Responses": rows, "UnprocessedKeys": {}}

    def query(self, *, KeyConditionExpression: str, **call: Any) -> Any:  # noqa: N803
        assert KeyConditionExpression, "without it, a query is a scan"
        assert "FilterExpression" not in call, "it would read rows that it does not return"
        return self._read("Query", **call)

    def scan(self, **call: Any) -> Any:
        return self._read("Scan", **call)

    def put_item(self, **_: Any) -> Any:
        self.calls["PutItem"] += 1

    def transact_write_items(self, **_: Any) -> Any:
        self.calls["TransactWriteItems"] += 1

    def _read(self, name: str, *, TableName: str, Limit: int = MILLION, **call: Any) -> Any:  # noqa: N803
        """The place of a row is the number at the end of its key. As DynamoDB, it returns a last key after `Limit` rows
        even if no row follows.
        """
        self.calls[name] += 1
        key = KEYS.get(call.get("IndexName", TableName), [])
        after = str(call["ExclusiveStartKey"][key[-1]]) if "ExclusiveStartKey" in call else None
        start = int(after[-7:]) + 1 if after else 0
        rows: list[Row] = []
        total, end = 0, min(start + Limit, 0 if TableName == "outbox" else self._size)
        while start + len(rows) < end and total < MEGABYTE:
            rows.append(MAKERS[TableName](start + len(rows)))
            total += len(json.dumps(rows[-1], default=str))
        last = start + len(rows)
        return {"Items": rows, "ScannedCount": len(rows)} | (
            {"LastEvaluatedKey": {name: rows[-1][name] for name in key}}
            if rows and (last < self._size or len(rows) == Limit)
            else {}
        )


class Shop:
    def __init__(self, size: int) -> None:
        dynamodb: Any = LargeDynamoDB(size)
        self.calls: Counter[str] = dynamodb.calls
        self.outbox = Outbox(dynamodb, "outbox")
        catalogue = ReplicatedCatalogue(CatalogueStore(dynamodb, "catalogue"), NoProducts())
        baskets = BasketStore(dynamodb, self.outbox, "basket", "receipt")
        self.products = ProductService(ProductStore(dynamodb, self.outbox, "product"), lambda _: None, lambda: "id")
        self.baskets = BasketService(baskets, catalogue, lambda _: None, lambda: order_id(1))
        self.orders = order_service(OrderStore(dynamodb, self.outbox, "order"))


class NoProducts:
    def find(self, product_ids: object) -> Any:
        raise AssertionError(f"not in the copy: {product_ids}")


def dates(shop: Shop) -> object:
    return shop.orders.page_of_user("swn", OrderQuery.model_validate({"orderDate": DATE[:7]}).dates, PAGE, None)


def second_page(read: Callable[[str | None], Page[Any]]) -> None:
    first = read(None)
    assert first.next_cursor
    assert len(read(first.next_cursor).items) == len(first.items), "the second page is full as well"


REQUESTS: dict[str, tuple[Callable[[Shop], object], dict[str, int]]] = {
    "a product": (lambda shop: shop.products.get("p-1"), {"GetItem": 1}),
    "a page of products": (lambda shop: shop.products.page(None, PAGE, None), {"Scan": 1}),
    "a page of a category": (lambda shop: shop.products.page("Phone", PAGE, None), {"Query": 1}),
    "a user's orders": (lambda shop: shop.orders.page_of_user("swn", None, PAGE, None), {"Query": 2}),
    "a user's orders of a month": (dates, {"Query": 2}),
    "two pages of a category": (
        lambda shop: second_page(lambda cursor: shop.products.page("Phone", 4, cursor)),
        {"Query": 2},
    ),
    "two pages of a user's orders": (
        lambda shop: second_page(lambda cursor: shop.orders.page_of_user("swn", None, 4, cursor)),
        {"Query": 2},
    ),
    "an order": (lambda shop: shop.orders.get("swn", order_id(1)), {"GetItem": 1}),
    "a page of all orders": (lambda shop: shop.orders.page(PAGE, None), {"Scan": 2}),
    "a page of all baskets": (lambda shop: shop.baskets.page(PAGE, None), {"Scan": 2, "BatchGetItem": 1}),
    "a basket": (lambda shop: shop.baskets.get("ann"), {"GetItem": 1, "BatchGetItem": 1}),
    "a line is added": (
        lambda shop: shop.baskets.add("ann", LineInput(productId="p-1", quantity=1, color="")),
        {"GetItem": 1, "BatchGetItem": 1, "PutItem": 1},
    ),
    "a checkout": (
        lambda shop: shop.baskets.checkout(CheckoutInput.model_validate(CHECKOUT)),
        {"GetItem": 1, "BatchGetItem": 1, "TransactWriteItems": 1},
    ),
    "a sweep of an empty outbox": (lambda shop: Relay(shop.outbox, FakeBus()).sweep(), {"Scan": 1}),
}


@pytest.mark.parametrize("size", [10, MILLION])
@pytest.mark.parametrize("request_", REQUESTS)
def test_request_costs_the_same_calls_whatever_the_tables_hold(request_: str, size: int) -> None:
    act, calls = REQUESTS[request_]
    shop = Shop(size)
    act(shop)
    assert shop.calls == calls
