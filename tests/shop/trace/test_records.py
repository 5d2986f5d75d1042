import json
from pathlib import Path

from chassis.tracing.files import SpanFile
from chassis.tracing.spans import Finished
from shop.trace.records import Recorded, read, traces_of, tree

TRACE, OTHER = "4bf92f3577b34da6a3ce929d0e0e4736", "a3ce929d0e0e47364bf92f3577b34da6"


def finished(span_id: str, parent_id: str = "", trace_id: str = TRACE, start: int = 0, **fields: str) -> Finished:
    return Finished(trace_id, span_id, parent_id, "call", span_id, start, start + 1, fields)


def span(span_id: str, parent_id: str = "", start: int = 0, trace_id: str = TRACE) -> Recorded:
    return Recorded(process="basket", **finished(span_id, parent_id, trace_id, start)._asdict())


def test_a_trace_is_found_in_all_files_by_any_of_its_ids(tmp_path: Path) -> None:
    SpanFile(tmp_path / "basket.jsonl", "basket").record(finished("a", correlation_id="c-1"))
    consumer = SpanFile(tmp_path / "consumer.jsonl", "consumer", limit=1)
    consumer.record(finished("b", "a", order_id="o-1"))
    consumer.record(finished("c", "b"))
    consumer.record(finished("x", trace_id=OTHER, order_id="o-2"))
    assert {path.name for path in tmp_path.iterdir()} == {"basket.jsonl", "consumer.jsonl", "consumer.jsonl.1"}
    for wanted in ("c-1", TRACE):
        assert [it.span_id for it in read(tmp_path, wanted)] == ["a", "c"]  # b was in the file before the last
    assert [it.span_id for it in read(tmp_path, "o-2")] == ["x"]


def test_an_id_within_another_text_finds_nothing(tmp_path: Path) -> None:
    SpanFile(tmp_path / "basket.jsonl", "basket").record(finished("a", correlation_id="c-12"))
    assert read(tmp_path, "c-1") == []


def test_a_line_that_is_being_written_is_left_out(tmp_path: Path) -> None:
    line = json.dumps({"process": "basket"} | finished("a")._asdict())
    (tmp_path / "basket.jsonl").write_text(f"{line}\n{line[:-9]}")
    assert len(read(tmp_path, TRACE)) == 1


def test_without_any_file_there_is_no_span(tmp_path: Path) -> None:
    assert read(tmp_path / "none", TRACE) == []


def test_traces_and_their_spans_are_in_the_sequence_of_their_starts() -> None:
    spans = [span("c", start=3), span("b", start=2, trace_id=OTHER), span("a", start=4)]
    assert [[it.span_id for it in trace] for trace in traces_of(spans)] == [["b"], ["c", "a"]]


def test_spans_without_a_recorded_parent_get_one_that_stands_for_it() -> None:
    (first, second) = tree([span("a", "lost", 1), span("b", "a", 2), span("c", "lost", 3), span("d", "", 4)])
    assert first.span is None
    assert [child.span and child.span.span_id for child in first.children] == ["a", "c"]
    assert second.span
    assert second.span.span_id == "d"
