"""What the `dlq` commands can be told."""

import argparse
from collections.abc import Callable

from bootstrap import dlq
from bootstrap.hand import EVERYTHING

_SHOWN = 20


def add_dlq(add: Callable[..., argparse.ArgumentParser], shared: argparse.ArgumentParser) -> None:
    parser = add("dlq", help="the dead-letter queues: list, show, redrive, drop")
    add = parser.add_subparsers(title="commands", required=True, metavar="COMMAND").add_parser
    listing = add("list", parents=[shared], help="every dead-letter queue: how many wait, since when, the alarm")
    listing.set_defaults(run=dlq.list_queues)
    _add_show(add("show", parents=[shared], help="the messages, and why each is there"))
    _add_redrive(add("redrive", parents=[shared], help="put messages back to where they failed"))
    _add_drop(add("drop", parents=[shared], help="print messages and delete them for good"))


def _add_show(show: argparse.ArgumentParser) -> None:
    _add_queue(show)
    show.add_argument("--message", action="append", default=[], metavar="ID", help="only this one (may be repeated)")
    show.add_argument("--limit", type=_count, default=_SHOWN, help=f"of each queue at most so many ({_SHOWN})")
    show.add_argument("--body", action="store_true", help="the whole bodies as well: they hold personal data")
    show.set_defaults(run=dlq.show)


def _add_redrive(redrive: argparse.ArgumentParser) -> None:
    _add_queue(redrive)
    which = redrive.add_mutually_exclusive_group(required=True)
    which.add_argument("--message", action="append", default=[], metavar="ID", help="this one (may be repeated)")
    which.add_argument("--limit", type=_count, help="at most so many, any of them: a trial")
    which.add_argument("--all", action="store_true", help="all that are there now")
    redrive.set_defaults(run=dlq.redrive)


def _add_drop(drop: argparse.ArgumentParser) -> None:
    _add_queue(drop)
    drop.add_argument("--message", action="append", required=True, metavar="ID", help="this one (may be repeated)")
    drop.add_argument("--really-aws", action="store_true", help="destroy even where it is no emulator")
    drop.set_defaults(run=dlq.drop)


def _add_queue(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("queue", nargs="?", metavar="QUEUE", help="its name, with or without the stack's (all of them)")


def _count(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 0 < int(text) <= EVERYTHING):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 1 to {EVERYTHING}")
    return int(text)
