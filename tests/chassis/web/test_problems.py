from decimal import Decimal
from typing import Annotated, Any

import pytest
import structlog
from flask import Response
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from werkzeug.exceptions import HTTPException
from werkzeug.routing import RequestRedirect

from chassis.core.errors import Conflict, Unavailable
from chassis.core.fields import Amount, Input, Matching, Model
from chassis.web import problems


class Nothing(BaseModel):
    model_config = ConfigDict(extra="forbid")


def test_domain_error_becomes_problem_with_its_status_and_members() -> None:
    answer = problems.response(Conflict("The total is 3 today.", totalPrice=3))
    assert (answer.status_code, answer.content_type) == (409, "application/problem+json")
    assert answer.get_json() == {
        "type": "about:blank",
        "title": "Conflict",
        "status": 409,
        "detail": "The total is 3 today.",
        "totalPrice": 3,
    }


def test_503_has_retry_after() -> None:
    assert problems.response(Unavailable("down")).headers["Retry-After"] == problems.RETRY_AFTER


def test_cause_of_503_is_logged_but_not_returned() -> None:
    error = Unavailable("DynamoDB does not answer.")
    error.__cause__ = ConnectionError("10.0.0.7 refused")
    with structlog.testing.capture_logs() as logged:
        answer = problems.response(error)
    assert "10.0.0.7" in logged[0]["cause"]
    assert "10.0.0.7" not in answer.get_data(as_text=True)


def test_long_name_of_an_unknown_field_is_cut() -> None:
    with pytest.raises(ValidationError) as raised:
        Nothing.model_validate({"x" * 60_000: 1})
    (field,) = problems.invalid(raised.value).members["errors"]
    assert len(field["pointer"]) == 200


def test_redirect_and_ready_response_are_returned_unchanged() -> None:
    assert problems.http_error(RequestRedirect("http://here/path/")).headers["Location"] == "http://here/path/"
    ready = Response(status=422)
    assert problems.http_error(HTTPException(response=ready)) is ready


def test_json_pointer_is_escaped() -> None:
    with pytest.raises(ValidationError) as raised:
        Nothing.model_validate({"a/b~c": 1})
    assert problems.invalid(raised.value).members["errors"][0]["pointer"] == "/a~1b~0c"


class Form(Input):
    name: str = Field("x", min_length=1, max_length=3)
    code: str = Field("xx", min_length=2)
    pieces: Annotated[int, Field(ge=1, le=9)] = 1
    price: Amount = Decimal(1)
    lines: list[int] = Field([1], min_length=1, max_length=2)


@pytest.mark.parametrize(
    ("given", "detail"),
    [
        ({"name": ""}, "must not be empty"),
        ({"name": "long"}, "must have 3 characters or less"),
        ({"name": 1}, "must be text"),
        ({"code": "x"}, "must have 2 characters or more"),
        ({"pieces": 0}, "must be 1 or more"),
        ({"pieces": 10}, "must be 9 or less"),
        ({"pieces": 1.5}, "must be a whole number"),
        ({"price": Decimal("0.001")}, "must have 2 decimals or less"),
        ({"lines": []}, "must not be empty"),
        ({"lines": [1, 2, 3]}, "must have 2 elements or less"),
        ({"lines": "x"}, "must be a list"),
        ({"other": 1}, "is not a known field; remove it"),
    ],
)
def test_what_is_wrong_with_a_field_is_said_in_words_that_its_sender_knows(given: dict[str, Any], detail: str) -> None:
    with pytest.raises(ValidationError) as wrong:
        Form.model_validate(given)
    (error,) = problems.invalid(wrong.value).members["errors"]
    assert error["detail"] == detail


def test_text_with_braces_is_shown_as_it_is() -> None:
    class Braces(Model):
        name: Annotated[str, Matching("[a-z]{2}", "must match [a-z]{2}")]

    with pytest.raises(ValidationError) as wrong:
        Braces.model_validate({"name": "1"})
    assert problems.invalid(wrong.value).members["errors"] == [{"pointer": "/name", "detail": "must match [a-z]{2}"}]
