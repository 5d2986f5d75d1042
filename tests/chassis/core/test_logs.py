import json
import logging
import re
import subprocess
import sys
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import structlog

from chassis.core import logs
from tests.processes import inherited


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


HOSTILE = "/\x1b[2J\x9b\r\n2026-11-26 10:00:00 [info     ] forged\u2028\u202e"
ESCAPED = r"/\x1b[2J\x9b\r\n2026-11-26 10:00:00 [info     ] forged\u2028\u202e"
COLOURS = re.compile("\x1b\\[[0-9]+m")  # those of the renderer itself


@pytest.mark.parametrize("logger", [structlog.stdlib.get_logger, logging.getLogger])
def test_a_pretty_line_shows_what_would_steer_the_terminal(
    capfd: pytest.CaptureFixture[str], logger: Callable[[str], Any]
) -> None:
    logs.configure("sample", {"LOG_FORMAT": "pretty"})
    structlog.contextvars.bind_contextvars(path="/\x1b[2J\x9b", agent=HOSTILE)
    logger("ours").info(HOSTILE)
    (line,) = capfd.readouterr().err.splitlines()
    plain = COLOURS.sub("", line)
    assert ESCAPED in plain
    assert r"path=/\x1b[2J\x9b " in plain
    assert plain.isprintable()


def test_no_line_of_a_pretty_traceback_looks_like_one_of_the_log(capfd: pytest.CaptureFixture[str]) -> None:
    logs.configure("sample", {"LOG_FORMAT": "pretty"})
    structlog.stdlib.get_logger("ours").error("failed", exc_info=ValueError(f"broken {HOSTILE}"))
    first, *others = COLOURS.sub("", capfd.readouterr().err).splitlines()
    assert "failed" in first
    assert "ValueError" in "".join(others)
    assert all(line.startswith("    ") and line.isprintable() for line in others)


@pytest.mark.parametrize("closed", ["2>&-", "2>/dev/full"])
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="has no file that is always full")
def test_a_process_whose_stderr_is_closed_or_full_goes_on(closed: str) -> None:
    code = (
        "from chassis.core import logs; import logging; logs.configure('x', {}); logging.error('é'); print('went on')"
    )
    command = ["sh", "-c", f'exec "$0" -c "$1" {closed}', sys.executable, code]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=inherited())
    assert done.stdout == "went on\n"


@pytest.mark.parametrize("style", ["json", "pretty"])
def test_a_stderr_that_is_not_utf_8_loses_no_line(style: str) -> None:
    code = "import logging, os; from chassis.core import logs; logs.configure('x', os.environ); logging.error('│é')"
    env = inherited() | {"PYTHONIOENCODING": "ascii:strict", "LOG_FORMAT": style}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=env)
    (line,) = done.stderr.splitlines()
    assert r"\u2502\u00e9" in line or r"\u2502\xe9" in line


@pytest.mark.parametrize("unfit", [None, "", "a b", "x" * 129, "a\nb", "é"])
def test_an_unfit_correlation_id_is_replaced(unfit: str | None) -> None:
    made = logs.correlate(unfit)
    assert logs.CORRELATION_ID.fullmatch(made)
    assert logs.correlation_id() == made


def test_a_context_without_an_id_gets_one_and_keeps_it() -> None:
    structlog.contextvars.clear_contextvars()
    assert logs.correlation_id() == logs.correlation_id()
