"""The end of a run: waits for the orders, compares the books, and writes the report."""

import csv
import os
import platform
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from load import books, report
from load.books import Books
from load.orders import Order
from load.outage import Outage
from load.record import Written
from load.series import Sample
from load.target import Target, open_orders
from shop.output import command

PATIENCE = 180.0  # seconds that the orders may take to end after the load


@dataclass(frozen=True)
class Wishes:
    """`seconds` is of a run without the web page, and `outage` of the outage in its middle; 0 is none."""

    users: int
    seconds: int
    outage: int
    seed: int
    out: Path


@dataclass(frozen=True)
class Conclusion:
    """`folder` has Locust's statistics."""

    wishes: Wishes
    target: Target
    folder: Path
    say: Callable[[str], None]

    def write(self, written: Written, samples: Sequence[Sample], outage: Outage | None) -> int:
        """Returns an exit code."""
        if written.started is None or not any(written.accepted()):
            self.say("No checkout was accepted, so there is no report.")
            return 1
        orders = self._await_ends(written)
        found = books.compare(written, orders)
        shown = outage.shown(written.started) if outage else None
        its = self._about() | {"books": report.books(found), "requests": [*self._requests()]}
        report.write(self.wishes.out, its | report.figures(written, orders, samples, shown))
        self._tell(found)
        return 0 if found.balance else 1

    def _tell(self, found: Books) -> None:
        self.say(f"The books: {found}")
        for what, ids in (("lost", found.lost), ("duplicated", found.duplicated), ("under way", found.under_way)):
            for order_id in ids:
                self.say(f"  {what}: {command(f'order {order_id}')} shows its way")
        self.say(f"Picture and data: {self.wishes.out / report.PICTURE}, {self.wishes.out / report.DATA}")

    def _await_ends(self, written: Written) -> list[Order]:
        """The orders of all customers, once those that were accepted are final, or after `PATIENCE`."""
        orders = self.target.orders(written.users)
        deadline = time.monotonic() + PATIENCE
        while (waiting := open_orders(written, orders)) and time.monotonic() < deadline:
            time.sleep(0.5)
            orders = [it for it in orders if it.user not in waiting] + self.target.orders(waiting)
        return orders

    def _about(self) -> dict[str, Any]:
        system = f"{platform.system()} {platform.machine()}"
        return {
            "made": datetime.now(UTC).isoformat(timespec="minutes"),
            "machine": f"{system}, {os.cpu_count()} cores, Python {platform.python_version()}",
            "seed": self.wishes.seed,
        }

    def _requests(self) -> Iterator[dict[str, Any]]:
        """Locust's own statistics, a row for each name. The times until orders end are from the books instead."""
        with (self.folder / "locust_stats.csv").open(encoding="utf-8", newline="") as lines:
            yield from (_request(row) for row in csv.DictReader(lines) if row["Type"] not in {"", "EVENT"})


def _request(row: Mapping[str, str]) -> dict[str, Any]:
    percentiles = {"p50": "50%", "p95": "95%", "p99": "99%"}
    return {
        "name": row["Name"],
        "count": int(row["Request Count"]),
        "failures": int(row["Failure Count"]),
        **{name: round(float(row[column])) for name, column in percentiles.items()},
    }
