"""Sends spans to an OTLP endpoint, with the SDK and the exporter of OpenTelemetry (the dependency group `otlp`).

The SDK reads its settings itself, such as OTEL_EXPORTER_OTLP_HEADERS, OTEL_BSP_MAX_QUEUE_SIZE or
OTEL_RESOURCE_ATTRIBUTES ("OpenTelemetry Environment Variable Specification").
"""

import atexit
from threading import Lock

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import SERVICE_NAME, Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import SpanContext, SpanKind, Status, StatusCode, TraceFlags

from chassis.tracing.spans import Finished

KINDS = {
    "request": SpanKind.SERVER,
    "call": SpanKind.CLIENT,
    "message": SpanKind.CONSUMER,
    "step": SpanKind.CONSUMER,
    "relay": SpanKind.PRODUCER,
}


class Otlp:
    """Sends the spans of one process in batches, from a thread of its own. A full queue drops spans.

    The thread starts with the first span, so none exists when gunicorn forks.
    """

    def __init__(self, process: str) -> None:
        self._resource = Resource.create({SERVICE_NAME: process})
        self._lock = Lock()
        self._started: BatchSpanProcessor | None = None

    def record(self, span: Finished) -> None:
        self._processor().on_end(self._readable(span))

    def _processor(self) -> BatchSpanProcessor:
        with self._lock:
            if self._started is None:
                self._started = BatchSpanProcessor(OTLPSpanExporter())
                atexit.register(self._started.shutdown)
            return self._started

    def _readable(self, span: Finished) -> ReadableSpan:
        parent = _context(span.trace_id, span.parent_id, is_remote=span.kind != "call") if span.parent_id else None
        failed = "error" in span.fields or int(span.fields.get("status", 0)) >= 500
        return ReadableSpan(
            span.name,
            _context(span.trace_id, span.span_id, is_remote=False),
            parent,
            self._resource,
            {name: value for name, value in span.fields.items() if value is not None},
            kind=KINDS.get(span.kind, SpanKind.INTERNAL),
            status=Status(StatusCode.ERROR if failed else StatusCode.UNSET),
            start_time=span.start,
            end_time=span.end,
        )


def _context(trace_id: str, span_id: str, *, is_remote: bool) -> SpanContext:
    return SpanContext(int(trace_id, 16), int(span_id, 16), is_remote, TraceFlags(TraceFlags.SAMPLED))
