"""The checkout that doctor sends: valid in every field, of a user who cannot be a customer."""

import json
import uuid
from datetime import UTC, datetime
from typing import Any

SOURCE = "com.swn.basket.checkoutbasket"
DETAIL_TYPE = "CheckoutBasket"
# Reserved: all of this user's orders are doctor's to delete.
USER = "_doctor"


def timestamp(moment: datetime) -> str:
    """The one form times have in events and tables."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"


def checkout(order_id: str, moment: datetime) -> dict[str, Any]:
    """The event's detail, as `tests/events/checkout_basket.json` shows it."""
    now = timestamp(moment)
    return {
        "metadata": {
            "id": str(uuid.uuid4()),
            "idempotency-key": order_id,
            "version": 1,
            "correlation-id": f"doctor-{order_id}",
            "occurred-at": now,
        },
        "data": {
            "orderId": order_id,
            "orderDate": now,
            "userName": USER,
            "firstName": "Doctor",
            "lastName": "Probe",
            "email": "doctor@example.com",
            "address": "Nowhere",
            "cardLast4": "0000",
            "paymentMethod": 1,
            "items": [
                {
                    "productId": "doctor",
                    "productName": "Probe",
                    "color": "None",
                    "price": 0.01,
                    "quantity": 1,
                }
            ],
            "totalPrice": 0.01,
        },
    }


def probe_of(body: str) -> tuple[str, str] | None:
    """The order's id and date if the message is a checkout of doctor's, of any run; else None."""
    try:
        data = json.loads(body)["detail"]["data"]
        return (data["orderId"], data["orderDate"]) if data["userName"] == USER else None
    except (ValueError, KeyError, TypeError):
        return None
