"""The HTTP routes of the stock service. Each parses the request, makes one call and shapes the response."""

from typing import cast

from flask import current_app
from pydantic import Field

from chassis.core.fields import Model
from chassis.web import access, openapi
from chassis.web.app import Answer
from chassis.web.bodies import json_of
from services.stock.models import LevelInput, ProductId, StockChange, StockLevel
from services.stock.service import StockService

api = openapi.blueprint("stock", __name__, "Stock", "How many pieces of each product there are")


EXAMPLE_ID = "4b761b9d-ba68-5d36-a4cd-a639adf7b348"  # of the demo catalogue


class ProductPath(Model):
    productId: ProductId = Field(examples=[EXAMPLE_ID])


def service() -> StockService:
    return cast("StockService", current_app.extensions["service"])


@api.get(
    "/<productId>",
    summary="Get the stock level of a product",
    responses={200: StockLevel} | openapi.responses(_404="the product is not tracked"),
    security=access.OPEN,
)
def get_stock(path: ProductPath) -> Answer:
    """A product without a level is not tracked, and any quantity of it can be ordered."""
    level = service().level(path.productId)
    return json_of(level, include=set(StockLevel.model_fields))


@api.put(
    "/<productId>",
    summary="Set the stock level of a product",
    responses={200: StockChange, 201: StockChange},
    security=access.ADMIN,
)
def set_stock(path: ProductPath, body: LevelInput) -> Answer:
    """Sets the pieces that can be ordered, for example after a stocktaking. Reserved and sold pieces do not change.

    The first PUT of a product (201) starts to track it. The product need not be in the catalogue yet.
    """
    level = service().set_available(path.productId, body.available)
    answer = json_of(level, include=set(StockChange.model_fields))
    return answer, 201 if level.previousAvailable is None else 200
