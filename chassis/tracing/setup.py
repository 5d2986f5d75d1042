"""Decides from the environment where the spans of a process go."""

import logging
from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path

from chassis.tracing.files import SpanFile
from chassis.tracing.spans import Finished, Record, record_with

OFF = "off"
ENDPOINTS = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")

log = logging.getLogger(__name__)


def configure(process: str, env: Mapping[str, str]) -> None:
    """Without any of these settings, nothing is recorded.

    SHOP_TRACE names a folder for files of spans, unless it is `off`. One of `ENDPOINTS` names an OTLP endpoint.
    """
    recorders = [*_recorders(process, env)]

    def record_all(span: Finished) -> None:
        for record in recorders:
            record(span)

    record_with(recorders[0] if len(recorders) == 1 else record_all if recorders else None)


def _recorders(process: str, env: Mapping[str, str]) -> Iterator[Record]:
    if (folder := env.get("SHOP_TRACE") or OFF) != OFF:
        yield SpanFile(Path(folder) / f"{process}.jsonl", process).record
    if not any(env.get(name) for name in ENDPOINTS):
        return
    if find_spec("opentelemetry") is None or find_spec("opentelemetry.sdk") is None:
        log.warning("spans are not sent: OpenTelemetry is not installed. `uv sync --group otlp` installs it.")
        return
    from chassis.tracing.otlp import Otlp  # noqa: PLC0415 it is optional, and costs time to load

    yield Otlp(process).record
