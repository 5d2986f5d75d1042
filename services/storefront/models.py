"""What the storefront reads of the other services' answers, as far as its pages show it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Self

from pydantic import Field

from chassis.core.fields import Amount, Model


@dataclass(frozen=True)
class Visitor:
    """Who asks for a page. With authentication on, a visitor who has not signed in has no `user`."""

    user: str
    admin: bool = False
    token: str = ""
    address: str = ""


class Refusal(Exception):
    """A service refused a request. `members` are those of its problem document (RFC 9457)."""

    def __init__(self, status: int, members: Mapping[str, Any]) -> None:
        self.status, self.members = status, members
        self.title = str(members.get("title") or "The shop refused this")
        self.detail = str(members.get("detail") or "The shop gave no reason.")
        super().__init__(self.detail)

    @property
    def fields(self) -> dict[str, str]:
        """What is wrong with each field, by its name in the body."""
        return {each["pointer"].removeprefix("/"): each["detail"] for each in self.members.get("errors", [])}


class Product(Model):
    id: str
    name: str
    description: str = ""
    imageFile: str = ""
    category: str
    price: Amount
    version: int


class ProductPage(Model):
    items: list[Product]
    nextCursor: str | None = None


class Level(Model):
    """The pieces of a product. Of a product that is not tracked, `available` is None."""

    available: int | None = None
    reserved: int = 0
    sold: int = 0


class Line(Model):
    productId: str
    productName: str
    color: str
    quantity: int
    addedPrice: Amount
    price: Amount | None = None

    @property
    def changed(self) -> bool:
        """Whether the price is another one than when the line was added."""
        return self.price is not None and self.price != self.addedPrice


class Basket(Model):
    items: list[Line] = Field(default_factory=list)
    totalPrice: Amount = Decimal(0)

    @property
    def pieces(self) -> int:
        return sum(line.quantity for line in self.items)

    @property
    def can_be_bought(self) -> bool:
        return bool(self.items) and all(line.price is not None for line in self.items)


class Receipt(Model):
    orderId: str
    totalPrice: Amount


class OrderLine(Model):
    productId: str
    productName: str
    color: str
    price: Amount
    quantity: int


class StatusChange(Model):
    status: str
    at: str


class Order(Model):
    orderId: str
    orderDate: str
    status: str
    reason: str = ""
    items: list[OrderLine]
    totalPrice: Amount
    address: str = ""
    cardLast4: str = ""
    history: list[StatusChange] = Field(default_factory=list)

    def when(self, status: str) -> str:
        """The time at which it got a status, or ""."""
        return next((change.at for change in self.history if change.status == status), "")


class OrderPage(Model):
    items: list[Order]
    nextCursor: str | None = None


class Payment(Model):
    status: str
    changedAt: str


@dataclass(frozen=True)
class Purchase:
    """A checkout as its form has it. The key makes a repeated form the same checkout."""

    key: str
    expected_total: str
    fields: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, form: Mapping[str, str], names: list[str]) -> Self:
        given = {name: form.get(name, "").strip() for name in names}
        return cls(form.get("key", ""), form.get("expectedTotal", ""), given)
