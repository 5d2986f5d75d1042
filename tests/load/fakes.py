"""A shop in memory that a customer visits without any wait."""

from collections import Counter
from collections.abc import Callable, Collection
from typing import Any

from load.record import Entry
from load.shopper import CHECKOUT, Answer

PRODUCTS = [{"id": f"p-{n}", "category": "Phone" if n % 2 else "Book", "price": 10.5 + n} for n in range(4)]
URLS = {name: f"http://{name}.test" for name in ("product", "basket", "ordering")}
HISTORY = [
    {"status": "PLACED", "at": "1970-01-01T00:01:40.200Z"},
    {"status": "CONFIRMED", "at": "1970-01-01T00:01:40.750Z"},
]


class Entries:
    def __init__(self) -> None:
        self.entries: list[Entry] = []

    def add(self, entry: Entry) -> None:
        self.entries.append(entry)


class FakeShop:
    """`checkouts` are statuses that the next checkouts get, then all get 202. It is second 100 after 1970."""

    def __init__(self, *checkouts: int, total: float = 42.5, absent: int = 0, accepts_any_total: bool = False) -> None:
        self.checkouts = list(checkouts)
        self.total = total
        self.absent = absent
        self.accepts_any_total = accepts_any_total
        self.orders: dict[str, str] = {}
        self.asked: list[tuple[str, str, Any, str]] = []
        self.unexpected: list[tuple[str, int]] = []
        self.together: list[int] = []
        self.delayed: list[Callable[[], None]] = []
        self.slept: list[float] = []
        self.times: dict[str, float] = {}
        self._lines: list[Any] = []

    def ask(
        self, name: str, method: str, url: str, *, expect: Collection[int], body: Any = None, key: str = ""
    ) -> Answer:
        self.asked.append((name, url, body, key))
        status, answer = self._answer(name, url, body, key)
        if status not in expect:
            self.unexpected.append((name, status))
        return Answer(status, answer, 100.0, 12.0)

    def _answer(self, name: str, url: str, body: Any, key: str) -> tuple[int, dict[str, Any]]:
        if name.startswith("GET /product"):
            category = url.partition("category=")[2]
            return 200, {"items": [it for it in PRODUCTS if it["category"] == category or not category]}
        if name.startswith("GET /order"):
            self.absent -= 1
            return (404, {}) if self.absent >= 0 else (200, {"history": HISTORY})
        if name.startswith(CHECKOUT):
            return self._check_out(body, key)
        return self._of_basket(name, body) if "basket" in name else (200, {})

    def _of_basket(self, name: str, body: Any) -> tuple[int, dict[str, Any]]:
        if name.startswith("DELETE"):
            self._lines.pop(0)
            return 204, {}
        self._lines += [body] if body else []
        return 200, {"items": self._lines, "totalPrice": self.total}

    def _check_out(self, body: Any, key: str) -> tuple[int, dict[str, Any]]:
        status = self.checkouts.pop(0) if self.checkouts else 202
        if body["expectedTotal"] != self.total and not self.accepts_any_total:
            status = 409
        if status != 202:
            return status, {"totalPrice": self.total} if status == 409 else {}
        return 202, {"orderId": self.orders.setdefault(key, f"o-{len(self.orders) + 1}")}

    def at_once(self, calls: Collection[Callable[[], Any]]) -> list[Any]:
        self.together.append(len(calls))
        return [call() for call in calls]

    def later(self, call: Callable[[], None]) -> None:
        self.delayed.append(call)

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)

    def now(self) -> float:
        return 100.0 + sum(self.slept)

    def measured(self, name: str, milliseconds: float) -> None:
        self.times[name] = milliseconds

    @property
    def names(self) -> Counter[str]:
        return Counter(name for name, *_ in self.asked)

    def bodies(self, name: str) -> list[tuple[Any, str]]:
        return [(body, key) for its, _, body, key in self.asked if its == name]
