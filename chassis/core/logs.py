"""Logs: one JSON line per event with its correlation ID, or readable lines on a terminal."""

import logging.config
import re
import secrets
import sys
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import structlog

from chassis import tracing
from chassis.core.text import legible

INDENT = " " * 4
TRACEBACKS = {"exception", "stack"}  # the only fields that may span several lines
CORRELATION_ID = re.compile(r"[A-Za-z0-9._-]{1,128}")


def correlate(candidate: str | None) -> str:
    """Binds an ID to this context and returns it: `candidate`, or a new ID if that is invalid. Binds the trace too."""
    valid = candidate is not None and CORRELATION_ID.fullmatch(candidate)
    correlation_id = candidate if candidate and valid else secrets.token_hex(16)
    trace = {"trace_id": span.context.trace_id} if (span := tracing.current()) else {}
    structlog.contextvars.bind_contextvars(correlation_id=correlation_id, **trace)
    tracing.annotate(correlation_id=correlation_id)
    return correlation_id


def bind(**fields: str) -> None:
    """Adds `fields` to all further log lines of this context and to its current span."""
    structlog.contextvars.bind_contextvars(**fields)
    tracing.annotate(**fields)


def correlation_id() -> str:
    """The ID bound to this context. Binds a new one if there is none."""
    bound = structlog.contextvars.get_contextvars().get("correlation_id")
    return str(bound) if bound else correlate(None)


class Stderr:
    """The logger below structlog. One of the standard library makes a record of each line: four times the CPU."""

    def __init__(self, name: str = "root") -> None:
        self.name = name

    def write(self, line: str) -> None:
        with suppress(AttributeError, OSError, ValueError):  # it was closed, or its disk is full
            sys.stderr.write(f"{line}\n")

    debug = info = warning = error = critical = write


def configure(process: str, env: Mapping[str, str]) -> dict[str, Any]:
    """Configures structlog, the standard library's loggers, and where spans are recorded.

    Returns the `dictConfig`, which gunicorn needs.
    """
    level, common, render = (env.get("LOG_LEVEL") or "INFO").upper(), _common(process), _render(env)
    config = _dict_config(level, common, render)
    logging.config.dictConfig(config)
    structlog.configure(
        processors=[*common, *render],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=Stderr,
    )
    tracing.configure(process, env)
    return config


def _common(process: str) -> list[Any]:
    def add_process(_logger: Any, _method: str, event: dict[str, Any]) -> dict[str, Any]:
        return {"process": process} | event

    return [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        add_process,
    ]


def format_of(env: Mapping[str, str]) -> str:
    """The format of the lines, `pretty` or `json`."""
    on_terminal = sys.stderr is not None and sys.stderr.isatty()  # None if it was closed before the start
    return env.get("LOG_FORMAT") or ("pretty" if on_terminal else "json")


def _render(env: Mapping[str, str]) -> list[Any]:
    if format_of(env) == "pretty":
        renderer = structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
        return [structlog.processors.format_exc_info, _make_legible, renderer]
    return [structlog.processors.format_exc_info, structlog.processors.JSONRenderer(default=str)]


def _shown(name: str, value: Any) -> Any:
    if name in TRACEBACKS:
        return INDENT + legible(value, keep="\n").replace("\n", f"\n{INDENT}")
    return legible(value) if isinstance(value, str) else value


def _make_legible(_logger: Any, _method: str, event: dict[str, Any]) -> dict[str, Any]:
    """Escapes control characters, so that a client cannot control the terminal or forge a line. JSON escapes anyway."""
    return {name: _shown(name, value) for name, value in event.items()}


def _dict_config(level: str, common: list[Any], render: list[Any]) -> dict[str, Any]:
    formatter = {
        "()": structlog.stdlib.ProcessorFormatter,
        "foreign_pre_chain": common,
        "processors": [structlog.stdlib.ProcessorFormatter.remove_processors_meta, *render],
    }
    to_stderr = {"class": "logging.StreamHandler", "formatter": "shop"}
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"shop": formatter},
        "handlers": {"stderr": to_stderr},
        "root": {"handlers": ["stderr"], "level": level},
        "loggers": {
            "gunicorn.error": {"level": level, "handlers": [], "propagate": True},
            "gunicorn.access": {"level": level, "handlers": [], "propagate": False},
            "botocore": {"level": "WARNING"},
        },
    }
