"""What shoppers and the merchandiser do, decided by a seeded random generator. Nothing is sent from here."""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from random import Random

APPROVED, DECLINED = "4111111111111111", "4000000000000002"
COLOURS = ("red", "blue", "black")
CENT = Decimal("0.01")
# Shares of visits, of checkouts, and of changes of a price.
BUYS_NOTHING, REMOVES, CHECKS_OUT = 0.2, 0.15, 0.75
DOUBLE_CLICKS, STALE_TOTALS, CANCELS, DECLINES = 0.05, 0.03, 0.05, 0.03
DEEP_CUTS = 0.2


class Checkout(StrEnum):
    ONCE = "once"
    DOUBLE_CLICK = "double click"  # two requests at once with one idempotency key
    STALE_TOTAL = "stale total"  # with an `expectedTotal` that is wrong, which gets a 409


@dataclass(frozen=True)
class Visit:
    """`opens` has, for each category that the shopper looks at, how many of its products they open.

    `adds` is how many lines they add. `checkout` is None if they leave without buying.
    """

    opens: tuple[int, ...]
    adds: int
    removes: bool
    checkout: Checkout | None
    cancels: bool
    card: str


def visit(rng: Random) -> Visit:
    adds = 0 if rng.random() < BUYS_NOTHING else rng.randint(1, 3)
    buys = adds > 0 and rng.random() < CHECKS_OUT
    return Visit(
        opens=tuple(rng.randint(0, 2) for _ in range(rng.randint(1, 4))),
        adds=adds,
        removes=rng.random() < REMOVES,
        checkout=_checkout(rng.random()) if buys else None,
        cancels=rng.random() < CANCELS,
        card=DECLINED if rng.random() < DECLINES else APPROVED,
    )


def _checkout(chance: float) -> Checkout:
    if chance < DOUBLE_CLICKS:
        return Checkout.DOUBLE_CLICK
    return Checkout.STALE_TOTAL if chance < DOUBLE_CLICKS + STALE_TOTALS else Checkout.ONCE


def new_price(rng: Random, usual: Decimal) -> Decimal:
    """At most a quarter below the usual price, which is more than the tenth that `price-drops` reports."""
    factor = rng.uniform(0.75, 0.88) if rng.random() < DEEP_CUTS else rng.uniform(0.95, 1.05)
    return (usual * Decimal(factor)).quantize(CENT)
