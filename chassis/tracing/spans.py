"""Spans: what the current work is, and what a process records of it."""

import time
from collections.abc import Callable
from contextvars import ContextVar, Token
from datetime import datetime
from types import TracebackType
from typing import Any, NamedTuple, Self

from chassis.tracing.context import Context


class Finished(NamedTuple):
    """A span as it is recorded. Times are in nanoseconds since 1970. `parent_id` is empty for the root of a trace."""

    trace_id: str
    span_id: str
    parent_id: str
    kind: str
    name: str
    start: int
    end: int
    fields: dict[str, Any]


Record = Callable[[Finished], None]
_record: Record | None = None


def record_with(record: Record | None) -> None:
    """Passes all spans of this process to `record`, which must not raise. Without it, nothing is recorded."""
    global _record  # noqa: PLW0603 a process has one recorder, as it has one configuration of its logs
    _record = record


def is_on() -> bool:
    return _record is not None


class Span:
    """A piece of work. In a `with` statement it is the current one, and an exception is recorded as its error.

    A process that records nothing passes on the context that it was given, so that others can continue the trace.
    """

    def __init__(self, kind: str, name: str = "", parent: Context | None = None) -> None:
        self.kind = kind
        self.name = name
        self.fields: dict[str, Any] = {}
        self._start = time.time_ns()
        self.follow(parent)

    def follow(self, parent: Context | None) -> None:
        """Makes it a child of `parent`, or the root of a new trace. Call it before the span has children."""
        self._parent_id = parent.span_id if parent else ""
        self.context = parent or Context.new()
        if is_on():
            self.context = self.context.child()

    def began(self, moment: datetime) -> None:
        self._start = round(moment.timestamp() * 1_000_000) * 1000

    def end(self) -> None:
        if _record:
            trace_id, span_id, _ = self.context
            it = (trace_id, span_id, self._parent_id, self.kind, self.name, self._start, time.time_ns(), self.fields)
            _record(Finished(*it))

    def __enter__(self) -> Self:
        self._token: Token[Span | None] = _current.set(self)
        return self

    def __exit__(self, _kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        _current.reset(self._token)
        if error:
            self.fields["error"] = type(error).__name__
        self.end()


_current: ContextVar[Span | None] = ContextVar("span", default=None)


def begin(kind: str, traceparent: str | None = None) -> Span:
    """A span that continues the trace of `traceparent` and stays the current one of this thread."""
    it = Span(kind, parent=Context.read(traceparent))
    _current.set(it)
    return it


def span(kind: str, name: str) -> Span:
    """A child of the current span."""
    parent = _current.get()
    return Span(kind, name, parent.context if parent else None)


def leave() -> None:
    """What this thread does next belongs to no trace."""
    _current.set(None)


def current() -> Span | None:
    return _current.get()


def traceparent() -> str | None:
    """What the receiver of a message or a request needs to continue this trace. None outside of any span."""
    it = _current.get()
    return str(it.context) if it else None


def annotate(**fields: Any) -> None:
    """Adds `fields` to the current span."""
    if it := _current.get():
        it.fields |= fields


def record(kind: str, name: str, traceparent: str | None, start: int, **fields: Any) -> None:
    """A span that ends now, in the trace of another process. `start` is in nanoseconds since 1970."""
    if _record and (parent := Context.read(traceparent)):
        it = (parent.trace_id, parent.child().span_id, parent.span_id, kind, name, start, time.time_ns(), fields)
        _record(Finished(*it))
