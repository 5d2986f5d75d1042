"""What the shop says of an order: when it was placed, when it ended, and how."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

FINAL = frozenset({"CONFIRMED", "REJECTED", "CANCELLED"})


class Order(NamedTuple):
    """Times are in seconds since 1970. `ended` is when it first had a final status, so before a later cancellation."""

    id: str
    user: str
    status: str
    placed: float | None
    ended: float | None

    @classmethod
    def of(cls, answer: Mapping[str, Any]) -> "Order":
        history = answer.get("history", [])
        placed = seconds(history[0]["at"]) if history else None
        return cls(answer["orderId"], answer["userName"], answer["status"], placed, ended(history))

    @property
    def is_final(self) -> bool:
        return self.status in FINAL


def ended(history: Sequence[Mapping[str, Any]]) -> float | None:
    return next((seconds(change["at"]) for change in history if change["status"] in FINAL), None)


def seconds(instant: str) -> float:
    return datetime.fromisoformat(instant).timestamp()
