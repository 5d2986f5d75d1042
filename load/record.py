"""The customers' own record of their checkouts: a line of JSON for each request and for each answer."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from typing import Any, Protocol, TextIO


@dataclass(frozen=True)
class Entry:
    """`at` is in seconds since 1970. Without a `status` it is a request. Status 0 is a connection without an answer.

    A request that has no answer may still have placed an order.
    """

    at: float
    user: str
    key: str
    status: int | None = None
    order_id: str = ""
    milliseconds: float = 0


class Record(Protocol):
    def add(self, entry: Entry) -> None: ...


class FileRecord:
    """Each line is written at once, so that it is there if the process ends."""

    def __init__(self, file: TextIO) -> None:
        self._file = file

    def started(self, at: float) -> None:
        self._write({"started": at})

    def add(self, entry: Entry) -> None:
        self._write(asdict(entry))

    def _write(self, line: dict[str, Any]) -> None:
        self._file.write(f"{json.dumps(line)}\n")
        self._file.flush()


@dataclass(frozen=True)
class Written:
    """What a record holds. `started` is when the load began, or None if it has not."""

    started: float | None
    entries: list[Entry]

    @property
    def users(self) -> list[str]:
        return sorted({entry.user for entry in self.entries})

    def accepted(self) -> Iterator[Entry]:
        """The first 202 of each checkout."""
        seen: set[tuple[str, str]] = set()
        for entry in self.entries:
            if entry.status == 202 and (entry.user, entry.key) not in seen:
                seen.add((entry.user, entry.key))
                yield entry


def read(lines: Iterable[str]) -> Written:
    """Ignores a last line that is not complete."""
    parsed = [json.loads(line) for line in lines if line.endswith("\n")]
    started = next((line["started"] for line in parsed if "started" in line), None)
    return Written(started, [Entry(**line) for line in parsed if "started" not in line])
