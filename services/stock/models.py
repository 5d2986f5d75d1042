"""Stock levels and reservations: the models of requests, rows and responses, and the rules that connect them."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated, Any, Self

from pydantic import ConfigDict, Field

from chassis.core import instants
from chassis.core.fields import EXACT, Input, Matching, Model

MAX_PRODUCTS = 99  # of an order: a transaction has at most 100 actions, and one of them writes the reservation
MAX_PIECES = 1_000_000_000
# Longer than a command can be delayed: 14 days in a queue, 14 in its dead-letter queue, and both again after a redrive.
RELEASED_LIFETIME = timedelta(days=90)

PRODUCT_ID = Matching("[A-Za-z0-9_-]{1,64}", "must be 1 to 64 letters (A to Z, a to z), digits, _ or -")
ORDER_ID = Matching("[A-Za-z0-9_-]{1,64}", "must be 1 to 64 letters (A to Z, a to z), digits, _ or -")
USER_NAME = Matching(
    r"\.*[A-Za-z0-9_~@+|=:,'-][A-Za-z0-9._~@+|=:,'-]*",
    "must be 1 to 254 letters (A to Z, a to z), digits or . _ ~ @ + | = : , ' -, and not dots alone",
)
ProductId = Annotated[str, PRODUCT_ID]
OrderId = Annotated[str, ORDER_ID]
UserName = Annotated[str, Field(max_length=254), USER_NAME]

# The pieces of each product.
Pieces = Mapping[str, int]


class LevelInput(Input):
    model_config = ConfigDict(json_schema_extra={"examples": [{"available": 10}]})

    available: Annotated[int, Field(ge=0, le=MAX_PIECES), EXACT] = Field(
        description="how many pieces can be ordered, without those that are reserved"
    )


class StockLevel(Model):
    productId: str
    available: int = Field(description="pieces that can be ordered")
    reserved: int = Field(description="pieces of orders that are not confirmed yet")
    sold: int = Field(description="pieces of confirmed orders")


class StockChange(StockLevel):
    previousAvailable: int | None = Field(
        description="what `available` was before; null if the product was not tracked"
    )


class Place(StrEnum):
    """Where a piece is: the attribute of the level that counts it."""

    AVAILABLE = "available"
    RESERVED = "reserved"
    SOLD = "sold"


class StockRow(StockLevel):
    """A level as it is stored. Each PUT sets a new random `revision`, and reservations leave it as it is."""

    revision: str
    previousAvailable: int | None = None

    def pieces_in(self, place: Place) -> int:
        return {Place.AVAILABLE: self.available, Place.RESERVED: self.reserved, Place.SOLD: self.sold}[place]


class State(StrEnum):
    """Of a reservation. RELEASED is final."""

    RESERVED = "RESERVED"
    SOLD = "SOLD"
    RELEASED = "RELEASED"

    @property
    def place(self) -> Place:
        """Where the pieces of a reservation in this state are."""
        return PLACES[self]


PLACES = {State.RESERVED: Place.RESERVED, State.SOLD: Place.SOLD, State.RELEASED: Place.AVAILABLE}


class Line(Model):
    """The pieces of one product: ordered, and really taken, which is zero if the product was not tracked then."""

    productId: str
    quantity: int
    taken: int


class Reservation(Model):
    """What an order holds. The times are those of its states."""

    orderId: str
    userName: str
    state: State
    lines: list[Line]
    reservedAt: str | None = None
    soldAt: str | None = None
    releasedAt: str | None = None
    expiresAt: int | None = None  # seconds since 1970

    @classmethod
    def of(cls, order_id: str, user_name: str, ordered: Pieces, taken: Pieces, now: datetime) -> Self:
        lines = [Line(productId=name, quantity=count, taken=taken.get(name, 0)) for name, count in ordered.items()]
        return cls(
            orderId=order_id, userName=user_name, state=State.RESERVED, lines=lines, reservedAt=instants.write(now)
        )

    @classmethod
    def released_unseen(cls, order_id: str, user_name: str, now: datetime) -> Self:
        """Of an order that was released before anything was reserved for it. A later reservation is then refused."""
        return cls(orderId=order_id, userName=user_name, state=State.RESERVED, lines=[]).released(now)

    def sold(self, now: datetime) -> Self:
        return self._changed(state=State.SOLD, soldAt=instants.write(now))

    def released(self, now: datetime) -> Self:
        """The only state that expires: a sold order can be cancelled at any time, and then needs its lines."""
        expires_at = int((now + RELEASED_LIFETIME).timestamp())
        return self._changed(state=State.RELEASED, releasedAt=instants.write(now), expiresAt=expires_at)

    @property
    def taken(self) -> dict[str, int]:
        return {line.productId: line.taken for line in self.lines if line.taken}

    def _changed(self, **fields: Any) -> Self:
        return self.model_copy(update=fields)
