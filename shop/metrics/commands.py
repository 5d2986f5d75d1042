"""`shop metrics`."""

import sys
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from typing import Annotated

import typer

from bootstrap.errors import Failed
from shop.logs.lines import Tail
from shop.metrics.history import History
from shop.metrics.table import table
from shop.output import command, say
from shop.paths import Paths, paths_of
from shop.settings import Settings

CLEAR = "\x1b[H\x1b[2J"
PAUSE = 2.0  # seconds


def metrics(
    context: typer.Context,
    names: Annotated[list[str] | None, typer.Argument(help="Only these processes.")] = None,
    *,
    follow: Annotated[bool, typer.Option(help="Draw it again every two seconds.")] = True,
) -> None:
    """Show what the processes measure: rates, percentiles and their course."""
    on_terminal = follow and sys.stdout.isatty()
    with closing(Reader(paths_of(Settings.from_env(context.obj)), names or [])) as reader, suppress(KeyboardInterrupt):
        while True:
            lines = [*table(reader.read().rows(time.time()))]
            if len(lines) == 1 and not on_terminal:
                raise Failed(
                    f"No process has reported in the last minutes. Does the shop run? See {command('status')}."
                )
            say((CLEAR if on_terminal else "") + "\n".join(lines))
            if not on_terminal:
                return
            time.sleep(PAUSE)


class Reader:
    """Reads the logs of processes, all of them or those named."""

    def __init__(self, paths: Paths, names: list[str]) -> None:
        self._history = History()
        self._tails = {path.stem: Tail(path, metrics=True) for path in sorted(paths.logs.glob("*.log"))}
        if unknown := sorted(set(names) - self._tails.keys()):
            raise Failed(f"No process with a log is called {', '.join(unknown)}. There are {', '.join(self._tails)}.")
        self._names = names or [*self._tails]

    def read(self) -> History:
        for line in self._lines():
            self._history.add(line)
        return self._history

    def close(self) -> None:
        for tail in self._tails.values():
            tail.close()

    def _lines(self) -> Iterator[str]:
        for name in self._names:
            yield from self._tails[name].lines()
