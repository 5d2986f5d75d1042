"""Compares what customers were promised with what the shop has: no order is lost, and none is doubled."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from load.orders import Order
from load.record import Entry, Written


@dataclass(frozen=True)
class Books:
    """`accepted` checkouts were answered by a 202. Each of them is final, under way or lost.

    `lost` and `duplicated` have ids of orders, and `statuses` counts the final ones. `unanswered` checkouts have no
    answer that says whether there is an order, so one order of each is no fault.
    """

    accepted: int
    statuses: Mapping[str, int]
    under_way: Sequence[str]
    lost: Sequence[str]
    duplicated: Sequence[str]
    unanswered: int

    @property
    def final(self) -> int:
        return sum(self.statuses.values())

    @property
    def balance(self) -> bool:
        return not (self.under_way or self.lost or self.duplicated)

    def __str__(self) -> str:
        statuses = ", ".join(f"{count} {status}" for status, count in sorted(self.statuses.items()))
        return (
            f"accepted {self.accepted} = final {self.final} + under way {len(self.under_way)} + lost {len(self.lost)}, "
            f"duplicated {len(self.duplicated)}, without an answer {self.unanswered} ({statuses or 'no order ended'})"
        )


def compare(written: Written, found: Sequence[Order]) -> Books:
    """`found` has every order that the shop lists for the customers, a second entry of the same order too."""
    accepted = {entry.order_id: entry for entry in written.accepted()}
    orders = {order.id: order for order in found}
    promised = [orders[its] for its in accepted if its in orders]
    unanswered = _unanswered(written)
    return Books(
        accepted=len(accepted),
        statuses=Counter(order.status for order in promised if order.is_final),
        under_way=[order.id for order in promised if not order.is_final],
        lost=[its for its in accepted if its not in orders],
        duplicated=_duplicated(written, accepted, found, Counter(entry.user for entry in unanswered)),
        unanswered=len(unanswered),
    )


def _unanswered(written: Written) -> list[Entry]:
    """The first request of each checkout that no answer decides. A 4xx says that there is no order."""
    decided = {(e.user, e.key) for e in written.entries if e.status is not None and 200 <= e.status < 500}
    asked = {(entry.user, entry.key): entry for entry in reversed(written.entries)}
    return [entry for key, entry in asked.items() if key not in decided]


def _duplicated(
    written: Written, accepted: Mapping[str, Entry], found: Sequence[Order], unanswered: Counter[str]
) -> list[str]:
    """Orders beyond one per checkout: a second id in the answers, a second entry in a list, an order of no checkout."""
    answered = {entry.order_id for entry in written.entries if entry.order_id}
    listed = Counter(order.id for order in found)
    unexplained = []
    for order in {order.id: order for order in found}.values():
        if order.id in answered:
            continue
        unanswered[order.user] -= 1
        if unanswered[order.user] < 0:
            unexplained.append(order.id)
    return [*sorted(answered - accepted.keys()), *(its for its, times in listed.items() if times > 1), *unexplained]
