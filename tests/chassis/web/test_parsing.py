"""What a view gets of a request."""

from typing import Any

import pytest
from flask.testing import FlaskClient
from pydantic import Field

from chassis.core.errors import Unavailable
from chassis.core.fields import Absent, Input, Model
from chassis.web.app import make_app
from chassis.web.openapi import blueprint


class Path(Model):
    place: str


class Headers(Model):
    key: str | Absent = Field(None, alias="Idempotency-Key")


class Query(Input):
    from_: int | Absent = Field(None, alias="from")


class Body(Input):
    name: str


@pytest.fixture
def client() -> FlaskClient:
    api = blueprint("sample", __name__, "Samples", "Sample resources")

    @api.put("/<place>")
    def put(body: Body, query: Query, header: Headers, path: Path) -> dict[str, Any]:
        return {"place": path.place, "key": header.key, "from": query.from_, "name": body.name}

    @api.patch("/<place>")
    def patch(path: Path) -> dict[str, Any]:
        raise ExceptionGroup(path.place, [Unavailable("no")])

    app = make_app("sample", "A sample.", lambda: None)
    app.register_api(api)
    return app.test_client()


def test_view_gets_each_part_of_the_request_in_the_parameter_of_its_name(client: FlaskClient) -> None:
    answer = client.put("/sample/here?from=3", json={"name": "x"}, headers={"idempotency-key": "k"})

    assert answer.json == {"place": "here", "key": "k", "from": 3, "name": "x"}


def test_parts_that_the_request_omits_have_their_defaults(client: FlaskClient) -> None:
    answer = client.put("/sample/here", json={"name": "x"}, headers={"Idempotency": "other"})

    assert answer.json == {"place": "here", "key": None, "from": None, "name": "x"}


def test_an_empty_header_is_sent_and_not_absent(client: FlaskClient) -> None:
    assert client.put("/sample/here", json={"name": "x"}, headers={"Idempotency-Key": ""}).json["key"] == ""  # type: ignore[index] # it has a body


def test_a_part_that_is_not_valid_is_a_422_with_its_place(client: FlaskClient) -> None:
    answer = client.put("/sample/here?from=x", json={"name": "x"})

    assert answer.status_code == 422
    assert [error["pointer"] for error in answer.json["errors"]] == ["/from"]  # type: ignore[index] # as above


def test_a_replacement_with_a_missing_field_names_the_method_that_changes_some(client: FlaskClient) -> None:
    assert "PATCH" in client.put("/sample/here", json={}).json["detail"]  # type: ignore[index] # as above


def test_an_error_of_the_view_is_none_of_the_request(client: FlaskClient) -> None:
    assert client.patch("/sample/here", json={}).status_code == 500
