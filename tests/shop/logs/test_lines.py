"""Log files, followed and made readable."""

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from shop.logs.lines import Printer, Tail


@pytest.fixture
def follow() -> Iterator[Callable[..., Tail]]:
    with ExitStack() as opened:
        yield lambda path, last=0: opened.enter_context(closing(Tail(path, last=last)))


def append(path: Path, text: str) -> None:
    with path.open("a") as file:
        file.write(text)


def test_only_new_lines_are_shown(tmp_path: Path, follow: Callable[..., Tail]) -> None:
    append(log := tmp_path / "log", "old\n")
    tail = follow(log)
    append(log, "new\n")
    assert list(tail.lines()) == ["new"]
    assert list(tail.lines()) == []


def test_the_last_old_lines_are_shown_on_request(tmp_path: Path, follow: Callable[..., Tail]) -> None:
    append(log := tmp_path / "log", "1\n2\n3\n")
    assert list(follow(log, last=2).lines()) == ["2", "3"]


def test_metrics_are_a_stream_of_their_own(tmp_path: Path, follow: Callable[..., Tail]) -> None:
    lines = ['{"event": "started"}', '{"seconds": 10.0, "event": "metrics"}', '{"event": "request"}']
    append(log := tmp_path / "log", "\n".join(lines) + "\n")
    assert list(follow(log, last=2).lines()) == [lines[0], lines[2]]
    with closing(Tail(log, metrics=True)) as metrics:
        assert list(metrics.lines()) == [lines[1]]


def test_half_a_line_is_not_shown(tmp_path: Path, follow: Callable[..., Tail]) -> None:
    append(log := tmp_path / "log", "")
    tail = follow(log)
    append(log, "ha")
    assert list(tail.lines()) == []
    append(log, "lf\n")
    assert list(tail.lines()) == ["half"]


def test_a_new_file_is_read_from_its_start(tmp_path: Path, follow: Callable[..., Tail]) -> None:
    tail = follow(tmp_path / "log")
    assert list(tail.lines()) == []
    append(tmp_path / "log", "first\n")
    assert list(tail.lines()) == ["first"]


def test_a_rotation_loses_no_line(tmp_path: Path, follow: Callable[..., Tail]) -> None:
    append(log := tmp_path / "log", "")
    tail = follow(log)
    append(log, "a\n")
    assert list(tail.lines()) == ["a"]
    append(log, "b\n")
    log.rename(tmp_path / "log.1")
    append(log, "c\n")
    assert list(tail.lines()) == ["b", "c"]


def test_a_file_that_was_emptied_is_read_from_its_start(tmp_path: Path, follow: Callable[..., Tail]) -> None:
    append(log := tmp_path / "log", "long line\n")
    tail = follow(log, last=1)
    list(tail.lines())
    log.write_text("new\n")
    assert list(tail.lines()) == ["new"]


EVENT = {"timestamp": "2026-11-02T10:00:00.123456Z", "level": "info", "event": "order placed", "correlation_id": "abc"}


def test_a_json_line_becomes_readable() -> None:
    shown = Printer(["relay"], pretty=True, colour=False).line("relay", json.dumps(EVENT | {"ms": 4}))
    assert shown == "relay │ 10:00:00.123 info    order placed correlation_id=abc ms=4"


def test_a_line_without_an_event_stays_as_it_is() -> None:
    printer = Printer(["relay"], pretty=True, colour=False)
    assert printer.line("relay", "Traceback") == "relay │ Traceback"
    assert printer.line("relay", "[1]") == "relay │ [1]"


def test_a_traceback_keeps_its_lines() -> None:
    line = json.dumps(EVENT | {"exception": "Traceback\n  File"})
    shown = Printer(["relay"], pretty=True, colour=False).line("relay", line)
    assert shown.endswith("exception=\n    Traceback\n      File")


HOSTILE = "/\x1b[2J\x9b2J\r\n10:00:00.123 info    forged\u2028\u202e\x7f\x00"
ESCAPED = r"/\x1b[2J\x9b2J\r\n10:00:00.123 info    forged\u2028\u202e\x7f\x00"


@pytest.mark.parametrize("key", ["path", "event", "\x1b[31m"])
def test_control_characters_are_escaped(key: str) -> None:
    shown = Printer(["relay"], pretty=True, colour=False).line("relay", json.dumps(EVENT | {key: HOSTILE}))
    assert ESCAPED in shown
    assert shown.isprintable()


@pytest.mark.parametrize("pretty", [True, False])
def test_control_characters_in_a_line_without_an_event_are_escaped(pretty: bool) -> None:
    shown = Printer(["relay"], pretty=pretty, colour=False).line("relay", "WARN \x1b[2J\tx")
    assert shown == "relay │ WARN \\x1b[2J\tx"


def test_lines_of_a_traceback_are_indented() -> None:
    line = json.dumps(EVENT | {"exception": f"ValueError: {HOSTILE}\nrelay │ 10:00:00.123 info    forged"})
    shown = Printer(["relay"], pretty=True, colour=False).line("relay", line)
    assert all(line.startswith("    ") and line.isprintable() for line in shown.splitlines()[1:])


def test_json_lines_can_be_kept() -> None:
    line = json.dumps(EVENT)
    assert Printer(["relay"], pretty=False, colour=False).line("relay", line) == f"relay │ {line}"


def test_colours_are_only_for_terminals() -> None:
    line = json.dumps(EVENT | {"level": "error"})
    assert "\033[31m" in Printer(["relay"], pretty=True, colour=True).line("relay", line)
    assert "\033" not in Printer(["relay"], pretty=True, colour=False).line("relay", line)
