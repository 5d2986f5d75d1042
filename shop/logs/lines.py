"""The processes' log files: followed across rotation, and made readable for people."""

import json
import os
from collections.abc import Iterator, Mapping
from itertools import cycle
from pathlib import Path
from typing import BinaryIO

import typer

from chassis.core.logs import TRACEBACKS
from chassis.core.text import legible

TAB = "\t"
NAMES = ("cyan", "green", "magenta", "blue", "bright_cyan", "bright_green", "bright_magenta", "bright_blue")
LEVELS = {"error": "red", "critical": "red", "warning": "yellow"}
METRICS = b'"event": "metrics"'
SHOWN_FIRST = ("timestamp", "level", "event", "logger", "process")


class Tail:
    """One file, read in whole lines. A file that was replaced is read to its end, then the new one from its start.

    Either the lines of events, after all but the `last` of those that are there, or all lines with metrics.
    """

    def __init__(self, path: Path, *, last: int = 0, metrics: bool = False) -> None:
        self._path = path
        self._metrics = metrics
        self._file: BinaryIO | None = None
        self._rest = b""
        there = len(self._wanted(path.read_bytes().splitlines())) if path.exists() and not metrics else 0
        self._skip = max(0, there - last)

    def lines(self) -> Iterator[str]:
        yield from self._read()
        if self._was_replaced():
            yield from self._read()  # what came in between
            self.close()
            yield from self._read()

    def close(self) -> None:
        if self._file:
            self._file.close()
        self._file, self._rest = None, b""

    def _read(self) -> Iterator[str]:
        if self._file is None:
            if not self._path.exists():
                return
            self._file = self._path.open("rb")
        *whole, self._rest = (self._rest + self._file.read()).split(b"\n")
        whole = self._wanted(whole)
        shown = whole[self._skip :]
        self._skip = max(0, self._skip - len(whole))
        for line in shown:
            yield line.decode(errors="replace")

    def _wanted(self, lines: list[bytes]) -> list[bytes]:
        return [line for line in lines if (METRICS in line) == self._metrics]

    def _was_replaced(self) -> bool:
        if self._file is None or not self._path.exists():
            return False
        now = self._path.stat()
        return not os.path.samestat(now, os.fstat(self._file.fileno())) or now.st_size < self._file.tell()


class Printer:
    """Puts the process's name before each line; `pretty` turns JSON lines into readable ones."""

    def __init__(self, names: list[str], *, pretty: bool, colour: bool) -> None:
        self._width = max(map(len, names), default=0)
        self._colours = dict(zip(names, cycle(NAMES), strict=False))
        self._pretty = pretty
        self._style = typer.style if colour else lambda text, **_: text

    def line(self, name: str, text: str) -> str:
        prefix = self._style(f"{name:<{self._width}} │", fg=self._colours.get(name))
        fields = _fields(text) if self._pretty else {}
        return f"{prefix} {self._readable(fields) if 'event' in fields else legible(text, keep=TAB)}"

    def _readable(self, fields: Mapping[str, object]) -> str:
        time = legible(str(fields.get("timestamp", ""))[11:23])
        level = legible(str(fields.get("level", "")))
        rest = " ".join(f"{legible(key)}={_value(key, fields[key])}" for key in fields if key not in SHOWN_FIRST)
        words = [
            time and self._style(time, dim=True),
            self._style(f"{level:<7}", fg=LEVELS.get(level)),
            legible(str(fields["event"])),
            rest and self._style(rest, dim=True),
        ]
        return " ".join(word for word in words if word)


def timestamp(line: str) -> str:
    return str(_fields(line).get("timestamp", ""))


def _fields(line: str) -> Mapping[str, object]:
    try:
        fields = json.loads(line)
    except ValueError:
        return {}
    return fields if isinstance(fields, Mapping) else {}


def _value(key: str, value: object) -> str:
    if not isinstance(value, str):
        return json.dumps(value)
    # A traceback stays readable: on lines of its own, indented so that none looks like a line of the log.
    if key in TRACEBACKS:
        return "".join(f"\n    {legible(line, keep=TAB)}" for line in value.split("\n"))
    return legible(value)
