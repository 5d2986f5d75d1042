"""Data that many tests use."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from services.ordering.events_in import BasketCheckedOut
from services.ordering.models import OrderLine, OrderRow
from services.ordering.order_ids import first_of
from services.product.models import Product

CARD = "4111 1111 1111 3322"
CHECKOUT: dict[str, Any] = {
    "userName": "swn",
    "firstName": "Mehmet",
    "lastName": "Özkaya",
    "email": "swn@example.com",
    "address": "Istanbul",
    "cardInfo": CARD,
    "paymentMethod": 1,
}
USER_NAMES = [
    "swn", "ann+shop@example.com", "o'brien@example.com", "auth0|5f7c8ec7c33c6c004bbafe82",
    "google-oauth2|103547991597142817347", "samlp|corp|ann@example.com", "u=1:2~3,4", "...a", ".ann", "a..", "a" * 254,
]  # fmt: skip
NO_USER_NAMES = [
    "",
    ".",
    "..",
    "...",
    "a/b",
    "a\\b",
    "a?b",
    "a#b",
    "a%2Fb",
    "a b",
    "a\n",
    "é",
    "a;b",
    "a&b",
    '"',
    "<b>",
    "a" * 255,
]
DATE = "2026-11-21T09:30:00.123Z"  # of the golden checkout
PHONE = {"name": "IPhone X", "category": "Phone", "price": 950}
BASKET = {"userName": "swn", "items": [{"productId": "phone", "quantity": 2, "color": "Red"}]}


def golden_message(event: str = "checkout_basket") -> dict[str, Any]:
    """The event as EventBridge delivers it to a queue. `event` is the name of its golden file."""
    path = Path(__file__).parent / "events" / f"{event}.json"
    return dict(json.loads(path.read_text(), parse_float=Decimal))


def marked_as_test(event: dict[str, Any], run: str = "run-1") -> str:
    """The golden message, marked as a test message of doctor."""
    event["detail"]["metadata"]["test"] = run
    return json.dumps(event, default=float)


def product(product_id: str = "p-1", **fields: Any) -> Product:
    start = {"name": "IPhone X", "description": "", "imageFile": "", "category": "Phone", "price": 950, "version": 1}
    return Product.model_validate({"id": product_id} | start | fields)


def placed(**fields: Any) -> BasketCheckedOut:
    return BasketCheckedOut.model_validate(golden_message()["detail"]["data"] | fields)


def order_id(number: int, date: str = DATE) -> str:
    """One of the possible IDs of an order of this date. They sort by their numbers."""
    return f"{first_of(date)[:-12]}{number:012}"


def order(number: int = 1, **fields: Any) -> OrderRow:
    return placed(orderId=order_id(number, fields.get("orderDate", DATE)), **fields).to_order(DATE, "c-1")


def orders_of(user_name: str, count: int) -> Iterator[OrderRow]:
    """One order per minute, the earliest first."""
    start = datetime(2026, 1, 1, tzinfo=UTC)
    line = OrderLine(productId="p", productName="P", color="", price=Decimal(1), quantity=1)
    for n in range(count):
        date = (start + timedelta(minutes=n)).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        yield order(n, userName=user_name, orderDate=date, items=[line], totalPrice=Decimal(1))
