"""How templates show values: amounts, and which drawing in which colour a product has."""

from collections.abc import Callable, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any
from zlib import crc32

DRAWINGS = {"phone", "laptop", "camera", "audio", "home", "book", "accessory"}  # symbols of static/pictures.svg
DIGITS = 15  # before the decimal point, more than any amount has
PAINTS = 6  # classes of static/shop.css


def money(amount: object) -> str:
    """With two decimals. What is no amount, because somebody changed a form, is shown as it is.

    1e999999 is a number, but would be a megabyte of zeros.
    """
    try:
        number = Decimal(str(amount))
    except InvalidOperation:
        return str(amount)
    return f"{number:,.2f}" if number.is_finite() and number.adjusted() < DIGITS else str(amount)


def drawing(category: str) -> str:
    """The drawing of a category. Those that the demo catalogue does not have share one."""
    return name if (name := category.lower()) in DRAWINGS else "other"


def paint(product_id: str) -> int:
    """The same product always has the same colour."""
    return crc32(product_id.encode()) % PAINTS


FILTERS: Mapping[str, Callable[..., Any]] = {"money": money, "drawing": drawing, "paint": paint}
