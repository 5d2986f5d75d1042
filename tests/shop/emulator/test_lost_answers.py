"""Which answers are lost, and for how long."""

import asyncio
from typing import Any

import pytest

from shop.emulator.lost_answers import CUT_OFF, SECONDS, LostAnswers

ANSWERED = {"type": "http.response.start", "status": 200, "headers": []}
PUT, DELETE = "DynamoDB_20120810.PutItem", "AmazonSQS.DeleteMessageBatch"
READ = "DynamoDB_20120810.GetItem"


class Emulator:
    """Counts what took effect, behind the application that loses answers. `now` is its clock."""

    def __init__(self) -> None:
        self.effects: list[str] = []
        self.now = 0.0
        self.lost_answers = LostAnswers(self._app, lambda: self.now)

    async def _app(self, scope: Any, _receive: Any, send: Any) -> None:
        self.effects += [value.decode() for _, value in scope["headers"]]
        await send(ANSWERED)

    def answers(self, operation: str) -> bool:
        """Calls it, and says whether the answer arrived."""
        sent: list[Any] = []

        async def send(message: Any) -> None:
            sent.append(message)

        named = [(b"X-Amz-Target", operation.encode())] if operation else []
        asyncio.run(self.lost_answers({"type": "http", "headers": named}, None, send))  # type: ignore[arg-type] # not read
        assert sent in ([ANSWERED], [CUT_OFF])
        return sent == [ANSWERED]


@pytest.fixture
def emulator() -> Emulator:
    return Emulator()


def test_every_answer_arrives_before_it_begins(emulator: Emulator) -> None:
    assert [emulator.answers(PUT) for _ in range(4)] == [True] * 4


def test_every_second_answer_of_an_operation_is_lost_after_its_effect(emulator: Emulator) -> None:
    emulator.lost_answers.begin()
    calls = [PUT, DELETE, PUT, PUT, DELETE]
    assert [emulator.answers(each) for each in calls] == [False, False, True, False, True]
    assert emulator.effects == calls


def test_the_first_write_loses_its_answer_each_time_that_it_begins(emulator: Emulator) -> None:
    for _ in range(2):
        emulator.lost_answers.begin()
        assert not emulator.answers(PUT)


@pytest.mark.parametrize("operation", [READ, "AmazonSQS.ReceiveMessage", ""])
def test_reads_and_calls_without_a_named_operation_are_answered(emulator: Emulator, operation: str) -> None:
    emulator.lost_answers.begin()
    assert [emulator.answers(operation) for _ in range(3)] == [True] * 3


def test_it_ends_after_its_time(emulator: Emulator) -> None:
    emulator.lost_answers.begin()
    emulator.now = SECONDS - 0.1
    assert not emulator.answers(PUT)
    emulator.now = SECONDS
    assert [emulator.answers(PUT) for _ in range(3)] == [True] * 3
