"""A deployed shop, as `shop doctor` and `shop dlq` work with it."""

import sys
from dataclasses import dataclass

from bootstrap.aws import Aws, Say, connect
from bootstrap.names import Names
from chassis.core.text import legible
from shop.output import LINES, command
from shop.target import enter


@dataclass(frozen=True)
class Connection:
    """`out` prints results, `say` prints progress."""

    aws: Aws
    names: Names
    out: Say
    say: Say

    def command(self, words: str) -> str:
        """How to type a command of `shop` for this shop."""
        return command(words, aws=not self.aws.emulator)


def open_connection(*, on_aws: bool) -> Connection:
    """To the shop on this machine, or with `on_aws` to the one in the account of this shell."""
    env = enter(aws=on_aws)
    return Connection(connect(env, say), Names(env["SHOP_NAME"]), out, say)


def out(text: str) -> None:
    """Others wrote much of it: messages, and what AWS or an emulator answered."""
    sys.stdout.write(f"{legible(text, keep=LINES)}\n")
    sys.stdout.flush()


def say(text: str) -> None:
    sys.stderr.write(f"{legible(text, keep=LINES)}\n")
    sys.stderr.flush()
