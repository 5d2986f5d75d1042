"""Needs the dependency group `otlp`: `make test-otlp`."""

import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest

from tests.environment import ROOT, free_port

pytest.importorskip("opentelemetry.sdk", reason="OpenTelemetry is not installed: `make test-otlp` does that")
TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
WORK = f"""
import os
from chassis import tracing
tracing.configure("basket", os.environ)
with tracing.Span("request", "POST /", tracing.Context.read("00-{TRACE}-{PARENT}-01")) as outer:
    outer.fields |= {{"status": 503, "correlation_id": "c-1", "tries": None}}
    with tracing.span("call", "DynamoDB.GetItem"):
        pass
"""


class Receiver:
    """An OTLP endpoint."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        self.headers: list[Mapping[str, str]] = []
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                receiver.headers.append({"path": self.path} | dict(self.headers))
                receiver.bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Logs nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    it = Receiver()
    thread = Thread(target=it.server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield it
    it.server.shutdown()
    thread.join()
    it.server.server_close()


def run(**env: str) -> None:
    """A process that does some work and ends."""
    subprocess.run([sys.executable, "-c", WORK], env=env, cwd=ROOT, check=True, timeout=60)


def received(receiver: Receiver) -> tuple[dict[str, str], list[Any]]:
    """The attributes of the resource, and the spans."""
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest  # noqa: PLC0415

    (body,) = receiver.bodies
    (found,) = ExportTraceServiceRequest.FromString(body).resource_spans
    attributes = {it.key: it.value.string_value for it in found.resource.attributes}
    return attributes, [*found.scope_spans[0].spans]


def test_spans_arrive_at_the_endpoint_before_the_process_ends(receiver: Receiver) -> None:
    run(OTEL_EXPORTER_OTLP_ENDPOINT=receiver.url, OTEL_EXPORTER_OTLP_HEADERS="authorization=secret")
    assert (receiver.headers[0]["path"], receiver.headers[0]["authorization"]) == ("/v1/traces", "secret")
    resource, (call, request) = received(receiver)
    assert resource["service.name"] == "basket"
    assert (request.trace_id.hex(), request.parent_span_id.hex(), request.name) == (TRACE, PARENT, "POST /")
    assert (call.trace_id.hex(), call.parent_span_id) == (TRACE, request.span_id)
    assert request.start_time_unix_nano <= call.start_time_unix_nano <= call.end_time_unix_nano
    assert (request.kind, call.kind) == (2, 3)  # server and client
    assert (request.status.code, call.status.code) == (2, 0)  # an error, and not set
    assert {it.key for it in request.attributes} == {"status", "correlation_id"}


def test_nothing_is_sent_without_an_endpoint(receiver: Receiver) -> None:
    run(OTEL_EXPORTER_OTLP_HEADERS="authorization=secret")
    assert receiver.bodies == []


def test_a_process_ends_even_if_nothing_answers_at_the_endpoint() -> None:
    began = time.monotonic()
    run(OTEL_EXPORTER_OTLP_ENDPOINT=f"http://127.0.0.1:{free_port()}")
    assert time.monotonic() - began < 20
