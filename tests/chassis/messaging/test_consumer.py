import json
from collections.abc import Callable
from decimal import Decimal, Inexact, InvalidOperation, Overflow
from typing import Annotated, Any, ClassVar

import pytest
import structlog
from boto3.dynamodb.types import TypeSerializer
from pydantic import AfterValidator

from chassis import tracing
from chassis.core.errors import Conflict, Unavailable
from chassis.core.events import EventData
from chassis.core.fields import Model
from chassis.messaging.consumer import Consumer
from chassis.tracing.spans import Finished
from tests.fakes import FakeDeadLetters, FakeReplies


def overflowing(size: int) -> int:
    """Raises OverflowError as date arithmetic does. pydantic does not catch it."""
    return int(10.0**size)


class Happened(EventData):
    SOURCE: ClassVar = "com.example"
    DETAIL_TYPE: ClassVar = "Happened"
    VERSION: ClassVar = 1

    name: str
    size: Annotated[int, AfterValidator(overflowing)] = 0


class OurRow(Model):
    version: int


def message(**data: Any) -> str:
    detail = {"metadata": {"version": 1, "correlation-id": "c-1"}, "data": {"name": "n"} | data}
    return json.dumps({"source": "com.example", "detail-type": "Happened", "detail": detail})


def handled(
    body: str, handler: Callable[[Happened], object], replies: FakeReplies | None = None
) -> tuple[bool, list[str], list[Any]]:
    """Whether the message may be deleted, the reasons of dead letters, and the log lines."""
    dead = FakeDeadLetters()
    record = {"messageId": "m-1", "body": body, "attributes": {"ApproximateReceiveCount": "3"}}
    with structlog.testing.capture_logs(processors=[structlog.contextvars.merge_contextvars]) as logged:
        answer = Consumer({Happened: handler}, dead, replies or FakeReplies()).handle_batch({"Records": [record]})
    return answer == {"batchItemFailures": []}, [sent["reason"] for sent in dead.sent], logged


def raising(error: Exception) -> Callable[[Happened], object]:
    def handler(_: Happened) -> None:
        raise error

    return handler


def reads_a_bad_row(_: Happened) -> None:
    OurRow.model_validate({"version": "none"})


@pytest.mark.parametrize(
    "handler",
    [
        raising(ValueError("a bug")),
        raising(UnicodeEncodeError("utf-8", "?", 0, 1, "a bug")),
        raising(KeyError("a bug")),
        raising(RecursionError("a bug")),
        raising(ZeroDivisionError("a bug")),
        reads_a_bad_row,
    ],
)
def test_bug_in_a_handler_makes_the_message_wait(handler: Callable[[Happened], object]) -> None:
    done, reasons, logged = handled(message(), handler)
    assert (done, reasons) == (False, [])
    (line,) = logged
    assert line["exc_info"], "the log has no traceback"
    assert (line["event"], line["message_id"], line["tries"]) == ("message failed", "m-1", "3")
    assert line["correlation_id"] == "c-1"


def too_exact(_: Happened) -> None:
    TypeSerializer().serialize(Decimal("1." + "1" * 40))


@pytest.mark.parametrize(
    ("handler", "reason"),
    [
        (raising(Conflict("Another one has its id.")), "Another one has its id."),
        (raising(OverflowError("date value out of range")), "a number or date is out of range: OverflowError"),
        (raising(InvalidOperation()), "a number or date is out of range: InvalidOperation"),
        (raising(Overflow()), "a number or date is out of range: Overflow"),
        (too_exact, f"a number or date is out of range: {Inexact.__name__}"),
    ],
)
def test_message_that_cannot_be_stored_goes_to_the_dead_letter_queue_with_its_reason(
    handler: Callable[[Happened], object], reason: str
) -> None:
    assert handled(message(), handler)[:2] == (True, [reason])


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (message(name=None), "name: Input should be a valid string"),
        (message(size=400), "a number or date is out of range: OverflowError"),
        ("[]", "message: Input should be a valid dictionary"),
        ('{"a": 1,}', "not JSON: Expecting property name enclosed in double quotes, line 1, column 9"),
        (message().replace("Happened", "Vanished"), "unknown event type: Vanished of com.example, version 1"),
    ],
)
def test_message_that_cannot_be_parsed_goes_to_the_dead_letter_queue_with_the_place(body: str, reason: str) -> None:
    done, reasons, _ = handled(body, lambda _: pytest.fail("the handler was called"))
    assert done
    assert [told.startswith(reason) for told in reasons] == [True], reasons


def test_log_of_a_retried_message_has_the_cause() -> None:
    error = Unavailable("DynamoDB cannot process the request now.")
    error.__cause__ = RuntimeError("throttled")
    done, reasons, logged = handled(message(), raising(error))
    assert (done, reasons) == (False, [])
    assert [(line["event"], line["cause"], line["tries"]) for line in logged] == [
        ("message will be retried", "RuntimeError('throttled')", "3")
    ]


def doctors_message(test: Any = "run-1", detail_type: str = "Happened") -> str:
    """A test message as doctor sends it: without data and version."""
    return json.dumps({"source": "com.example", "detail-type": detail_type, "detail": {"metadata": {"test": test}}})


def never(_: Happened) -> None:
    pytest.fail("a test message reached the handler")


def test_test_message_is_answered_and_not_handled() -> None:
    replies = FakeReplies()
    assert handled(doctors_message(), never, replies)[:2] == (True, [])
    assert replies.sent == [
        {
            "run": "run-1",
            "queue": "shop-queue",
            "source": "com.example",
            "detail_type": "Happened",
            "handled": True,
        }
    ]


def test_data_of_a_test_message_are_not_parsed() -> None:
    event = json.loads(message(name=None))
    event["detail"]["metadata"]["test"] = "run-1"
    assert handled(json.dumps(event), never, replies := FakeReplies())[:2] == (True, [])
    assert len(replies.sent) == 1


def test_test_message_of_a_type_without_handler_is_answered_as_not_handled() -> None:
    replies = FakeReplies()
    assert handled(doctors_message(detail_type="Vanished"), never, replies)[:2] == (True, [])
    assert [reply["handled"] for reply in replies.sent] == [False]


@pytest.mark.parametrize("test", [True, None, "", 1, {}, "x" * 65])
def test_malformed_test_value_goes_to_the_dead_letter_queue(test: Any) -> None:
    """The sender meant a test message, so it must not be handled as an event."""
    replies = FakeReplies()
    done, [reason], _ = handled(doctors_message(test), never, replies)
    assert done
    assert reason.startswith("detail.metadata.test: ")
    assert replies.sent == []


def test_test_message_that_cannot_be_answered_is_dropped() -> None:
    replies = FakeReplies()
    replies.down = True
    done, reasons, logged = handled(doctors_message(), never, replies)
    assert (done, reasons) == (True, [])
    assert [(line["event"], line["run"]) for line in logged] == [("test message not answered", "run-1")]


TRACEPARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


def traced_message() -> str:
    body = json.loads(message())
    body["detail"]["metadata"]["traceparent"] = TRACEPARENT
    return json.dumps(body)


class Subject(Happened):
    def log_fields(self) -> dict[str, str]:
        return {"subject": self.name}


def test_a_message_is_a_span_of_its_senders_trace(recorded: list[Finished]) -> None:
    handled(traced_message(), lambda _: None)
    (span,) = recorded
    assert (span.trace_id, span.parent_id) == tuple(TRACEPARENT.split("-")[1:3])
    assert (span.kind, span.name, span.fields) == ("message", "Happened", {"correlation_id": "c-1"})


def test_a_message_that_is_put_back_continues_its_trace(recorded: list[Finished]) -> None:
    """A dead letter has the whole message."""
    dead = FakeDeadLetters()
    record = {"messageId": "m-1", "body": traced_message()}
    Consumer({Happened: raising(Conflict("no"))}, dead, FakeReplies()).handle_batch({"Records": [record]})
    handled(dead.sent[0]["body"], lambda _: None)
    failed, retried = recorded
    assert failed.fields == {"correlation_id": "c-1", "error": "Conflict", "message_id": "m-1", "tries": None}
    assert failed[:1] + failed[2:3] == retried[:1] + retried[2:3] == tuple(TRACEPARENT.split("-")[1:3])


def test_events_of_a_handler_continue_the_trace_even_if_nothing_is_recorded() -> None:
    seen: list[str | None] = []
    handled(traced_message(), lambda _: seen.append(tracing.traceparent()))
    assert seen == [TRACEPARENT]


def test_lines_and_span_of_a_message_have_the_ids_of_its_data(recorded: list[Finished]) -> None:
    record = {"messageId": "m-1", "body": traced_message()}
    with structlog.testing.capture_logs(processors=[structlog.contextvars.merge_contextvars]) as logged:
        Consumer({Subject: raising(Unavailable("down"))}, FakeDeadLetters(), FakeReplies()).handle_batch(
            {"Records": [record]}
        )
    (line,) = logged
    assert (line["subject"], line["correlation_id"], line["trace_id"]) == ("n", "c-1", TRACEPARENT.split("-")[1])
    assert recorded[0].fields["subject"] == "n"


@pytest.mark.parametrize("metadata", [{}, {"traceparent": 7}, {"traceparent": "x"}, [], None, "text"])
def test_a_message_without_a_valid_trace_begins_one(metadata: Any, recorded: list[Finished]) -> None:
    body = json.loads(message())
    body["detail"]["metadata"] = metadata
    handled(json.dumps(body), lambda _: None)
    assert [span.parent_id for span in recorded] == [""]


@pytest.mark.parametrize(
    ("body", "handler", "name"),
    [
        (message(), lambda _: None, "MessagesHandled"),
        (message(), raising(Unavailable("No answer.")), "MessagesRetried"),
        (message(), raising(KeyError("a bug")), "MessagesRetried"),
        (message(), raising(Conflict("Another one has its id.")), "DeadLettersConflicting"),
        (message(), raising(OverflowError()), "DeadLettersOutOfRange"),
        ("{", lambda _: None, "DeadLettersUnreadable"),
    ],
)
def test_each_outcome_is_counted_with_its_class(
    body: str, handler: Callable[[Happened], object], name: str, measurements: Callable[[], dict[str, Any]]
) -> None:
    handled(body, handler)
    assert measurements() == {name: 1}
