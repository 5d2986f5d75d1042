import time
from datetime import UTC, datetime

import pytest

from chassis import tracing
from chassis.tracing import Context, Span
from chassis.tracing.spans import Finished

GIVEN = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00"


def test_spans_are_nested_and_end_from_the_inside(recorded: list[Finished]) -> None:
    with Span("request", "outer"), tracing.span("call", "inner") as inner:
        inner.fields["on"] = "a table"
    first, second = recorded
    assert (first.name, second.name, first.kind) == ("inner", "outer", "call")
    assert (first.trace_id, first.parent_id) == (second.trace_id, second.span_id)
    assert second.parent_id == ""
    assert second.start <= first.start <= first.end <= second.end
    assert first.fields == {"on": "a table"}
    assert tracing.traceparent() is None


def test_a_span_continues_the_trace_that_it_is_given(recorded: list[Finished]) -> None:
    span = tracing.begin("request", GIVEN)
    assert tracing.traceparent() == f"00-{GIVEN.split('-')[1]}-{span.context.span_id}-01"
    span.end()
    assert recorded[0][:3] == (GIVEN.split("-")[1], span.context.span_id, GIVEN.split("-")[2])


@pytest.mark.usefixtures("recorded")
def test_an_invalid_header_begins_a_new_trace() -> None:
    assert tracing.begin("request", "nonsense").context.trace_id != GIVEN.split("-")[1]


def test_a_process_that_records_nothing_passes_on_what_it_got() -> None:
    tracing.begin("request", GIVEN)
    with tracing.span("call", "inner"):
        assert tracing.traceparent() == GIVEN


def test_an_exception_is_recorded_and_raised(recorded: list[Finished]) -> None:
    with pytest.raises(ZeroDivisionError), Span("message"):
        _ = 1 / 0
    assert recorded[0].fields == {"error": "ZeroDivisionError"}


def test_annotations_go_to_the_current_span(recorded: list[Finished]) -> None:
    tracing.annotate(lost="outside of any span")
    with Span("request"):
        tracing.annotate(status=202)
        with tracing.span("call", "inner"):
            tracing.annotate(retries=1)
    assert [span.fields for span in recorded] == [{"retries": 1}, {"status": 202}]


def test_a_span_can_begin_before_this_process_knew_of_it(recorded: list[Finished]) -> None:
    with Span("step") as span:
        span.began(datetime(2026, 11, 26, 10, 15, 30, 123_000, UTC))
    assert recorded[0].start == 1_795_688_130_123_000_000


def test_a_span_of_another_processs_trace_is_recorded_at_its_end(recorded: list[Finished]) -> None:
    began = time.time_ns()
    tracing.record("relay", "Happened", GIVEN, began, event_id="e-1")
    (span,) = recorded
    assert (span.trace_id, span.parent_id, span.start) == (GIVEN.split("-")[1], GIVEN.split("-")[2], began)
    assert span.end >= began


def test_work_outside_of_every_trace_is_not_recorded(recorded: list[Finished]) -> None:
    tracing.record("relay", "Happened", None, 0)
    assert recorded == []


def test_a_span_follows_its_message_once_that_is_read(recorded: list[Finished]) -> None:
    with Span("message") as span:
        span.follow(Context.read(GIVEN))
    assert (recorded[0].trace_id, recorded[0].parent_id) == tuple(GIVEN.split("-")[1:3])
