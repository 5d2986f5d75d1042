import json
import statistics
import threading
from collections.abc import Mapping

import pytest

from chassis.core import measured, metrics
from chassis.core.errors import Misconfigured
from chassis.core.metrics import DIMENSIONS, Kind, Metric, Recorder, Unit
from services.ordering import metrics as ordering
from tests import emf

ROWS = Metric("Rows", Unit.COUNT, Kind.SUM, "Rows.")
AGE = Metric("Age", Unit.SECONDS, Kind.HIGHEST, "An age.")
LATENCY = Metric("Latency", Unit.MILLISECONDS, Kind.SPREAD, "A latency.")


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class Process:
    """A process called relay of a shop called shop, which reports every ten seconds."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.clock = Clock()
        self.recorder = Recorder("shop", "relay", 10.0, self.lines.append, self.clock)


def test_line_has_the_embedded_metric_format_and_the_usual_fields_of_a_log_line() -> None:
    process = Process()
    process.recorder.record(ROWS, 3)
    process.recorder.record(AGE, 1.23456)
    process.clock.now += 10
    process.recorder.report()
    [line] = process.lines
    assert [(p.namespace, p.dimensions, p.name, p.unit, p.value) for p in emf.read(line)] == [
        ("Shopwire", {"Shop": "shop", "Process": "relay"}, "Rows", "Count", 3),
        ("Shopwire", {"Shop": "shop", "Process": "relay"}, "Age", "Seconds", 1.235),
    ]
    fields = json.loads(line)
    assert (fields["event"], fields["process"], fields["level"], fields["seconds"]) == (
        "metrics",
        "relay",
        "info",
        10.0,
    )
    assert fields["timestamp"].endswith("Z")


def test_counts_are_added_ages_are_the_highest_and_latencies_are_kept() -> None:
    process = Process()
    for value in (2, 7, 5):
        for metric in (ROWS, AGE, LATENCY):
            process.recorder.record(metric, value)
    process.recorder.report()
    assert [point.value for point in emf.read(process.lines[0])] == [14, 7, [2, 5, 7]]


def test_many_latencies_become_a_hundred_with_the_same_percentiles() -> None:
    """More are not allowed in a line. They need not be in any sequence."""
    process, values = Process(), [float(7 * n % 10_007) for n in range(10_007)]
    for value in values:
        process.recorder.record(LATENCY, value)
    process.recorder.report()
    [point] = emf.read(process.lines[0])
    assert (len(point.value), point.value[0], point.value[-1]) == (100, 0, 10_006)
    found, true = statistics.quantiles(point.value, n=100), statistics.quantiles(values, n=100)
    assert all(abs(found[p - 1] - true[p - 1]) <= 101 for p in (50, 90, 95, 99)), "one hundredth of the range"


def test_line_is_written_after_the_interval_and_not_before() -> None:
    process = Process()
    process.recorder.record(ROWS, 1)
    process.clock.now += 9.9
    process.recorder.report_if_due()
    assert process.lines == []
    process.clock.now += 0.1
    process.recorder.report_if_due()
    process.recorder.report_if_due()
    assert len(process.lines) == 1


def test_process_that_recorded_nothing_writes_nothing() -> None:
    process = Process()
    process.recorder.record(ROWS, 1)
    for _ in range(3):
        process.clock.now += 10
        process.recorder.report_if_due()
    assert len(process.lines) == 1


def test_no_value_is_lost_or_counted_twice_while_other_threads_record() -> None:
    process = Process()

    def work() -> None:
        for _ in range(5_000):
            process.recorder.record(ROWS, 1)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        process.recorder.report()
    process.recorder.report()
    assert sum(point.value for line in process.lines for point in emf.read(line)) == 20_000


@pytest.mark.parametrize(
    ("env", "lines"),
    [
        ({}, 1),
        ({"SHOP_METRICS": "60"}, 1),
        ({"SHOP_METRICS": "off"}, 0),
        ({"LOG_FORMAT": "pretty"}, 0),
    ],
)
def test_process_writes_metrics_to_its_log_unless_they_are_off_or_people_read_it(
    env: Mapping[str, str], lines: int, capsys: pytest.CaptureFixture[str]
) -> None:
    clock = Clock()
    metrics.configure("relay", {"LOG_FORMAT": "json"} | dict(env), clock)
    metrics.record(ROWS)
    clock.now += 60
    metrics.report_if_due()
    written = capsys.readouterr().err.splitlines()
    assert [[point.value for point in emf.read(line)] for line in written] == [[1]] * lines


@pytest.mark.parametrize("setting", ["0", "-1", "soon", "1.5"])
def test_wrong_interval_is_refused(setting: str) -> None:
    with pytest.raises(Misconfigured, match="SHOP_METRICS"):
        metrics.configure("relay", {"SHOP_METRICS": setting})


def test_dimensions_name_no_person_and_names_of_metrics_are_unique() -> None:
    assert DIMENSIONS == ["Shop", "Process"]
    known = [*measured.METRICS, *ordering.METRICS]
    assert len({metric.name for metric in known}) == len(known)
    assert not {metric.name for metric in known} & {*DIMENSIONS}
