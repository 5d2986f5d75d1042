import contextvars
import math

import pytest

from chassis.core import deadline
from chassis.core.errors import Unavailable


def test_remaining_is_infinite_without_a_deadline() -> None:
    assert contextvars.Context().run(deadline.remaining) == math.inf


def test_attempts_continue_until_the_deadline_and_then_raise() -> None:
    def attempt() -> None:
        deadline.start(0.5)
        counts: list[int] = []
        with pytest.raises(Unavailable):
            counts.extend(deadline.attempts(pause=0.001))
        assert len(counts) > 1

    contextvars.Context().run(attempt)


def test_first_attempt_is_immediate_and_pauses_grow_to_a_limit() -> None:
    pauses: list[float] = []
    for count in deadline.attempts(pause=0.02, sleep=pauses.append):
        if count == 0:
            assert pauses == []
        if count == 30:
            break
    assert all(0 <= pause <= deadline.LONGEST_PAUSE for pause in pauses)
    assert max(pauses[:2]) <= 0.08 < max(pauses)
    assert len(set(pauses)) == len(pauses)  # jitter: two requests that collide do not collide again


def test_no_attempt_starts_after_the_deadline() -> None:
    def attempt() -> None:
        deadline.start(0)
        with pytest.raises(Unavailable):
            next(deadline.attempts())

    contextvars.Context().run(attempt)


def test_limited_handler_has_a_deadline_that_ends_with_it() -> None:
    def handle(message: str) -> tuple[str, float]:
        return message, deadline.remaining()

    context = contextvars.Context()
    message, left = context.run(deadline.limited(handle, 10.0), "m-1")
    assert message == "m-1"
    assert 9 < left <= 10
    assert context.run(deadline.remaining) == math.inf


def test_limited_handler_keeps_an_earlier_deadline_of_its_context() -> None:
    context = contextvars.Context()
    context.run(deadline.start, 3.0)
    assert context.run(deadline.limited(lambda _: deadline.remaining(), 10.0), "m-1") <= 3
