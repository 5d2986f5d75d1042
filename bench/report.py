"""Tables of the results, as Markdown. A cell has the median of all rounds, and the lowest and the highest."""

import statistics
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

Results = dict[str, Any]
LIMIT = 0.85  # of a core
COLUMNS = ["per second", "CPU, µs", "p50 / p99, ms", "AWS calls, in turn", "memory, MB", "rate", "CPU"]


def spread(values: Sequence[float], digits: int = 0) -> str:
    return f"{statistics.median(values):,.{digits}f} [{min(values):,.{digits}f}–{max(values):,.{digits}f}]"


def column(arm: Results, name: str) -> list[float]:
    return [each[name] for each in arm["rounds"]]


def ratios(first: Results, other: Results, name: str) -> list[float]:
    """Of the same rounds. More than 1 is better for `first`."""
    pairs = zip(column(first, name), column(other, name), strict=True)
    return [ours / theirs if name == "rate" else theirs / ours for ours, theirs in pairs]


def tables(results: Mapping[str, Any]) -> str:
    return "\n".join([*_table_per_scenario(results["scenarios"]), *_starts(results["starts"])])


def _table_per_scenario(scenarios: Results) -> Iterator[str]:
    for scenario, arms in scenarios.items():
        first = next(iter(arms.values()))
        yield f"| {' | '.join([scenario, *COLUMNS])} |"
        yield f"|---{'|---' * len(COLUMNS)}|"
        for name, arm in arms.items():
            yield f"| {name} | {' | '.join(_cells(first, arm))} |"
        yield ""


def _cells(first: Results, arm: Results) -> Iterator[str]:
    """`in turn` counts the AWS calls for which the answer waits one after another."""
    is_web = arm["trips"] is not None
    yield spread(column(arm, "rate"))
    yield spread(column(arm, "cpu"))
    yield " / ".join(f"{statistics.median(column(arm, name)):.0f}" for name in ("p50", "p99")) if is_web else ""
    yield f"{statistics.median(column(arm, 'calls')):.1f}" + (f", {arm['trips']}" if is_web else "")
    yield f"{arm['memory']:.0f}"
    yield "" if arm is first else f"{spread(ratios(first, arm, 'rate'), 2)} ×"
    yield "" if arm is first else f"{spread(ratios(first, arm, 'cpu'), 2)} ×"


def _starts(starts: Results) -> Iterator[str]:
    if starts:
        yield "| Start | seconds until ready | CPU until ready, s | memory then, MB |"
        yield "|---|---|---|---|"
    for service, arms in starts.items():
        for name, arm in arms.items():
            cells = [spread(column(arm, "seconds"), 2), spread(column(arm, "cpu"), 2), spread(column(arm, "memory"))]
            yield f"| {name}, {service} | {' | '.join(cells)} |"


def warnings(results: Results) -> Iterator[str]:
    """Where the backend and the load were the limit, so that a process may be faster than measured."""
    for scenario, arms in results["scenarios"].items():
        for name, arm in arms.items():
            if (used := statistics.median(column(arm, "helpers"))) > LIMIT:
                yield f"{scenario}, {name}: backend and load used {used:.0%} of their core, so they may be the limit."
