import json
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bootstrap.errors import Failed
from chassis.core.measured import HANDLED, OUTBOX_AGE, REQUEST_LATENCY
from chassis.core.metrics import Metric, Recorder
from shop.metrics.commands import Reader
from shop.metrics.history import COLUMN, COLUMNS, WINDOW, History, Row
from shop.metrics.known import known
from shop.metrics.table import sparkline, table
from shop.paths import Paths

NOW = 1_800_000_000.0


def line(metric: Metric, *values: float, ago: float = 1.0, process: str = "basket", seconds: float = 10.0) -> str:
    """As the process writes it, `ago` seconds before NOW."""
    times, lines = iter((0.0, seconds)), list[str]()
    recorder = Recorder("shop", process, seconds, lines.append, lambda: next(times))
    for value in values:
        recorder.record(metric, value)
    recorder.report()
    return json.dumps(json.loads(lines[0]) | {"timestamp": datetime.fromtimestamp(NOW - ago, UTC).isoformat()})


def rows(*lines: str) -> list[Row]:
    history = History()
    for each in lines:
        history.add(each)
    return [*history.rows(NOW)]


def test_counts_are_rates_of_the_window() -> None:
    [row] = rows(line(HANDLED, 1, 1, 1, 2), line(HANDLED, 5, ago=11))
    assert row.now == "0.5/s  10 in all"


def test_latencies_are_percentiles_of_all_values() -> None:
    [row] = rows(line(REQUEST_LATENCY, *range(1, 51)), line(REQUEST_LATENCY, *range(51, 101), ago=11))
    assert row.now == "p50 50 ms  p95 95 ms  p99 99 ms"


def test_ages_are_the_last_ones_and_their_course_has_the_highest() -> None:
    [row] = rows(line(OUTBOX_AGE, 90, ago=COLUMN), line(OUTBOX_AGE, 0))
    assert (row.now, row.columns[-2:]) == ("0 s", [90, 0])


def test_what_is_older_than_the_window_is_dropped_and_gaps_are_empty() -> None:
    assert rows(line(HANDLED, 1, ago=WINDOW + 1)) == []
    [row] = rows(line(HANDLED, 1, ago=WINDOW - 1), line(HANDLED, 1))
    assert [column is None for column in row.columns] == [False] + [True] * (COLUMNS - 2) + [False]


def test_broken_line_and_unknown_metric_are_ignored() -> None:
    assert rows("{", "{}", line(HANDLED._replace(name="Former"), 1)) == []


def test_bars_are_relative_to_the_highest() -> None:
    assert sparkline([0, 1, None, 4, 8]) == "▁▂ ▅█"
    assert sparkline([0, 0]) == "▁▁"


def test_table_has_each_process_once_in_the_order_of_the_list() -> None:
    drawn = [
        *table(
            rows(line(HANDLED, 1, process="b"), line(REQUEST_LATENCY, 5, process="b"), line(HANDLED, 1, process="a"))
        )
    ]
    assert [text.split()[:2] for text in drawn] == [
        ["process", "metric"], ["a", "MessagesHandled"], ["b", "RequestLatency"], ["MessagesHandled", "0.1/s"],
    ]  # fmt: skip


def test_reader_takes_lines_with_metrics_alone_from_all_logs_or_those_named(tmp_path: Path) -> None:
    paths = Paths(tmp_path)
    paths.make()
    for name in ("basket", "stock"):
        event = json.dumps({"event": "request", "process": name})
        paths.log(name).write_text(f"{event}\n{line(HANDLED, 1, process=name)}\n")
    with closing(Reader(paths, [])) as all_of_them, closing(Reader(paths, ["stock"])) as one:
        assert [row.process for row in all_of_them.read().rows(NOW)] == ["basket", "stock"]
        assert [row.process for row in one.read().rows(NOW)] == ["stock"]
    with pytest.raises(Failed, match="No process with a log is called stok"):
        Reader(paths, ["stok"])


def test_every_metric_of_every_service_is_known() -> None:
    assert known()["OutboxAge"] == (OUTBOX_AGE, "all")
    assert known()["OrdersConfirmed"][1] == "ordering"
