"""Traces: where the current work stands in its trace (W3C Trace Context), and the spans that a process records."""

from chassis.tracing.context import Context
from chassis.tracing.setup import configure
from chassis.tracing.spans import Span, annotate, begin, current, is_on, leave, record, span, traceparent

__all__ = [
    "Context", "Span", "annotate", "begin", "configure", "current", "is_on", "leave", "record", "span", "traceparent",
]  # fmt: skip
