"""Rules of operations, as the app enforces them and as its document declares them."""

from typing import Any

import pytest
from flask.testing import FlaskClient
from flask_openapi.openapi import OpenAPI

from chassis.core.errors import Unavailable
from chassis.core.fields import Input, Model
from chassis.web import access, auth, openapi
from chassis.web.app import Answer, make_app
from chassis.web.auth import Principal
from chassis.web.edge import Edge
from tests import tokens


class OwnerPath(Model):
    userName: str


class Owned(Input):
    userName: str


def make(verify: auth.Verify | None) -> OpenAPI:
    api = openapi.blueprint("sample", __name__, "Samples", "Sample resources")

    @api.get("/open", security=access.OPEN)
    def read_open() -> Answer:
        return {}

    @api.get("/owned/<userName>", security=access.USER)
    def read_owned(path: OwnerPath) -> Answer:
        return path.model_dump()

    @api.post("/owned", security=access.USER)
    def write_owned(body: Owned) -> Answer:
        return body.model_dump()

    @api.get("/admin", security=access.ADMIN)
    def read_admin() -> Answer:
        return {}

    @api.get("/admin/<userName>", security=access.ADMIN)
    def read_admin_of_user(path: OwnerPath) -> Answer:
        return path.model_dump()

    @api.get("/undeclared")
    def read_undeclared() -> Answer:
        return {}

    @api.get("/hidden", security=access.USER, doc_ui=False)
    def read_hidden() -> Answer:
        return {}

    app = make_app("sample", "A sample service.", lambda: None, edge=Edge(verify))
    app.register_api(api)
    return app


@pytest.fixture(scope="module")
def app() -> OpenAPI:
    return make(auth.from_env(tokens.env()))


@pytest.fixture
def client(app: OpenAPI) -> FlaskClient:
    return app.test_client()


ANN, BOB, ADMIN = tokens.bearer("ann"), tokens.bearer("bob"), tokens.bearer("root", admin=True)


@pytest.mark.parametrize(
    "path", ["/", "/health/live", "/health/ready", "/openapi.json", "/docs/swagger", "/docs/openapi.json"]
)
def test_health_and_documents_are_open(client: FlaskClient, path: str) -> None:
    assert client.get(path).status_code == 200


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer junk"}, ANN])
def test_open_operation_ignores_tokens(client: FlaskClient, headers: dict[str, str]) -> None:
    assert client.get("/sample/open", headers=headers).status_code == 200


@pytest.mark.parametrize(
    ("headers", "status"), [({}, 401), (BOB, 403), (ANN, 200), (ADMIN, 200)], ids=["none", "other", "owner", "admin"]
)
def test_operation_of_a_user_admits_the_owner_and_admins(
    client: FlaskClient, headers: dict[str, str], status: int
) -> None:
    assert client.get("/sample/owned/ann", headers=headers).status_code == status
    assert client.post("/sample/owned", json={"userName": "ann"}, headers=headers).status_code == status


@pytest.mark.parametrize("path", ["/sample/admin", "/sample/undeclared", "/sample/hidden"])
def test_operation_of_admins_or_without_a_documented_rule_admits_only_admins(client: FlaskClient, path: str) -> None:
    statuses = [client.get(path, headers=headers).status_code for headers in ({}, ANN, ADMIN)]
    assert statuses == [401, 403, 200]


def test_operation_of_admins_refuses_also_the_user_whom_its_path_names(client: FlaskClient) -> None:
    answer = client.get("/sample/admin/ann", headers=ANN)
    assert (answer.status_code, answer.get_json()["detail"]) == (403, "Only an admin may do this.")


def test_head_has_the_rule_of_get_and_options_is_open(client: FlaskClient) -> None:
    assert client.options("/sample/admin").status_code == 200
    assert client.head("/sample/admin").status_code == 401
    assert client.head("/sample/admin", headers=ANN).status_code == 403
    assert client.get("/sample/admin", headers=ANN).status_code == 403


def test_missing_token_is_a_401_with_a_challenge_and_a_problem_document(client: FlaskClient) -> None:
    answer = client.get("/sample/admin")
    assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert answer.content_type == "application/problem+json"
    assert answer.get_json()["detail"] == "This needs a token. Send it as `Authorization: Bearer …`."


@pytest.mark.parametrize("value", ["Basic YW5uOng=", "junk", "Bearer", "Bearer ", "bearer  junk", "Bearer a, Bearer b"])
def test_other_authorization_headers_are_a_401(client: FlaskClient, value: str) -> None:
    answer = client.get("/sample/admin", headers={"Authorization": value})
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")


def test_scheme_is_case_insensitive(client: FlaskClient) -> None:
    assert client.get("/sample/owned/ann", headers={"Authorization": f"bEARER {tokens.token()}"}).status_code == 200


def test_wrong_token_is_a_401_that_says_why_and_does_not_repeat_it(client: FlaskClient) -> None:
    answer = client.get("/sample/admin", headers=tokens.bearer(exp=1))
    assert answer.headers["WWW-Authenticate"] == 'Bearer error="invalid_token"'
    assert answer.get_json()["detail"] == "The token is not valid: it has expired."


def test_missing_token_is_reported_before_a_wrong_body(client: FlaskClient) -> None:
    assert client.post("/sample/owned", data="{").status_code == 401
    assert client.post("/sample/owned", data="{", headers=ANN).status_code == 415
    assert client.post("/sample/owned", data="{", content_type="application/json", headers=ANN).status_code == 400


@pytest.mark.parametrize("body", [{}, {"userName": None}, {"userName": ["ann"]}, {"userName": "ANN"}])
def test_body_without_the_own_name_is_forbidden(client: FlaskClient, body: dict[str, Any]) -> None:
    answer = client.post("/sample/owned", json=body, headers=ANN)
    assert answer.status_code == 403
    assert answer.get_json()["detail"] == "`userName` must be that of your token."


def test_wrong_path_or_method_is_reported_without_a_token(client: FlaskClient) -> None:
    assert client.get("/none").status_code == 404
    assert client.delete("/sample/admin").status_code == 405


def test_keys_that_cannot_be_fetched_are_a_503() -> None:
    def outage(_token: str) -> Principal:
        raise Unavailable("The keys of the token issuer cannot be fetched.")

    client = make(outage).test_client()
    answer = client.get("/sample/admin", headers=ANN)
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "2")
    assert client.get("/sample/open").status_code == 200


def test_without_authentication_everyone_may_do_everything() -> None:
    client = make(None).test_client()
    assert client.get("/sample/admin").status_code == 200
    assert client.get("/sample/owned/ann", headers={"Authorization": "Bearer junk"}).status_code == 200


def test_log_line_of_a_request_names_the_user(client: FlaskClient, capsys: pytest.CaptureFixture[str]) -> None:
    client.get("/sample/owned/ann", headers=ANN)
    client.get("/sample/open", headers=ANN)
    named, unnamed = [line for line in capsys.readouterr().out.splitlines() if "path=/sample/" in line]
    assert "user=ann" in named
    assert "user=" not in unnamed


def test_document_declares_the_rules_and_admin_by_default(app: OpenAPI) -> None:
    document = app.api_doc
    assert document["components"]["securitySchemes"]["token"]["scheme"] == "bearer"
    assert document["security"] == access.ADMIN
    declared = {path: item["get"].get("security") for path, item in document["paths"].items() if "get" in item}
    assert declared == {
        "/sample/open": [],
        "/sample/owned/{userName}": [{"token": []}],
        "/sample/admin": [{"token": ["admin"]}],
        "/sample/admin/{userName}": [{"token": ["admin"]}],
        "/sample/undeclared": None,
    }


def test_document_lists_401_and_403_where_a_token_is_needed(app: OpenAPI) -> None:
    paths = app.api_doc["paths"]
    assert {"401", "403"} & {*paths["/sample/open"]["get"]["responses"]} == set()
    for path in ("/sample/admin", "/sample/undeclared", "/sample/owned/{userName}"):
        responses = paths[path]["get"]["responses"]
        assert "403" in responses
        assert "WWW-Authenticate" in responses["401"]["headers"]
