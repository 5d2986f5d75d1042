"""Metrics: counted in the process, and written as one log line per interval, which CloudWatch turns into metrics.

The line has CloudWatch's embedded metric format ("Specification: Embedded metric format", CloudWatch User Guide).
"""

import atexit
import json
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, NamedTuple

from chassis.core import logs
from chassis.core.errors import Misconfigured
from chassis.core.names import shop_name

NAMESPACE = "Shopwire"
DIMENSIONS = ["Shop", "Process"]  # each value makes a metric of its own, so never a user or an ID, and no personal data
INTERVAL = 10.0  # seconds
MOST_VALUES = 100  # that a member of a line may have
MOST_PENDING = 100_000  # values of one metric in an interval; the oldest are dropped


class Unit(StrEnum):
    """CloudWatch's names."""

    COUNT = "Count"
    SECONDS = "Seconds"
    MILLISECONDS = "Milliseconds"


class Kind(StrEnum):
    """What a line has of the values that came in its interval."""

    SUM = "their sum"
    HIGHEST = "the highest of them"
    SPREAD = "all of them, or a hundred that stand for all"


class Metric(NamedTuple):
    name: str
    unit: Unit
    kind: Kind
    meaning: str


class Recorder:
    """Collects the values of one process. Any thread may record."""

    def __init__(
        self, shop: str, process: str, interval: float, write: Callable[[str], None], clock: Callable[[], float]
    ) -> None:
        self._identity = {"Shop": shop, "Process": process}
        self._interval = interval
        self._write = write
        self._clock = clock
        self._began = clock()
        self._pending: dict[str, tuple[Metric, deque[float]]] = {}

    def record(self, metric: Metric, value: float) -> None:
        known = self._pending.get(metric.name)
        if known is None:
            known = self._pending.setdefault(metric.name, (metric, deque(maxlen=MOST_PENDING)))
        known[1].append(value)

    def report_if_due(self) -> None:
        if self._clock() - self._began >= self._interval:
            self.report()

    def report(self) -> None:
        """Writes a line, unless nothing was recorded since the last one. Only one thread at a time may report."""
        began, self._began = self._began, self._clock()
        taken = [(metric, _take(values)) for metric, values in self._pending.copy().values()]
        found = {metric: _summary(metric.kind, values) for metric, values in taken if values}
        if found:
            self._write(json.dumps(self._line(found, self._began - began)))

    def _line(self, found: Mapping[Metric, Any], seconds: float) -> dict[str, Any]:
        now = datetime.now(UTC)
        described = [{"Name": metric.name, "Unit": metric.unit} for metric in found]
        directive = {"Namespace": NAMESPACE, "Dimensions": [DIMENSIONS], "Metrics": described}
        return {
            "_aws": {"Timestamp": int(now.timestamp() * 1000), "CloudWatchMetrics": [directive]},
            "timestamp": now.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "process": self._identity["Process"],
            "level": "info",
            "event": "metrics",
            "seconds": round(seconds, 1),
            **self._identity,
            **{metric.name: value for metric, value in found.items()},
        }


def _take(values: deque[float]) -> list[float]:
    """What other threads append meanwhile stays for the next line."""
    return [values.popleft() for _ in range(len(values))]


def _summary(kind: Kind, values: Sequence[float]) -> Any:
    if kind is Kind.SUM:
        return sum(values)
    rounded = sorted(round(value, 3) for value in values)
    if kind is Kind.HIGHEST:
        return rounded[-1]
    last = len(rounded) - 1
    return rounded if last < MOST_VALUES else [rounded[i * last // (MOST_VALUES - 1)] for i in range(MOST_VALUES)]


_recorder: Recorder | None = None


def configure(process: str, env: Mapping[str, str], clock: Callable[[], float] = time.monotonic) -> None:
    """SHOP_METRICS is the interval in seconds, or `off`. Readable logs have no metrics. Raises Misconfigured."""
    setting = env.get("SHOP_METRICS") or f"{INTERVAL:g}"
    if setting != "off" and not (setting.isdecimal() and int(setting)):
        raise Misconfigured(f"SHOP_METRICS is {setting!r}: set it to a number of seconds or to off, or leave it out.")
    on = setting != "off" and logs.format_of(env) == "json"
    use(Recorder(shop_name(env), process, int(setting), logs.Stderr().write, clock) if on else None)


def use(recorder: Recorder | None) -> None:
    """Records there from now on. At exit, it writes what is left."""
    global _recorder  # noqa: PLW0603 like the loggers, it belongs to the process
    if _recorder:
        atexit.unregister(_recorder.report)
    _recorder = recorder
    if recorder:
        atexit.register(recorder.report)


def record(metric: Metric, value: float = 1) -> None:
    """Costs less than a microsecond, and nothing where metrics are off."""
    if _recorder is not None:
        _recorder.record(metric, value)


def report() -> None:
    """To be called where a process may be frozen or end without a further call, as at the end of an invocation."""
    if _recorder is not None:
        _recorder.report()


def report_if_due() -> None:
    """To be called by the loop of each process, so that a process that hangs reports nothing."""
    if _recorder is not None:
        _recorder.report_if_due()
