"""What the tests of functions share."""

import json
import math
import time
from collections.abc import Callable
from typing import Any

import pytest

from chassis.core import metrics


@pytest.fixture
def metric_lines() -> Callable[[], list[dict[str, Any]]]:
    """The lines of metrics since the last call. None becomes due by time."""
    lines: list[str] = []
    metrics.use(metrics.Recorder("shop", "test", math.inf, lines.append, time.monotonic))

    def taken() -> list[dict[str, Any]]:
        found = [json.loads(line) for line in lines]
        lines.clear()
        return found

    return taken
