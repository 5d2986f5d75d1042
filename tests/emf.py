"""Reads lines in CloudWatch's embedded metric format, as CloudWatch Logs would. No emulator does that."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple


class Point(NamedTuple):
    namespace: str
    dimensions: Mapping[str, str]
    name: str
    unit: str
    at: datetime
    value: Any  # a number or a list of numbers


def read(line: str) -> list[Point]:
    """Raises AssertionError for what CloudWatch would ignore: the limits of its specification."""
    found = json.loads(line)
    about = found["_aws"]
    at = datetime.fromtimestamp(about["Timestamp"] / 1000, UTC)
    assert isinstance(about["Timestamp"], int)
    return [
        _point(found, directive, dimensions, metric, at)
        for directive in about["CloudWatchMetrics"]
        for dimensions in directive["Dimensions"]
        for metric in directive["Metrics"]
    ]


def _point(found: Any, directive: Any, dimensions: list[str], metric: Any, at: datetime) -> Point:
    named = {name: found[name] for name in dimensions}
    assert len(named) <= 30
    assert all(isinstance(value, str) and 0 < len(value) <= 1024 for value in named.values())
    assert len(directive["Metrics"]) <= 100
    value = found[metric["Name"]]
    values = value if isinstance(value, list) else [value]
    assert 0 < len(values) <= 100
    assert all(isinstance(each, int | float) and not isinstance(each, bool) for each in values)
    return Point(directive["Namespace"], named, metric["Name"], metric["Unit"], at, value)


def put(cloudwatch: Any, line: str) -> None:
    """Does what CloudWatch does with the line."""
    for point in read(line):
        values = point.value if isinstance(point.value, list) else [point.value]
        datum = {
            "MetricName": point.name,
            "Dimensions": [{"Name": name, "Value": value} for name, value in point.dimensions.items()],
            "Timestamp": point.at,
            "Unit": point.unit,
            "Values": values,
        }
        cloudwatch.put_metric_data(Namespace=point.namespace, MetricData=[datum])
