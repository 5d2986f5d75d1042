import json
import logging
from decimal import Decimal
from typing import Any

import pytest
import structlog

from chassis import logs


def lines(capfd: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capfd.readouterr().err.splitlines()]


def test_each_event_is_one_json_line_whoever_logs(capfd: pytest.CaptureFixture[str]) -> None:
    logs.configure("sample", {"LOG_FORMAT": "json"})
    structlog.contextvars.clear_contextvars()
    logs.correlate("abc")
    structlog.stdlib.get_logger("ours").info("hello %s", "you", number=Decimal("1.10"))
    logging.getLogger("theirs").warning("who is %s", "there")
    ours, theirs = lines(capfd)
    assert (ours["event"], ours["number"]) == ("hello you", "1.10")
    assert (ours["level"], ours["logger"], ours["process"]) == ("info", "ours", "sample")
    assert (theirs["event"], theirs["logger"], theirs["process"]) == ("who is there", "theirs", "sample")
    assert ours["correlation_id"] == theirs["correlation_id"] == "abc"
    assert ours["timestamp"].endswith("Z")


def test_an_exception_stays_on_its_line(capfd: pytest.CaptureFixture[str]) -> None:
    logs.configure("sample", {"LOG_FORMAT": "json"})
    structlog.stdlib.get_logger("ours").error("failed", exc_info=ValueError("broken\nin two"))
    (line,) = lines(capfd)
    assert "ValueError: broken" in line["exception"]


def test_levels_are_heeded(capfd: pytest.CaptureFixture[str]) -> None:
    logs.configure("sample", {"LOG_FORMAT": "json", "LOG_LEVEL": "warning"})
    structlog.stdlib.get_logger("ours").info("quiet")
    assert lines(capfd) == []


def test_people_may_have_it_pretty(capfd: pytest.CaptureFixture[str]) -> None:
    logs.configure("sample", {"LOG_FORMAT": "pretty"})
    structlog.stdlib.get_logger("ours").info("hello", number=1)
    written = capfd.readouterr().err
    assert "hello" in written
    assert not written.startswith("{")


@pytest.mark.parametrize("unfit", [None, "", "a b", "x" * 129, "a\nb", "é"])
def test_an_unfit_correlation_id_is_replaced(unfit: str | None) -> None:
    made = logs.correlate(unfit)
    assert logs.CORRELATION_ID.fullmatch(made)
    assert logs.correlation_id() == made


def test_a_context_without_an_id_gets_one_and_keeps_it() -> None:
    structlog.contextvars.clear_contextvars()
    assert logs.correlation_id() == logs.correlation_id()
