"""The commands that the order's state machine sends to stock, with the fields that this service reads."""

from typing import Annotated, ClassVar, Self

from pydantic import Field, model_validator

from chassis.core.fields import EXACT, Model
from chassis.messaging.commands import Command
from services.stock.models import MAX_PRODUCTS, OrderId, ProductId, UserName


class OrderedLine(Model):
    productId: ProductId
    quantity: Annotated[int, Field(ge=1, le=999), EXACT]


class StockCommand(Command):
    SOURCE: ClassVar = "com.swn.ordering.fulfilment"
    VERSION: ClassVar = 1

    orderId: OrderId
    userName: UserName

    def log_fields(self) -> dict[str, str]:
        return {"order_id": self.orderId}


class ReserveStock(StockCommand):
    """Take the pieces of all lines, or of none."""

    DETAIL_TYPE: ClassVar = "ReserveStock"

    items: list[OrderedLine] = Field(min_length=1, max_length=100)

    @model_validator(mode="after")
    def _fits_a_transaction(self) -> Self:
        if len(self.pieces) > MAX_PRODUCTS:
            raise ValueError(f"an order has at most {MAX_PRODUCTS} different products")
        return self

    @property
    def pieces(self) -> dict[str, int]:
        """The sum per product. An order can have a product in several colours."""
        sums: dict[str, int] = {}
        for line in self.items:
            sums[line.productId] = sums.get(line.productId, 0) + line.quantity
        return sums


class ReleaseStock(StockCommand):
    """Return what the order took, from wherever it is now."""

    DETAIL_TYPE: ClassVar = "ReleaseStock"
