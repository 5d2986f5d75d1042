from typing import Any

import pytest
from flask_openapi.openapi import OpenAPI
from openapi_spec_validator import OpenAPIV31SpecValidator
from pydantic import ConfigDict, Field

from chassis.core.fields import Absent, Input, Model, PageQuery
from chassis.web import openapi, problems
from chassis.web.app import Answer, make_app


class Sample(Input):
    name: str


class Path(Model):
    id: str = Field(examples=["s-1"])


class Problem(problems.Problem):
    taken: str | Absent = Field(None, description="with 409: the owner of the name")


def make() -> OpenAPI:
    api = openapi.blueprint("sample", __name__, "Samples", "Sample resources")

    @api.post(
        "", summary="Make", responses={201: Sample}, openapi_extensions=openapi.response_headers(_201="Location ETag")
    )
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


def test_document_is_valid_and_the_same_at_both_paths(document: dict[str, Any]) -> None:
    OpenAPIV31SpecValidator(document).validate()
    client = make().test_client()
    assert client.get("/openapi.json").json == client.get("/docs/openapi.json").json == document


def test_operation_id_is_the_view_name_in_camel_case(document: dict[str, Any]) -> None:
    operation = document["paths"]["/sample"]["post"]
    assert (operation["operationId"], operation["tags"]) == ("makeASample", ["Samples"])
    assert document["tags"] == [{"name": "Samples", "description": "Sample resources"}]


def test_operation_has_the_docstring_of_its_view_and_only_used_headers_are_listed(document: dict[str, Any]) -> None:
    assert document["paths"]["/sample"]["post"]["description"] == "Makes one."
    assert list(document["components"]["headers"]) == [
        "Accept", "Accept-Encoding", "ETag", "Location", "Retry-After", "WWW-Authenticate", "X-Correlation-Id"
    ]  # fmt: skip


def test_document_lists_its_own_server_only(document: dict[str, Any]) -> None:
    assert [server["url"] for server in document["servers"]] == ["/"]


def test_only_operations_with_a_body_document_413_and_415(document: dict[str, Any]) -> None:
    post, get = document["paths"]["/sample"]["post"], document["paths"]["/sample/{id}"]["get"]
    assert list(post["responses"]) == ["201", "400", "401", "403", "413", "415", "422", "429", "503"]
    assert list(get["responses"]) == ["200", "400", "401", "403", "422", "429", "503"]


def test_every_response_documents_the_correlation_id_and_503_retry_after(document: dict[str, Any]) -> None:
    answers = document["paths"]["/sample"]["post"]["responses"]
    assert {status: list(answer["headers"]) for status, answer in answers.items()} == {
        "201": ["Location", "ETag", "X-Correlation-Id"],
        "400": ["X-Correlation-Id"],
        "401": ["WWW-Authenticate", "X-Correlation-Id"],
        "403": ["X-Correlation-Id"],
        "413": ["X-Correlation-Id"],
        "415": ["Accept", "Accept-Encoding", "X-Correlation-Id"],
        "422": ["X-Correlation-Id"],
        "429": ["Retry-After", "X-Correlation-Id"],
        "503": ["Retry-After", "X-Correlation-Id"],
    }
    optional = {name for name, header in document["components"]["headers"].items() if not header["required"]}
    assert optional == {"Accept", "Accept-Encoding"}  # a 415 has one of the two
    assert "x-response-headers" not in str(document)


def test_every_operation_documents_the_correlation_id_parameter(document: dict[str, Any]) -> None:
    for operation in (document["paths"]["/sample"]["post"], document["paths"]["/sample/{id}"]["get"]):
        assert operation["parameters"][-1] == {"$ref": "#/components/parameters/X-Correlation-Id"}


def test_parameter_has_the_example_of_its_model(document: dict[str, Any]) -> None:
    assert document["paths"]["/sample/{id}"]["get"]["parameters"][0]["example"] == "s-1"


def test_problem_schema_documents_the_members_of_the_service(document: dict[str, Any]) -> None:
    assert (
        document["components"]["schemas"]["Problem"]["properties"]["taken"]["description"]
        == "with 409: the owner of the name"
    )


def test_requests_compute_no_json_schema() -> None:
    computed: list[Any] = []

    class Query(PageQuery):
        model_config = ConfigDict(json_schema_extra=computed.append)

    class Headers(Model):
        model_config = ConfigDict(json_schema_extra=computed.append)
        host: str

    api = openapi.blueprint("sample", __name__, "Samples", "Sample resources")

    @api.get("")
    def list_samples(query: Query, header: Headers) -> Answer:
        return {"limit": query.limit, "host": header.host}

    app = make_app("sample", "A sample service.", lambda: None)
    app.register_api(api)
    client = app.test_client()
    first, before = client.get("/sample?limit=7").json, len(computed)
    assert first == client.get("/sample?limit=7").json == {"limit": 7, "host": "localhost"}
    assert len(computed) == before
