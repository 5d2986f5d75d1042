"""The report of a run: its data as JSON, its picture, and the tables of docs/load.md."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from load import picture, series
from load.books import Books
from load.orders import Order
from load.record import Written
from load.series import Sample

DATA, PICTURE = "load.json", "load.svg"


def figures(
    written: Written, orders: Sequence[Order], samples: Sequence[Sample], outage: Mapping[str, Any] | None
) -> dict[str, Any]:
    """Over the time from the beginning of the load until the last order ended. Raises ValueError if there is none."""
    known = {order.id: order for order in orders}
    start = written.started
    if start is None or not any(written.accepted()):
        raise ValueError("no checkout was accepted, so there is nothing to report")
    last = max([entry.at for entry in written.entries] + [order.ended for order in orders if order.ended])
    seconds = round(last - start, 1)
    within = [sample for sample in samples if 0 <= sample.at - start <= seconds]
    return {
        "customers": len(written.users),
        "load": round(max(entry.at for entry in written.entries) - start),
        "seconds": seconds,
        "outage": outage,
        "width": series.width(seconds),
        "bins": [_rounded(asdict(each)) for each in series.bins(written, known, start, seconds)],
        "queue": [_rounded(asdict(each)) for each in series.depths(within, written, known, start)],
        "all": {
            name: [round(it) for it in series.percentiles(values)] for name, values in _all(written, known).items()
        },
    }


def _all(written: Written, orders: Mapping[str, Order]) -> dict[str, list[float]]:
    accepted = [*written.accepted()]
    ends = [(orders[it.order_id].ended, it.at) for it in accepted if it.order_id in orders]
    return {
        "until the 202": [it.milliseconds for it in accepted],
        "from the 202 to the order's end": [(end - at) * 1000 for end, at in ends if end],
    }


def _rounded(row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: [round(it, 1) for it in value] if isinstance(value, list) else round(value, 2)
        for name, value in row.items()
    }


def books(books: Books) -> dict[str, Any]:
    return {
        "accepted": books.accepted,
        "final": dict(sorted(books.statuses.items())),
        "under way": len(books.under_way),
        "lost": len(books.lost),
        "duplicated": len(books.duplicated),
        "without an answer": books.unanswered,
    }


def write(folder: Path, report: Mapping[str, Any]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / DATA).write_text(json.dumps(report, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    (folder / PICTURE).write_text(picture.draw(report), encoding="utf-8")


def section(report: Mapping[str, Any]) -> str:
    """The generated part of docs/load.md."""
    return "\n".join([*_about(report), "", *_books(report["books"]), "", *_times(report), "", *_requests(report)])


def _about(report: Mapping[str, Any]) -> Iterator[str]:
    yield (
        f"{report['made']}, {report['machine']}. {report['customers']} customers for {report['load']} s, "
        f"seed {report['seed']}."
    )


def _books(found: Mapping[str, Any]) -> Iterator[str]:
    yield "| the books | |\n|---|---|"
    yield f"| checkouts accepted | {found['accepted']:,} |"
    for status, count in found["final"].items():
        yield f"| orders {status} | {count:,} |"
    for name in ("under way", "lost", "duplicated", "without an answer"):
        yield f"| {name} | {found[name]:,} |"


def _times(report: Mapping[str, Any]) -> Iterator[str]:
    yield "| of all checkouts | p50, ms | p95, ms | p99, ms |\n|---|---|---|---|"
    for name, (p50, p95, p99) in report["all"].items():
        yield f"| {name} | {p50:,} | {p95:,} | {p99:,} |"


def _requests(report: Mapping[str, Any]) -> Iterator[str]:
    yield "| request | count | failures | p50, ms | p95, ms | p99, ms |\n|---|---|---|---|---|---|"
    for row in report["requests"]:
        cells = " | ".join(f"{row[name]:,}" for name in ("count", "failures", "p50", "p95", "p99"))
        yield f"| {row['name']} | {cells} |"
