"""What commands print, on any terminal."""

import io
import sys
from contextlib import suppress

SHOP = ".venv/bin/shop"  # as one can type it in the clone, where make runs
LINES = "\n\t"  # what `legible` keeps in a text of several lines


def command(words: str, *, aws: bool = False) -> str:
    """How to type a command of `shop` in the clone, with `aws` for a shop there."""
    return f"`{SHOP} {words}{' --aws' if aws else ''}`"


def prepare_output() -> None:
    """Lets a terminal that cannot show │ show a question mark. Otherwise `say` would drop the whole line."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")


def say(line: str) -> None:
    """Prints a line and ignores a closed terminal, which must not keep the shop from stopping in order."""
    with suppress(OSError, ValueError):
        sys.stdout.write(f"{line}\n")
        sys.stdout.flush()
