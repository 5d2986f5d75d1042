"""The latest events in memory, numbered, so that a stream can go on where it ended."""

import json
import secrets
import threading
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NamedTuple

MOST, MOST_BYTES = 500, 8_000_000
NAMED = ("userName", "name", "productName", "productId", "orderId", "totalPrice", "price", "reason")


@dataclass(frozen=True)
class Seen:
    """An event as the bus delivered it. `hops` are the lines of the map that it took, those of each hop together.

    `arrived` is when the room got it, in milliseconds since 1970.
    """

    id: str
    event: Mapping[str, Any]
    hops: Sequence[Sequence[str]]
    arrived: int

    @property
    def type(self) -> str:
        return str(self.event.get("detail-type", "?"))

    @property
    def source(self) -> str:
        return str(self.event.get("source", "?"))

    @property
    def metadata(self) -> Mapping[str, Any]:
        return self._part("metadata")

    @property
    def occurred(self) -> str:
        return str(self.metadata.get("occurred-at") or self.event.get("time", ""))

    @property
    def time(self) -> str:
        """When it arrived, in UTC."""
        return datetime.fromtimestamp(self.arrived / 1000, UTC).strftime("%H:%M:%S.%f")[:12]

    @property
    def is_test(self) -> bool:
        """Whether `shop doctor` sent it, and it never happened."""
        return "test" in self.metadata

    @property
    def correlation(self) -> str:
        return str(self.metadata.get("correlation-id", ""))

    @property
    def summary(self) -> str:
        if self.is_test:
            return "test message"
        data = self._part("data")
        return " · ".join(str(data[name]) for name in NAMED if isinstance(data.get(name), str | int | float))[:120]

    def is_of(self, wanted: str) -> bool:
        return wanted in {self.correlation, str(self.metadata.get("id")), str(self._part("data").get("orderId"))}

    def text(self) -> str:
        return json.dumps(self.event, indent=2, ensure_ascii=False)

    def to_json(self) -> str:
        own = {
            name: getattr(self, name)
            for name in ("id", "type", "time", "occurred", "arrived", "correlation", "summary")
        }
        return json.dumps(own | {"hops": self.hops, "event": self.event})

    def _part(self, name: str) -> Mapping[str, Any]:
        """Others may publish an event of any shape."""
        detail = self.event.get("detail")
        part = detail.get(name) if isinstance(detail, dict) else None
        return part if isinstance(part, dict) else {}


class Known(NamedTuple):
    times: int
    last: str


class Ring:
    """Keeps the latest events. Its ids begin with a text that no other ring has, as after a restart."""

    def __init__(self, most: int = MOST, most_bytes: int = MOST_BYTES) -> None:
        self._most, self._most_bytes = most, most_bytes
        self._own = secrets.token_hex(4)
        self._kept: deque[tuple[int, int, Seen]] = deque()  # number, size
        self._number = self._bytes = 0
        self._changed = threading.Condition()
        self.types: dict[str, Known] = {}

    def add(self, event: Mapping[str, Any], hops: Sequence[Sequence[str]], arrived: int) -> None:
        with self._changed:
            self._number += 1
            seen, size = Seen(f"{self._own}-{self._number}", event, hops, arrived), len(json.dumps(event))
            self._kept.append((self._number, size, seen))
            self._bytes += size
            while len(self._kept) > self._most or self._bytes > self._most_bytes:
                self._bytes -= self._kept.popleft()[1]
            if not seen.is_test:
                self.types[seen.type] = Known(self.types.get(seen.type, Known(0, ""))[0] + 1, seen.occurred)
            self._changed.notify_all()

    def all(self) -> list[Seen]:
        """The oldest first."""
        with self._changed:
            return [seen for _, _, seen in self._kept]

    def after(self, last: str, within: float = 0) -> tuple[list[Seen], int]:
        """The events after the one with the id `last`, and how many of them are no longer kept.

        Waits up to `within` seconds for the first. All events follow an id of another ring.
        """
        own, _, text = last.partition("-")
        number = int(text) if own == self._own and text.isdecimal() else 0
        with self._changed:
            self._changed.wait_for(lambda: self._number > number, timeout=within)
            found = [(n, seen) for n, _, seen in self._kept if n > number]
            first = found[0][0] if found else self._number + 1
        return [seen for _, seen in found], first - number - 1 if number else 0
