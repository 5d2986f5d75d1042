from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

import pytest

from chassis.core.errors import Unavailable
from chassis.messaging.commands import Command, TaskRefused, answering, before_expiry
from chassis.messaging.consumer import Consumer
from chassis.tracing.spans import Finished
from tests.fakes import FakeDeadLetters, FakeReplies, FakeTasks, command_message

ENTERED = datetime(2026, 11, 26, 10, 15, 30, tzinfo=UTC)


class Paint(Command):
    SOURCE: ClassVar = "com.example.house"
    DETAIL_TYPE: ClassVar = "Paint"
    VERSION: ClassVar = 1

    wall: str


def painted(command: Paint) -> Mapping[str, Any]:
    return {"painted": command.wall}


def too_wet(_: Paint) -> Mapping[str, Any]:
    raise TaskRefused("TOO_WET", "The wall is wet.")


def busy(_: Paint) -> Mapping[str, Any]:
    raise Unavailable("The painter does not answer.")


def deliver(handler: Any, body: str) -> tuple[bool, list[str]]:
    """Whether the message may be deleted, and the reasons of dead letters."""
    dead = FakeDeadLetters()
    consumer = Consumer({Paint: handler}, dead, FakeReplies())
    answer = consumer.handle_batch({"Records": [{"messageId": "m-1", "body": body}]})
    return answer == {"batchItemFailures": []}, [sent["reason"] for sent in dead.sent]


def paint(**task: Any) -> str:
    return command_message(Paint, {"wall": "north"}, entered=ENTERED, **task)


def test_result_of_a_command_is_the_output_of_its_task() -> None:
    tasks = FakeTasks()
    assert deliver(answering(painted, tasks), paint(token="t-1")) == (True, [])
    assert tasks.answers == [("t-1", {"painted": "north"})]


def test_refused_command_fails_its_task_with_the_error_that_a_state_machine_catches() -> None:
    tasks = FakeTasks()
    assert deliver(answering(too_wet, tasks), paint(token="t-1")) == (True, [])
    assert tasks.answers == [("t-1", "TOO_WET")]


def test_command_that_cannot_be_handled_yet_is_not_answered_and_stays_in_its_queue() -> None:
    tasks = FakeTasks()
    assert deliver(answering(busy, tasks), paint()) == (False, [])
    assert tasks.answers == []


def test_command_whose_answer_does_not_arrive_stays_in_its_queue() -> None:
    tasks = FakeTasks()
    tasks.available = False
    assert deliver(answering(painted, tasks), paint()) == (False, [])


@pytest.mark.parametrize(("late", "answers"), [(0, 1), (60, 1), (60.001, 0)])
def test_command_is_ignored_once_its_task_has_timed_out(late: float, answers: int) -> None:
    tasks = FakeTasks()
    handler = before_expiry(answering(painted, tasks), lambda: ENTERED + timedelta(seconds=late))
    assert deliver(handler, paint(timeout=60)) == (True, [])
    assert len(tasks.answers) == answers


@pytest.mark.parametrize("length", [1500, 2048])
def test_longest_task_token_reaches_the_answer(length: int) -> None:
    tasks = FakeTasks()
    assert deliver(answering(painted, tasks), paint(token="t" * length)) == (True, [])
    assert tasks.answers == [("t" * length, {"painted": "north"})]


def test_command_without_a_task_goes_to_the_dead_letter_queue() -> None:
    body = command_message(Paint, {"wall": "north"}, entered=ENTERED).replace('"task"', '"tusk"')
    done, (reason,) = deliver(answering(painted, FakeTasks()), body)
    assert done
    assert reason.startswith("task")


def test_a_command_is_a_span_from_the_moment_its_step_was_entered(recorded: list[Finished]) -> None:
    deliver(answering(painted, FakeTasks()), paint())
    (span,) = recorded
    assert (span.kind, span.name, span.start) == ("step", "Paint", int(ENTERED.timestamp()) * 1_000_000_000)
