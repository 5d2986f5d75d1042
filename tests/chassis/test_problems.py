import pytest

from chassis import problems
from chassis.errors import Conflict, Unavailable


def test_an_error_becomes_its_status_and_carries_its_members() -> None:
    answer = problems.response(Conflict("The total is 3 today.", totalPrice=3))
    assert (answer.status_code, answer.content_type) == (409, "application/problem+json")
    assert answer.get_json() == {
        "type": "about:blank",
        "title": "Conflict",
        "status": 409,
        "detail": "The total is 3 today.",
        "totalPrice": 3,
    }


def test_unavailable_says_when_to_try_again() -> None:
    assert problems.response(Unavailable("down")).headers["Retry-After"] == problems.RETRY_AFTER


@pytest.mark.parametrize("status", ["400", "413", "415", "422", "503"])
def test_every_route_documents_what_any_route_may_answer(status: str) -> None:
    assert status in problems.COMMON
