import json
import logging
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import structlog

from chassis.core import logs
from tests.processes import inherited


def lines(capfd: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capfd.readouterr().err.splitlines()]


def test_structlog_and_logging_both_write_json_lines(capfd: pytest.CaptureFixture[str]) -> None:
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


def test_traceback_stays_on_the_json_line(capfd: pytest.CaptureFixture[str]) -> None:
    logs.configure("sample", {"LOG_FORMAT": "json"})
    structlog.stdlib.get_logger("ours").error("failed", exc_info=ValueError("broken\nin two"))
    (line,) = lines(capfd)
    assert "ValueError: broken" in line["exception"]


def test_log_level_filters_lines(capfd: pytest.CaptureFixture[str]) -> None:
    logs.configure("sample", {"LOG_FORMAT": "json", "LOG_LEVEL": "warning"})
    structlog.stdlib.get_logger("ours").info("quiet")
    assert lines(capfd) == []


def test_pretty_format_is_not_json(capfd: pytest.CaptureFixture[str]) -> None:
    logs.configure("sample", {"LOG_FORMAT": "pretty"})
    structlog.stdlib.get_logger("ours").info("hello", number=1)
    written = capfd.readouterr().err
    assert "hello" in written
    assert not written.startswith("{")


HOSTILE = "/\x1b[2J\x9b\r\n2026-11-26 10:00:00 [info     ] forged\u2028\u202e"
ESCAPED = r"/\x1b[2J\x9b\r\n2026-11-26 10:00:00 [info     ] forged\u2028\u202e"
COLOURS = re.compile("\x1b\\[[0-9]+m")  # of the renderer itself


@pytest.mark.parametrize("logger", [structlog.stdlib.get_logger, logging.getLogger])
def test_pretty_line_escapes_control_characters(
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


def test_pretty_traceback_lines_are_indented_and_escaped(capfd: pytest.CaptureFixture[str]) -> None:
    logs.configure("sample", {"LOG_FORMAT": "pretty"})
    structlog.stdlib.get_logger("ours").error("failed", exc_info=ValueError(f"broken {HOSTILE}"))
    first, *others = COLOURS.sub("", capfd.readouterr().err).splitlines()
    assert "failed" in first
    assert "ValueError" in "".join(others)
    assert all(line.startswith("    ") and line.isprintable() for line in others)


@pytest.mark.parametrize("closed", ["2>&-", "2>/dev/full"])
@pytest.mark.parametrize("log", ["logging.error('é')", "structlog.get_logger().error('é')"])
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_process_continues_if_stderr_is_closed_or_full(closed: str, log: str) -> None:
    code = (
        f"from chassis.core import logs; import logging, structlog; logs.configure('x', {{}}); {log}; print('went on')"
    )
    command = ["sh", "-c", f'exec "$0" -c "$1" {closed}', sys.executable, code]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=inherited())
    assert done.stdout == "went on\n"


@pytest.mark.parametrize("style", ["json", "pretty"])
def test_stderr_with_another_encoding_loses_no_line(style: str) -> None:
    code = "import logging, os; from chassis.core import logs; logs.configure('x', os.environ); logging.error('│é')"
    env = inherited() | {"PYTHONIOENCODING": "ascii:strict", "LOG_FORMAT": style}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=env)
    (line,) = done.stderr.splitlines()
    assert r"\u2502\u00e9" in line or r"\u2502\xe9" in line


@pytest.mark.parametrize("unfit", [None, "", "a b", "x" * 129, "a\nb", "é"])
def test_invalid_correlation_id_is_replaced(unfit: str | None) -> None:
    made = logs.correlate(unfit)
    assert logs.CORRELATION_ID.fullmatch(made)
    assert logs.correlation_id() == made


def test_context_without_correlation_id_gets_one_and_keeps_it() -> None:
    structlog.contextvars.clear_contextvars()
    assert logs.correlation_id() == logs.correlation_id()


def test_lines_of_many_threads_stay_whole(capfd: pytest.CaptureFixture[str]) -> None:
    logs.configure("sample", {"LOG_FORMAT": "json"})
    log, other = structlog.stdlib.get_logger("ours"), logging.getLogger("theirs")

    def write(number: int) -> None:
        for _ in range(100):
            log.info("ours", number=number, text="x" * 500)
            other.warning("theirs")

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(write, range(8)))
    assert Counter(line["event"] for line in lines(capfd)) == {"ours": 800, "theirs": 800}
