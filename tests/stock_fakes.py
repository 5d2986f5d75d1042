"""Stock without DynamoDB, faults for any stock, and the commands that tests send."""

from collections.abc import Collection
from itertools import count
from threading import Lock
from typing import Any

from services.stock.commands_in import ReleaseStock, ReserveStock
from services.stock.events_in import OrderConfirmed
from services.stock.models import Pieces, Place, Reservation, StockRow
from services.stock.service import Stock, StockService
from tests.fakes import FakeClock, Fallible

TASK = {"token": "t-1", "entered": "2026-11-21T09:30:00.123Z", "timeout-seconds": 60}


class FakeStock:
    """Checks what the transactions of `StockStore` check, one at a time."""

    def __init__(self, **available: int) -> None:
        self.rows = {name: self._row(name, number) for name, number in available.items()}
        self.reservations: dict[str, Reservation] = {}
        self._lock = Lock()

    def level(self, product_id: str) -> StockRow | None:
        return self.rows.get(product_id)

    def levels(self, product_ids: Collection[str]) -> dict[str, StockRow]:
        return {name: self.rows[name] for name in product_ids if name in self.rows}

    def reservation(self, order_id: str) -> Reservation | None:
        return self.reservations.get(order_id)

    def set_available(self, product_id: str, available: int, revision: str, base: str | None) -> StockRow | None:
        with self._lock:
            found = self.rows.get(product_id)
            if found and found.revision == revision:
                return found
            if (found and found.revision) != base:
                return None
            row = self._row(product_id, available, revision)
            if found:
                changed = {"available": available, "previousAvailable": found.available, "revision": revision}
                row = found.model_copy(update=changed)
            self.rows[product_id] = row
            return row

    def move(
        self, before: Reservation | None, after: Reservation, pieces: Pieces, untracked: Collection[str] = ()
    ) -> bool:
        source = before.state.place if before else Place.AVAILABLE
        with self._lock:
            found = self.reservations.get(after.orderId)
            covered = all(name in self.rows and self.rows[name].pieces_in(source) >= n for name, n in pieces.items())
            if (found and found.state) != (before and before.state) or not covered or self.rows.keys() & untracked:
                return False
            self.reservations[after.orderId] = after
            for name, number in pieces.items():
                self.rows[name] = _moved(self.rows[name], number, source, after.state.place)
            return True

    def _row(self, name: str, available: int, revision: str = "r-0") -> StockRow:
        return StockRow(productId=name, available=available, reserved=0, sold=0, revision=revision)


def _moved(row: StockRow, number: int, source: Place, target: Place) -> StockRow:
    row = row.model_copy(update={source: row.pieces_in(source) - number})
    return row.model_copy(update={target: row.pieces_in(target) + number})


class FaultyStock(Fallible):
    """Any stock with the faults of `Fallible`."""

    def __init__(self, stock: Stock) -> None:
        super().__init__()
        self.stock = stock

    def level(self, product_id: str) -> StockRow | None:
        return self._read(self.stock.level(product_id))

    def levels(self, product_ids: Collection[str]) -> dict[str, StockRow]:
        return self._read(self.stock.levels(product_ids))

    def reservation(self, order_id: str) -> Reservation | None:
        return self._read(self.stock.reservation(order_id))

    def set_available(self, product_id: str, available: int, revision: str, base: str | None) -> StockRow | None:
        written: list[StockRow | None] = []

        def write() -> bool:
            written.append(self.stock.set_available(product_id, available, revision, base))
            return written[-1] is not None

        return written[-1] if self._apply_effect(write) else None

    def move(
        self, before: Reservation | None, after: Reservation, pieces: Pieces, untracked: Collection[str] = ()
    ) -> bool:
        return self._apply_effect(lambda: self.stock.move(before, after, pieces, untracked))


class StockShop:
    """A stock service with fakes, or with another stock."""

    def __init__(self, stock: Stock | None = None, **available: int) -> None:
        self.stock = FaultyStock(stock or FakeStock(**available))
        self.clock = FakeClock()
        revisions = (f"r-{n}" for n in count(1))
        self.service = StockService(self.stock, lambda: next(revisions), self.clock)

    def counts(self, product_id: str) -> tuple[int, int, int]:
        """Available, reserved and sold."""
        row = self.service.level(product_id)
        return row.available, row.reserved, row.sold


def reserve(order_id: str = "o-1", **pieces: int) -> ReserveStock:
    items = [{"productId": name, "quantity": number} for name, number in pieces.items()]
    return ReserveStock.model_validate({"orderId": order_id, "userName": "swn", "items": items, "task": TASK})


def release(order_id: str = "o-1") -> ReleaseStock:
    return ReleaseStock.model_validate({"orderId": order_id, "userName": "swn", "task": TASK})


def confirmed(order_id: str = "o-1") -> OrderConfirmed:
    return OrderConfirmed(orderId=order_id)


def command_data(command: ReserveStock | ReleaseStock) -> dict[str, Any]:
    """The data of its message."""
    return command.model_dump(mode="json", exclude={"task"})
