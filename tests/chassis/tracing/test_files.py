import json
import sys
from pathlib import Path
from typing import Any

import pytest

from chassis import tracing
from chassis.tracing.files import SpanFile
from chassis.tracing.spans import Finished

SPAN = Finished("t", "s", "p", "call", "DynamoDB.GetItem", 1, 2, {"on": "shop-order"})


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_a_span_is_one_line_as_soon_as_it_ends(tmp_path: Path) -> None:
    SpanFile(tmp_path / "trace" / "basket.jsonl", "basket").record(SPAN)
    assert lines(tmp_path / "trace" / "basket.jsonl") == [{"process": "basket"} | SPAN._asdict()]


def test_the_files_of_a_process_stay_below_twice_the_limit(tmp_path: Path) -> None:
    path = tmp_path / "basket.jsonl"
    file = SpanFile(path, "basket", limit=1000)
    for number in range(100):
        file.record(SPAN._replace(start=number))
    assert {it.name for it in tmp_path.iterdir()} == {"basket.jsonl", "basket.jsonl.1"}
    assert sum(it.stat().st_size for it in tmp_path.iterdir()) < 2 * 1200
    kept = [line["start"] for it in ("basket.jsonl.1", "basket.jsonl") for line in lines(tmp_path / it)]
    assert kept == [*range(100 - len(kept), 100)]


def test_two_processes_that_share_a_file_begin_the_new_one_once(tmp_path: Path) -> None:
    path = tmp_path / "basket.jsonl"
    files = [SpanFile(path, "basket", limit=1500) for _ in range(2)]
    for number in range(24):
        files[number % 2].record(SPAN._replace(start=number))
    kept = [line["start"] for it in (tmp_path / "basket.jsonl.1", path) for line in lines(it)]
    assert sorted(kept) == [*range(24)]


def test_a_folder_that_cannot_be_written_costs_no_request_and_is_named_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").touch()
    spans = SpanFile(tmp_path / "file" / "basket.jsonl", "basket")
    for _ in range(3):
        spans.record(SPAN)
    (line,) = caplog.messages
    assert str(tmp_path / "file" / "basket.jsonl") in line


def test_an_endpoint_without_opentelemetry_is_a_warning_and_no_error(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry", None)
    tracing.configure("basket", {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318"})
    assert not tracing.is_on()
    assert "`uv sync --group otlp` installs it" in caplog.text


@pytest.mark.parametrize("setting", [None, "", "off"])
def test_nothing_is_recorded_unless_a_folder_is_named(setting: str | None) -> None:
    tracing.configure("basket", {} if setting is None else {"SHOP_TRACE": setting})
    assert not tracing.is_on()


def test_a_folder_that_is_named_gets_a_file_for_each_process(tmp_path: Path) -> None:
    tracing.configure("basket", {"SHOP_TRACE": str(tmp_path)})
    with tracing.Span("request", "GET /"):
        pass
    assert [it.name for it in tmp_path.iterdir()] == ["basket.jsonl"]
