"""The use cases of the stock service. A piece is available, reserved or sold, and moves only with its reservation."""

from collections.abc import Callable, Collection
from datetime import UTC, datetime
from functools import partial
from typing import Protocol

import structlog

from chassis.core.errors import NotFound, Unavailable
from chassis.core.writes import Attempts
from chassis.messaging.commands import TaskRefused
from services.stock.commands_in import ReleaseStock, ReserveStock
from services.stock.events_in import OrderConfirmed
from services.stock.models import Pieces, Reservation, State, StockRow

UNKNOWN_CHANGE = (
    "The database did not answer, so it is unknown whether the change was made. "
    "Read the current level before you try again."
)
UNKNOWN_MOVE = "The database did not answer, so it is unknown whether the pieces were moved."

Next = Callable[[Reservation | None, datetime], Reservation | None]
log = structlog.stdlib.get_logger(__name__)


class Stock(Protocol):
    """The storage that this service needs. `store.StockStore` implements it on DynamoDB."""

    def level(self, product_id: str) -> StockRow | None: ...
    def levels(self, product_ids: Collection[str]) -> dict[str, StockRow]: ...
    def set_available(self, product_id: str, available: int, revision: str, base: str | None) -> StockRow | None: ...
    def reservation(self, order_id: str) -> Reservation | None: ...
    def move(
        self, before: Reservation | None, after: Reservation, pieces: Pieces, untracked: Collection[str] = ()
    ) -> bool: ...


class StockService:
    def __init__(
        self,
        stock: Stock,
        new_id: Callable[[], str],
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._stock = stock
        self._new_id = new_id
        self._clock = clock

    def level(self, product_id: str) -> StockRow:
        row = self._stock.level(product_id)
        if row is None:
            raise NotFound(f"Product {product_id} is not tracked. Any quantity of it can be ordered.")
        return row

    def set_available(self, product_id: str, available: int) -> StockRow:
        """Sets the level after a stocktaking, once, despite concurrent writers and lost answers.

        Reserved and sold pieces stay as they are. The row that is returned has the previous level.
        """
        revision = self._new_id()
        base: str | None = None
        with Attempts(Unavailable(UNKNOWN_CHANGE)) as attempts:
            for _ in attempts:
                found = self._stock.level(product_id)
                current = found.revision if found else None
                if found and current == revision:
                    return found
                if attempts.possibly_written and current != base:
                    raise Unavailable(UNKNOWN_CHANGE)  # another change came after the base, and perhaps after this one
                base = current
                written = attempts.write(partial(self._stock.set_available, product_id, available, revision, base))
                if written:
                    return written
        raise AssertionError  # attempts end by raising

    def reserve(self, command: ReserveStock) -> dict[str, str]:
        """Takes the pieces of all lines or of none, once per order. Products without a level are not counted.

        Raises TaskRefused if too few pieces are available, or if the order was released before.
        """
        ordered = command.pieces
        with Attempts(Unavailable(UNKNOWN_MOVE)) as attempts:
            for attempt in attempts:
                levels = self._stock.levels(ordered)
                missing = sorted(name for name, level in levels.items() if level.available < ordered[name])
                # Read the reservation after the levels. Otherwise a copy of this command that takes the last pieces in
                # between would make this one OUT_OF_STOCK.
                if (missing or attempt) and self._is_reserved(command.orderId):
                    break
                if missing:
                    raise TaskRefused("OUT_OF_STOCK", f"Too few pieces are available of {', '.join(missing)}.")
                taken = {name: count for name, count in ordered.items() if name in levels}
                reservation = Reservation.of(command.orderId, command.userName, ordered, taken, self._clock())
                untracked = ordered.keys() - taken.keys()
                if attempts.write(partial(self._stock.move, None, reservation, taken, untracked)):
                    break
        log.info("stock reserved", order_id=command.orderId)
        return {}

    def release(self, command: ReleaseStock) -> dict[str, str]:
        """Returns exactly what was taken for the order, once. Later reservations of the order are refused."""

        def released(before: Reservation | None, now: datetime) -> Reservation | None:
            if before is None:
                return Reservation.released_unseen(command.orderId, command.userName, now)
            return None if before.state is State.RELEASED else before.released(now)

        self._advance(command.orderId, released)
        log.info("stock released", order_id=command.orderId)
        return {}

    def sell(self, event: OrderConfirmed) -> None:
        """The reserved pieces of the order become sold, once. A released order stays released."""

        def sold(before: Reservation | None, now: datetime) -> Reservation | None:
            return before.sold(now) if before and before.state is State.RESERVED else None

        done = self._advance(event.orderId, sold)
        log.info("stock sold" if done else "confirmed order holds no reserved stock", order_id=event.orderId)

    def _is_reserved(self, order_id: str) -> bool:
        """Raises TaskRefused if the order was released."""
        found = self._stock.reservation(order_id)
        if found and found.state is State.RELEASED:
            raise TaskRefused("RESERVATION_CLOSED", f"The stock of order {order_id} was released before.")
        return found is not None

    def _advance(self, order_id: str, next_of: Next) -> bool:
        """Brings the reservation to its next state, and its pieces with it. False if there is no next state."""
        with Attempts(Unavailable(UNKNOWN_MOVE)) as attempts:
            for _ in attempts:
                before = self._stock.reservation(order_id)
                after = next_of(before, self._clock())
                if after is None:
                    return attempts.possibly_written
                held = self._held(before) if before else {}
                if attempts.write(partial(self._stock.move, before, after, held)):
                    _report_missing(before, held)
                    break
        return True

    def _held(self, reservation: Reservation) -> Pieces:
        """The pieces of the reservation that its levels really count, which are all unless a row was changed by hand.

        A release must end all the same, because an order is final only after it.
        """
        levels, place = self._stock.levels(reservation.taken), reservation.state.place
        return {
            name: count
            for name, count in reservation.taken.items()
            if name in levels and levels[name].pieces_in(place) >= count
        }


def _report_missing(reservation: Reservation | None, held: Pieces) -> None:
    if reservation and (missing := sorted(reservation.taken.keys() - held.keys())):
        log.error("level does not count the pieces of its order", order_id=reservation.orderId, product_ids=missing)
