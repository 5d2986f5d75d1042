"""The checkout: its request, the identity of its order, its receipt, and the rules that connect them."""

import hashlib
import json
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_UP, Context, Decimal
from typing import Annotated, Any, NamedTuple

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, GetPydanticSchema

from chassis.core import instants
from chassis.core.errors import Conflict, Invalid
from chassis.core.fields import EXACT, Amount, Input, Matching, Model
from services.basket.cards import Card
from services.basket.events import BasketCheckedOut, OrderLine
from services.basket.models import EXAMPLE_USER, BasketView, Ignored, UserName

MAX_PRODUCTS = 99  # different ones: stock reserves an order in one transaction, which has at most 100 actions
RECEIPT_LIFETIME = timedelta(hours=24)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
ROUNDING = Context(prec=40)  # the JSON parser accepts numbers up to 10^30


CARD = Matching("[0-9](?:[ -]?[0-9]){7,18}", "must be 8 to 19 digits, with at most one space or hyphen between two")
CardNumber = Annotated[str, CARD, AfterValidator(Card.read)]
CardInfo = Annotated[Card, GetPydanticSchema(lambda _, handler: handler(CardNumber))]
EMAIL = Matching(r"[^@\s]{1,64}@[^@\s]{1,189}", "must be an e-mail address, such as ann@example.com")


EXAMPLE: dict[str, Any] = {
    "userName": EXAMPLE_USER,
    "firstName": "Ann",
    "lastName": "Lee",
    "email": "ann@example.com",
    "address": "1 Harbour Street",
    "cardInfo": "5554443322",
    "paymentMethod": 1,
}


def _to_cents(value: Any) -> Any:
    """In JavaScript, three times 12.30 is 36.900000000000006."""
    if not isinstance(value, Decimal):
        return value
    return value.quantize(Decimal("0.01"), ROUND_HALF_UP, ROUNDING) or Decimal(0)


ShownTotal = Annotated[Amount, BeforeValidator(_to_cents)]


class CheckoutInput(Input):
    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE]})

    userName: UserName
    firstName: str = Field(min_length=1, max_length=100)
    lastName: str = Field(min_length=1, max_length=100)
    email: Annotated[str, EMAIL]
    address: str = Field(min_length=1, max_length=500)
    cardInfo: CardInfo = Field(description="8 to 19 digits; only the last four are kept", exclude=True)
    paymentMethod: Annotated[int, Field(ge=0, le=99), EXACT]
    expectedTotal: ShownTotal | None = Field(
        None, description="the total that the client showed, rounded to cents; if it is wrong, the response is a 409"
    )
    totalPrice: Ignored = Field(None, exclude=True)

    def fingerprint(self) -> str:
        """Equal for equal requests. It uses the last four digits only: the hash of a card number can be reversed."""
        facts = self.model_dump(mode="json") | {"cardLast4": self.cardInfo}
        return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


class OrderIdentity(NamedTuple):
    """The identity of the order that a request may place. Created once per request, not from its key."""

    order_id: str
    order_date: str
    key: str

    @classmethod
    def new(cls, random_id: str, now: datetime, key: str | None) -> "OrderIdentity":
        """`random_id` is a UUIDv4. The order's ID is a UUIDv7 of exactly the order's date, so that IDs sort by date."""
        order_id = _uuid7(random_id, now)
        return cls(order_id, instants.write(now), key or order_id)


def _uuid7(random_id: str, now: datetime) -> str:
    """RFC 9562, 5.7: 48 bits for the milliseconds since 1970, then the version, then the other bits of a UUIDv4."""
    milliseconds = f"{(now - EPOCH) // timedelta(milliseconds=1):012x}"
    return f"{milliseconds[:8]}-{milliseconds[8:]}-7{random_id[15:]}"


class Receipt(Model):
    """The response to a checkout, stored so that a repeated request gets the same response."""

    userName: str
    idempotencyKey: str
    orderId: str
    requestHash: str
    answer: str = Field(description="the exact JSON text")
    expiresAt: int = Field(description="seconds since 1970; an expired row counts as absent")

    @classmethod
    def of(cls, order: BasketCheckedOut, request: CheckoutInput, key: str, now: datetime) -> "Receipt":
        answer = order.model_dump(mode="json", include={"orderId", "orderDate", "totalPrice"}) | {"status": "PENDING"}
        return cls(
            userName=order.userName,
            idempotencyKey=key,
            orderId=order.orderId,
            requestHash=request.fingerprint(),
            answer=json.dumps(answer),
            expiresAt=int((now + RECEIPT_LIFETIME).timestamp()),
        )

    def replay(self, request: CheckoutInput, order: OrderIdentity) -> "Receipt":
        """Returns this receipt if it belongs to `request` or an equal one. Raises Invalid otherwise."""
        if self.orderId != order.order_id and self.requestHash != request.fingerprint():
            raise Invalid("This Idempotency-Key was used for another request. Use a new key.")
        return self


def check_out(view: BasketView, request: CheckoutInput, order: OrderIdentity) -> BasketCheckedOut:
    """The event of this checkout. Raises Conflict if the basket is empty, a product is gone, or the total differs.

    Raises Invalid for too many different products.
    """
    if not view.items:
        raise Conflict("The basket is empty.")
    if gone := [line.productId for line in view.items if line.price is None]:
        raise Conflict("Some products in the basket are no longer sold. Remove them.", productIds=gone)
    if len({line.productId for line in view.items}) > MAX_PRODUCTS:
        raise Invalid(f"An order has at most {MAX_PRODUCTS} different products. Remove some, or place two orders.")
    if request.expectedTotal not in {None, view.totalPrice}:
        raise Conflict(f"The total is now {view.totalPrice}.", totalPrice=float(view.totalPrice))
    return BasketCheckedOut(
        orderId=order.order_id,
        orderDate=order.order_date,
        cardLast4=request.cardInfo,
        paymentToken=request.cardInfo.token,
        items=[OrderLine.model_validate(line.model_dump()) for line in view.items],
        totalPrice=view.totalPrice,
        **request.model_dump(exclude={"expectedTotal"}),
    )
