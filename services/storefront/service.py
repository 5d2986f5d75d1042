"""The use cases of the storefront. Each asks the services' APIs, as the visitor may."""

import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from decimal import Decimal, InvalidOperation
from typing import Any, Protocol
from urllib.parse import quote, urlencode

from chassis.core.errors import Unavailable
from services.storefront.models import (
    Basket,
    Level,
    Order,
    OrderPage,
    Payment,
    Product,
    ProductPage,
    Purchase,
    Receipt,
    Refusal,
    Visitor,
)

PAGE = 12  # products or orders
MOST = 100  # products of which the categories are shown: the largest page of the product service
FRESH = 10.0  # seconds for which the categories are kept
CARD = 1  # the only payment method that the form offers
DIGITS = 15  # before the decimal point, more than any field may have


class Api(Protocol):
    def ask(
        self,
        visitor: Visitor,
        service: str,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Any:
        """The JSON of the answer. Raises Refusal for a problem document, and Unavailable without an answer."""


class Storefront:
    def __init__(self, api: Api, clock: Callable[[], float] = time.monotonic) -> None:
        self._api, self._clock = api, clock
        self._categories: Mapping[str, str] = {}
        self._fresh_until = float("-inf")

    def check(self) -> None:
        """Raises Unavailable while the catalogue cannot be shown."""
        try:
            self._api.ask(Visitor(""), "product", "GET", "/health/ready")
        except Refusal as refusal:
            raise Unavailable(refusal.detail) from refusal

    def categories(self, visitor: Visitor) -> Mapping[str, str]:
        """The category of each of the first hundred products, by its ID. While product is down, those of before."""
        if self._clock() >= self._fresh_until:
            with suppress(Refusal, Unavailable):
                found = ProductPage.model_validate(self._get(visitor, "product", "/product", limit=MOST)).items
                self._categories = {product.id: product.category for product in found}
                self._fresh_until = self._clock() + FRESH
        return self._categories

    def products(self, visitor: Visitor, category: str = "", cursor: str = "") -> ProductPage:
        page = self._get(visitor, "product", "/product", limit=PAGE, category=category, cursor=cursor)
        return ProductPage.model_validate(page)

    def product(self, visitor: Visitor, product_id: str) -> Product:
        return Product.model_validate(self._get(visitor, "product", f"/product/{_part(product_id)}"))

    def level(self, visitor: Visitor, product_id: str) -> Level | None:
        """None while stock is down: the product can be bought all the same."""
        try:
            found = self._get_or_none(visitor, "stock", f"/stock/{_part(product_id)}")
        except (Refusal, Unavailable):
            return None
        return Level.model_validate(found or {})

    def basket(self, visitor: Visitor) -> Basket:
        found = self._get_or_none(visitor, "basket", f"/basket/{_part(visitor.user)}")
        return Basket.model_validate(found or {})

    def add(self, visitor: Visitor, product_id: str, color: str, quantity: str) -> Basket:
        line = {"productId": product_id, "color": color, "quantity": _number(quantity)}
        return Basket.model_validate(
            self._api.ask(visitor, "basket", "POST", f"/basket/{_part(visitor.user)}/items", line)
        )

    def remove(self, visitor: Visitor, product_id: str, color: str) -> None:
        """Removes a line. It is no error if another window has removed it."""
        path = f"/basket/{_part(visitor.user)}/items/{_part(product_id)}?{urlencode({'color': color})}"
        try:
            self._api.ask(visitor, "basket", "DELETE", path)
        except Refusal as refusal:
            if refusal.status != 404:
                raise

    def check_out(self, visitor: Visitor, purchase: Purchase) -> Receipt:
        """Raises Unavailable, or a Refusal with status 503, if it is not known whether the order was placed."""
        body = {**purchase.fields, "userName": visitor.user, "paymentMethod": CARD}
        body["expectedTotal"] = _number(purchase.expected_total)
        headers = {"Idempotency-Key": purchase.key}
        return Receipt.model_validate(self._api.ask(visitor, "basket", "POST", "/basket/checkout", body, headers))

    def order(self, visitor: Visitor, order_id: str) -> Order | None:
        """None before ordering has stored it."""
        found = self._get_or_none(visitor, "ordering", f"/order/{_part(visitor.user)}/{_part(order_id)}")
        return Order.model_validate(found) if found else None

    def payment(self, visitor: Visitor, order_id: str) -> Payment | None:
        """None before it was requested, and while payment is down."""
        try:
            found = self._get_or_none(visitor, "payment", f"/payment/{_part(visitor.user)}/{_part(order_id)}")
        except (Refusal, Unavailable):
            return None
        return Payment.model_validate(found) if found else None

    def orders(self, visitor: Visitor, cursor: str = "") -> OrderPage:
        page = self._get(visitor, "ordering", f"/order/{_part(visitor.user)}", limit=PAGE, cursor=cursor)
        return OrderPage.model_validate(page)

    def cancel(self, visitor: Visitor, order_id: str) -> None:
        self._api.ask(visitor, "ordering", "POST", f"/order/{_part(visitor.user)}/{_part(order_id)}/cancel")

    def save(self, visitor: Visitor, product_id: str, version: str, fields: Mapping[str, str]) -> Product:
        """Creates a product, or with an ID changes the one with that version."""
        body = {**fields, "price": _number(fields.get("price", ""))}
        if not product_id:
            return Product.model_validate(self._api.ask(visitor, "product", "POST", "/product", body))
        headers = {"If-Match": f'"{version}"'}
        changed = self._api.ask(visitor, "product", "PATCH", f"/product/{_part(product_id)}", body, headers)
        return Product.model_validate(changed)

    def delete(self, visitor: Visitor, product_id: str, version: str) -> None:
        path, headers = f"/product/{_part(product_id)}", {"If-Match": f'"{version}"'}
        self._api.ask(visitor, "product", "DELETE", path, headers=headers)

    def set_level(self, visitor: Visitor, product_id: str, available: str) -> None:
        self._api.ask(visitor, "stock", "PUT", f"/stock/{_part(product_id)}", {"available": _number(available)})

    def _get(self, visitor: Visitor, service: str, path: str, **query: object) -> Any:
        given = urlencode({name: value for name, value in query.items() if value})
        return self._api.ask(visitor, service, "GET", f"{path}?{given}" if given else path)

    def _get_or_none(self, visitor: Visitor, service: str, path: str) -> Any:
        try:
            return self._get(visitor, service, path)
        except Refusal as refusal:
            if refusal.status != 404:
                raise
            return None


def _part(name: str) -> str:
    """`name` as one part of a path. A part of dots alone would be removed by clients and proxies."""
    return quote(name, safe="") if name.strip(".") else "%20"


def _number(text: str) -> Any:
    """A number as the visitor typed it. Anything else stays as it is, and the service says what is wrong with it."""
    try:
        number = Decimal(text.strip())
    except InvalidOperation:
        return text
    if not number.is_finite() or number.adjusted() >= DIGITS:
        return text
    return int(number) if number == number.to_integral_value() else float(number)
