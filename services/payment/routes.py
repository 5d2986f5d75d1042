"""The HTTP route of the payment service. It parses the request, makes one call and shapes the response."""

from typing import cast

from flask import current_app
from pydantic import Field

from chassis.core.fields import Model
from chassis.web import access, openapi
from chassis.web.app import Answer
from chassis.web.bodies import json_of
from services.payment.models import OrderId, Payment, UserName
from services.payment.service import PaymentService

api = openapi.blueprint("payment", __name__, "Payments", "The payments of orders")


class PaymentPath(Model):
    userName: UserName = Field(examples=["ann"])
    orderId: OrderId = Field(examples=["01a1fd70-f23b-7c6e-9f43-2d8b8f0f6c55"])


def service() -> PaymentService:
    return cast("PaymentService", current_app.extensions["service"])


@api.get(
    "/<userName>/<orderId>",
    summary="Get the payment of an order",
    responses={200: Payment} | openapi.responses(_404="no such payment"),
    security=access.USER,
)
def get_payment(path: PaymentPath) -> Answer:
    """A payment appears a moment after its order. An order that was rejected before its payment has a voided one."""
    return json_of(service().get(path.userName, path.orderId))
