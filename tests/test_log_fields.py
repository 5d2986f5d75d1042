"""The log lines of the services and the chassis have only fields that docs/logs.md explains."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SOURCES = sorted(path for part in ("chassis", "services") for path in (ROOT / part).rglob("*.py"))
LEVELS = {"debug", "info", "warning", "error", "exception", "critical"}
ADDING = {"bind", "bind_contextvars"}  # to all further lines of a context
# What structlog adds to each line, or to one with `exc_info`.
COMMON = {"timestamp", "level", "logger", "process", "event", "exception"}
PAGE = (ROOT / "docs" / "logs.md").read_text(encoding="utf-8")
FIRST_CELLS = re.findall(r"^\| (`.*?) \|", PAGE, re.MULTILINE)
DOCUMENTED = {name for cell in FIRST_CELLS for name in re.findall(r"`(\w+)`", cell)}


def is_log_call(call: ast.Call) -> bool:
    """In `chassis/web/app.py`, `write` is the method for the line of a request."""
    func = call.func
    if isinstance(func, ast.Attribute):
        return func.attr in LEVELS and isinstance(func.value, ast.Name) and func.value.id == "log"
    return isinstance(func, ast.Name) and func.id == "write" and any(isinstance(it, ast.Constant) for it in call.args)


def adds_fields(call: ast.Call) -> bool:
    return isinstance(call.func, ast.Attribute) and call.func.attr in ADDING


def keys(node: ast.AST) -> set[str]:
    """Of all dictionaries within `node`."""
    found = [key for each in ast.walk(node) if isinstance(each, ast.Dict) for key in each.keys]
    return {str(key.value) for key in found if isinstance(key, ast.Constant)}


def unpacked(value: ast.expr, module: ast.Module) -> set[str]:
    """The keys of what stands behind `**`: a variable, a parameter of the same name, or the result of a function."""
    if isinstance(value, ast.Call):
        name = ast.unparse(value.func).rpartition(".")[2]
        functions = [each for each in ast.walk(module) if isinstance(each, ast.FunctionDef) and each.name == name]
        return {key for each in functions for key in keys(each)}
    assigned = [each for each in ast.walk(module) if isinstance(each, ast.Assign | ast.AnnAssign | ast.NamedExpr)]
    return {key for each in assigned if ast.unparse(value) in ast.unparse(each).split(" = ")[0] for key in keys(each)}


def fields_of(path: Path) -> Iterator[str]:
    module = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(module):
        if isinstance(node, ast.FunctionDef) and node.name == "log_fields":
            yield from keys(node)
        if isinstance(node, ast.Call) and (is_log_call(node) or adds_fields(node)):
            for keyword in node.keywords:
                yield from [keyword.arg] if keyword.arg else unpacked(keyword.value, module)


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_log_calls_use_only_documented_fields(path: Path) -> None:
    assert {*fields_of(path)} - {"exc_info"} - DOCUMENTED == set()


def test_every_documented_field_is_used() -> None:
    used = {name for path in SOURCES for name in fields_of(path)}
    assert len(used) > 20
    assert DOCUMENTED - COMMON - used == set()


def test_an_events_text_is_fixed_and_its_facts_are_fields() -> None:
    calls = [node for path in SOURCES for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))]
    texts = [node.args[0] for node in calls if isinstance(node, ast.Call) and is_log_call(node)]
    assert [ast.unparse(text) for text in texts if any(isinstance(it, ast.JoinedStr) for it in ast.walk(text))] == []
