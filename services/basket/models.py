"""Baskets: the models of requests, rows and responses, and the rules that connect them."""

from collections.abc import Collection, Iterable, Mapping
from decimal import Decimal
from typing import Annotated, Any, NamedTuple

from pydantic import ConfigDict, Field

from chassis.core.errors import Invalid, NotFound
from chassis.core.fields import EXACT, Amount, Input, Matching, Model

MAX_LINES = 100
MAX_QUANTITY = 999
RECENT_WRITES = 10

# Allows e-mail addresses and the subjects of identity providers (`auth0|5f7c8ec7`). Names of dots alone are excluded,
# because clients and proxies remove `.` and `..` from a path.
USER_NAME = Matching(
    r"\.*[A-Za-z0-9_~@+|=:,'-][A-Za-z0-9._~@+|=:,'-]*",
    "must be 1 to 254 letters (A to Z, a to z), digits or . _ ~ @ + | = : , ' -, and not dots alone",
)
PRODUCT_ID = Matching("[A-Za-z0-9_-]{1,64}", "must be 1 to 64 letters (A to Z, a to z), digits, _ or -")
UserName = Annotated[str, Field(max_length=254), USER_NAME]
ProductId = Annotated[str, PRODUCT_ID]
Color = Annotated[str, Field(max_length=50)]
Quantity = Annotated[int, Field(ge=1, le=MAX_QUANTITY), EXACT]
Ignored = Annotated[Any, Field(description="accepted but ignored; the catalogue has the valid value")]


class Listing(NamedTuple):
    """The current name and price of a product in the catalogue."""

    name: str
    price: Decimal


EXAMPLE_USER = "ann"
EXAMPLE_ID = "4b761b9d-ba68-5d36-a4cd-a639adf7b348"  # of the demo catalogue
EXAMPLE_LINE: dict[str, Any] = {"productId": EXAMPLE_ID, "quantity": 2, "color": "Red"}


class LineInput(Input):
    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE_LINE]})

    productId: ProductId
    quantity: Quantity
    color: Color = ""
    productName: Ignored = None
    price: Ignored = None
    addedPrice: Ignored = None


class BasketInput(Input):
    model_config = ConfigDict(json_schema_extra={"examples": [{"userName": EXAMPLE_USER, "items": [EXAMPLE_LINE]}]})

    userName: UserName
    items: list[LineInput] = Field(max_length=MAX_LINES)


class Line(Model):
    """One product in one colour, with the name and price that it had when it was added."""

    productId: str
    productName: str
    color: str
    quantity: int
    addedPrice: Amount

    @property
    def key(self) -> tuple[str, str]:
        return self.productId, self.color


class PricedLine(Line):
    price: Amount | None = Field(description="current price; null if the product is no longer sold")


class BasketView(Model):
    """A basket as the client sees it, with current prices beside the prices when lines were added."""

    userName: str
    items: list[PricedLine]
    totalPrice: Amount = Field(description="the sum of the lines that can be bought now")


class BasketPage(Model):
    items: list[BasketView]
    nextCursor: str | None


class Basket(Model):
    """A user's basket. Each write sets a new random `version`. `recent` has the versions of earlier writes."""

    userName: str
    items: list[Line]
    version: str
    recent: list[str] = Field(default_factory=list)

    @property
    def product_ids(self) -> set[str]:
        return {line.productId for line in self.items}

    def written_as(self, version: str) -> "Basket":
        """The row to write: it has the ID of this write as its version, and the IDs of the last ten writes."""
        return self.model_copy(update={"version": version, "recent": [*self.recent, self.version][-RECENT_WRITES:]})

    def contains_write(self, versions: Collection[str]) -> bool:
        """True if one of these writes took effect, even after up to ten later writes."""
        return not {self.version, *self.recent}.isdisjoint(versions)

    def replaced(self, wanted: Iterable[LineInput], listings: Mapping[str, Listing]) -> "Basket":
        basket = self._with([])
        for line in wanted:
            basket = basket.with_line(line, listings)
        return basket

    def with_line(self, wanted: LineInput, listings: Mapping[str, Listing]) -> "Basket":
        """Adds a line. If it exists, its quantity grows, and it keeps the price when it was added."""
        listing = listings[wanted.productId]
        new = Line(addedPrice=listing.price, productName=listing.name, **wanted.model_dump(include=LINE_FIELDS))
        lines = {line.key: line for line in self.items}
        if (old := lines.get(new.key)) is not None:
            new = old.model_copy(update={"quantity": old.quantity + new.quantity})
        lines[new.key] = new
        return self._with(list(lines.values()))

    def without(self, product_id: str, color: str | None) -> "Basket":
        """Removes one colour of a product, or all colours. Raises NotFound if there is no such line."""
        kept = [line for line in self.items if line.productId != product_id or color not in {None, line.color}]
        if len(kept) == len(self.items):
            raise NotFound(f"The basket has no such line of product {product_id}.")
        return self._with(kept)

    def priced(self, listings: Mapping[str, Listing]) -> BasketView:
        lines = [
            PricedLine(price=listing.price if (listing := listings.get(line.productId)) else None, **line.model_dump())
            for line in self.items
        ]
        total = sum((line.price * line.quantity for line in lines if line.price is not None), Decimal(0))
        return BasketView(userName=self.userName, items=lines, totalPrice=total)

    def _with(self, lines: list[Line]) -> "Basket":
        if len(lines) > MAX_LINES:
            raise Invalid(f"A basket holds at most {MAX_LINES} lines.")
        if full := [line.productId for line in lines if line.quantity > MAX_QUANTITY]:
            raise Invalid(f"A line holds at most {MAX_QUANTITY} pieces.", productIds=full)
        return self.model_copy(update={"items": lines})


LINE_FIELDS = {"productId", "color", "quantity"}
