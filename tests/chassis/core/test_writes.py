from collections.abc import Callable

import pytest

from chassis.core import deadline
from chassis.core.errors import Conflict, DomainError, Invalid, NotFound, PreconditionFailed, Refused, Unavailable
from chassis.core.writes import Attempts

UNKNOWN = Unavailable("It is not known whether the write took effect.")
DENIALS = [Unavailable("x"), Refused("x"), Conflict("x"), NotFound("x"), PreconditionFailed("x")]
Step = Callable[[Attempts], object]


def written(error: Exception) -> Step:
    """An attempt that ends in `error`."""

    def save() -> bool:
        raise error

    return lambda attempts: attempts.write(save)


def lost_race(attempts: Attempts) -> None:
    assert not attempts.write(lambda: False)


def raising(error: Exception) -> Step:
    def step(_attempts: Attempts) -> None:
        raise error

    return step


def error_after(*steps: Step) -> BaseException:
    with pytest.raises(Exception) as caught, Attempts(UNKNOWN) as attempts:  # noqa: PT011, PT012 the tests look at it
        for step in steps:
            step(attempts)
    return caught.value


UNANSWERED = written(Unavailable("no answer"))


@pytest.mark.parametrize("error", DENIALS, ids=lambda error: type(error).__name__)
def test_after_an_unanswered_attempt_errors_become_unknown_outcome(error: DomainError) -> None:
    reported = error_after(UNANSWERED, raising(error))
    assert reported is UNKNOWN
    assert reported.__cause__ is error


@pytest.mark.parametrize("error", DENIALS, ids=lambda error: type(error).__name__)
def test_after_lost_races_errors_are_raised_unchanged(error: DomainError) -> None:
    assert error_after(lost_race, raising(error)) is error


def test_error_about_the_request_is_raised_unchanged() -> None:
    error = Invalid("This key was used with another request.")
    assert error_after(UNANSWERED, raising(error)) is error


def test_refusal_ends_the_attempts_and_is_raised_unless_an_earlier_one_was_unanswered() -> None:
    refusal = Refused("too busy")
    assert error_after(written(refusal)) is refusal
    assert error_after(UNANSWERED, written(refusal)) is UNKNOWN


def test_errors_are_raised_unchanged_after_none_took_effect() -> None:
    error = NotFound("x")
    assert error_after(UNANSWERED, Attempts.none_took_effect, raising(error)) is error


def test_bug_is_raised_unchanged() -> None:
    bug = ZeroDivisionError()
    assert error_after(UNANSWERED, written(bug)) is bug


@pytest.mark.parametrize(("step", "message"), [(lost_race, "too busy"), (UNANSWERED, "not known")])
def test_attempts_end_at_the_deadline(step: Step, message: str) -> None:
    deadline.start(0.1)

    def until_the_end(attempts: Attempts) -> None:
        for _ in attempts:
            step(attempts)

    assert message in str(error_after(until_the_end))
