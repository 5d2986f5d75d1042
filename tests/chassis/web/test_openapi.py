from typing import Any

import pytest
from flask_openapi.openapi import OpenAPI
from openapi_spec_validator import OpenAPIV31SpecValidator
from pydantic import Field

from chassis.core.fields import Absent, Input, Model
from chassis.web import openapi, problems
from chassis.web.app import Answer, make_app


class Sample(Input):
    name: str


class Path(Model):
    id: str = Field(examples=["s-1"])


class Problem(problems.Problem):
    taken: str | Absent = Field(None, description="with 409: who has it")


def make() -> OpenAPI:
    api = openapi.blueprint("sample", __name__, "Samples", "What is sampled")

    @api.post("", summary="Make", responses={201: Sample}, openapi_extensions=openapi.sends(_201="Location ETag"))
    def make_a_sample(body: Sample) -> Answer:
        """Makes one."""
        return body.model_dump()

    @api.get("/<id>", responses={200: Sample})
    def get_sample(path: Path) -> Answer:
        return path.model_dump()

    app = make_app("sample", "A sample service.", lambda: None, Problem)
    app.register_api(api)
    return app


@pytest.fixture
def document() -> dict[str, Any]:
    return dict(make().api_doc)


def test_a_document_is_valid_and_is_the_same_wherever_it_is_read(document: dict[str, Any]) -> None:
    OpenAPIV31SpecValidator(document).validate()
    client = make().test_client()
    assert client.get("/openapi.json").json == client.get("/docs/openapi.json").json == document


def test_an_operation_is_named_by_its_view_and_its_tag(document: dict[str, Any]) -> None:
    operation = document["paths"]["/sample"]["post"]
    assert (operation["operationId"], operation["tags"]) == ("makeASample", ["Samples"])
    assert document["tags"] == [{"name": "Samples", "description": "What is sampled"}]


def test_an_operation_has_its_views_docstring_and_no_header_is_listed_in_vain(document: dict[str, Any]) -> None:
    assert document["paths"]["/sample"]["post"]["description"] == "Makes one."
    assert list(document["components"]["headers"]) == [
        "Accept", "Accept-Encoding", "ETag", "Location", "Retry-After", "X-Correlation-Id"
    ]  # fmt: skip


def test_nobody_has_to_sign_in(document: dict[str, Any]) -> None:
    assert document["security"] == []


def test_the_server_is_the_one_that_answers(document: dict[str, Any]) -> None:
    assert [server["url"] for server in document["servers"]] == ["/"]


def test_only_an_operation_with_a_body_may_find_it_too_large_or_no_json(document: dict[str, Any]) -> None:
    post, get = document["paths"]["/sample"]["post"], document["paths"]["/sample/{id}"]["get"]
    assert list(post["responses"]) == ["201", "400", "413", "415", "422", "503"]
    assert list(get["responses"]) == ["200", "400", "422", "503"]


def test_every_answer_has_the_correlation_id_and_an_outage_when_to_come_back(document: dict[str, Any]) -> None:
    answers = document["paths"]["/sample"]["post"]["responses"]
    assert {status: list(answer["headers"]) for status, answer in answers.items()} == {
        "201": ["Location", "ETag", "X-Correlation-Id"],
        "400": ["X-Correlation-Id"],
        "413": ["X-Correlation-Id"],
        "415": ["Accept", "Accept-Encoding", "X-Correlation-Id"],
        "422": ["X-Correlation-Id"],
        "503": ["Retry-After", "X-Correlation-Id"],
    }
    perhaps = {name for name, header in document["components"]["headers"].items() if not header["required"]}
    assert perhaps == {"Accept", "Accept-Encoding"}  # one of the two
    assert "x-sends" not in str(document)


def test_a_client_may_send_a_correlation_id_with_every_request(document: dict[str, Any]) -> None:
    for operation in (document["paths"]["/sample"]["post"], document["paths"]["/sample/{id}"]["get"]):
        assert operation["parameters"][-1] == {"$ref": "#/components/parameters/X-Correlation-Id"}


def test_a_parameter_shows_the_example_of_its_model(document: dict[str, Any]) -> None:
    assert document["paths"]["/sample/{id}"]["get"]["parameters"][0]["example"] == "s-1"


def test_a_problem_documents_the_members_that_the_service_adds(document: dict[str, Any]) -> None:
    assert document["components"]["schemas"]["Problem"]["properties"]["taken"]["description"] == "with 409: who has it"
