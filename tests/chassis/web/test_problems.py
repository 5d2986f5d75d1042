import pytest
import structlog
from flask import Response
from pydantic import BaseModel, ConfigDict, ValidationError
from werkzeug.exceptions import HTTPException
from werkzeug.routing import RequestRedirect

from chassis.core.errors import Conflict, Unavailable
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
