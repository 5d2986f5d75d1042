"""Commands that the tools suggest can be typed in the clone, where `shop` is not on the PATH."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from typer.main import get_command

from shop import cli
from shop.output import command
from tests.environment import ROOT

COMMANDS = get_command(cli.app)
PLAIN = re.compile(rf"(?<!/)(?<!the )\bshop (?:{'|'.join(COMMANDS.commands)})\b")  # type: ignore[attr-defined]
SOURCES = [path for folder in ("shop", "load", "bootstrap") for path in (ROOT / folder).rglob("*.py")]


def printed(path: Path) -> Iterator[str]:
    """The strings of a module, without docstrings and other expressions that only stand there."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    unused = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in unused:
            yield node.value


def helped(its: Any) -> Iterator[str]:
    """The texts of `--help`, of a command and those below it."""
    yield its.help or ""
    yield from (getattr(parameter, "help", None) or "" for parameter in its.params)
    for below in getattr(its, "commands", {}).values():
        yield from helped(below)


def test_no_text_of_a_tool_suggests_shop_without_its_folder() -> None:
    texts = [text for path in SOURCES for text in printed(path)]
    assert len(texts) > 1000
    assert [text for text in [*texts, *helped(COMMANDS)] if PLAIN.search(text)] == []


def test_a_command_for_a_shop_on_aws_says_so() -> None:
    assert command("stack up") == "`.venv/bin/shop stack up`"
    assert command("stack up", aws=True) == "`.venv/bin/shop stack up --aws`"
