"""Who may call what: every operation of the OpenAPI documents with every kind of token."""

import importlib
import re
import time
from collections.abc import Iterator
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from flask_openapi.openapi import OpenAPI

from bootstrap.manifests import Process, processes
from chassis.core.errors import Misconfigured
from tests import tokens
from tests.documents import APPS, REACHED, Operation, operations

RULES = {
    "GET /product": "open",
    "POST /product": "admin",
    "GET /product/{id}": "open",
    "PUT /product/{id}": "admin",
    "PATCH /product/{id}": "admin",
    "DELETE /product/{id}": "admin",
    "GET /basket": "admin",
    "POST /basket": "user",
    "POST /basket/checkout": "user",
    "GET /basket/{userName}": "user",
    "DELETE /basket/{userName}": "user",
    "POST /basket/{userName}/items": "user",
    "DELETE /basket/{userName}/items/{productId}": "user",
    "GET /order": "admin",
    "GET /order/{userName}": "user",
    "GET /order/{userName}/{orderId}": "user",
    "POST /order/{userName}/{orderId}/cancel": "user",
    "GET /payment/{userName}/{orderId}": "user",
    "GET /stock/{productId}": "open",
    "PUT /stock/{productId}": "admin",
}
USER = "ann"
AWS = {
    "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
    "AWS_REGION": "us-east-1",
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
}
OPEN_ROUTES = {"/", "/health/live", "/health/ready", "/openapi.json"}
HS256 = tokens.signed_with_public_key(tokens.claims(USER, admin=True), tokens.ec_key())
CREDENTIALS: dict[str, str | None] = {
    "no token": None,
    "expired": tokens.token(USER, admin=True, exp=int(time.time()) - 3600),
    "wrong issuer": tokens.token(USER, admin=True, iss="https://other.test"),
    "wrong audience": tokens.token(USER, admin=True, client_id="other"),
    "none": tokens.unsigned(tokens.claims(USER, admin=True)),
    "HS256 with the public key": HS256,
    "unknown key id": tokens.sign(tokens.claims(USER, admin=True), key_id="unknown"),
    "another key": tokens.sign(tokens.claims(USER, admin=True), ec.generate_private_key(ec.SECP256R1())),
    "another user": tokens.token("bob"),
    "the user": tokens.token(USER),
    "an admin": tokens.token("root", admin=True),
}
ADMITTED = {"open": {*CREDENTIALS}, "user": {"the user", "an admin"}, "admin": {"an admin"}}
REFUSED = {"another user": 403, "the user": 403}


def expected(rule: str, credential: str) -> int:
    """404 is the answer of the service behind the rules."""
    return 404 if credential in ADMITTED[rule] else REFUSED.get(credential, 401)


def send(operation: Operation, token: str | None) -> tuple[int, dict[str, Any]]:
    """The request that Swagger UI offers, of USER."""
    names = {p["name"]: p.get("example", "") for p in operation.content["parameters"] if p.get("in") == "path"}
    path = operation.path.format(**names | {"userName": USER})
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    answer = (
        APPS[operation.service].test_client().open(path, method=operation.method, json=body(operation), headers=headers)
    )
    return answer.status_code, answer.get_json() or {}


def body(operation: Operation) -> dict[str, Any] | None:
    if "requestBody" not in operation.content:
        return None
    name = operation.content["requestBody"]["content"]["application/json"]["schema"]["$ref"].rpartition("/")[2]
    example: dict[str, Any] = APPS[operation.service].api_doc["components"]["schemas"][name]["examples"][0]
    return example | ({"userName": USER} if "userName" in example else {})


@pytest.mark.parametrize("credential", CREDENTIALS)
@pytest.mark.parametrize("operation", [*operations()], ids=str)
def test_each_operation_admits_exactly_whom_its_rule_names(operation: Operation, credential: str) -> None:
    status, answer = send(operation, CREDENTIALS[credential])
    assert status == expected(RULES[str(operation)], credential)
    assert status != 404 or answer["detail"] == REACHED


def test_rules_are_those_of_the_documents() -> None:
    names = {"[]": "open", "[{'token': []}]": "user", "[{'token': ['admin']}]": "admin"}
    assert {str(it): names[str(it.content["security"])] for it in operations()} == RULES


def test_user_is_in_the_path_or_body_of_every_operation_of_a_user() -> None:
    of_users = [it for it in operations() if RULES[str(it)] == "user"]
    assert [str(it) for it in of_users if "{userName}" not in it.path and "userName" not in (body(it) or {})] == []


@pytest.mark.parametrize("service", APPS)
def test_no_other_route_exists_but_health_and_documents(service: str) -> None:
    assert set(undocumented(APPS[service])) <= OPEN_ROUTES


def undocumented(app: OpenAPI) -> Iterator[str]:
    for rule in app.url_map.iter_rules():
        path = rule.rule.replace("<", "{").replace(">", "}")
        if path not in app.paths and not path.startswith("/docs"):
            yield path


@pytest.mark.parametrize("process", [it for it in processes() if it.serve], ids=lambda it: it.name)
def test_web_process_without_settings_of_authentication_does_not_start(
    process: Process, nowhere: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in AWS.items():
        monkeypatch.setenv(name, value)
    from_env = importlib.import_module(process.module).from_env
    with pytest.raises(Misconfigured, match="Authentication needs AUTH_ISSUER, AUTH_AUDIENCE, AUTH_JWKS"):
        from_env(AWS)
    from_env(AWS | {"SHOP_AUTH": "off"})


@pytest.mark.parametrize("process", [it for it in processes() if it.serve and not it.pages], ids=lambda it: it.name)
def test_web_process_reads_the_settings_of_authentication(
    process: Process, nowhere: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in AWS.items():
        monkeypatch.setenv(name, value)
    client = importlib.import_module(process.module).from_env(AWS | tokens.env()).test_client()
    closed = next(it for it in operations() if it.service == process.name and RULES[str(it)] != "open")
    path = re.sub(r"\{\w+\}", "x", closed.path)
    assert client.open(path, method=closed.method).status_code == 401
