"""What a browser learns from the headers of a response and of a preflight request."""

from typing import Any

import pytest
from flask.testing import FlaskClient
from pydantic import ConfigDict, Field

from chassis.core.errors import Misconfigured
from chassis.core.fields import Model
from chassis.web import access, auth, cors, openapi
from chassis.web.app import Answer, make_app
from chassis.web.edge import Edge
from tests import tokens

ORIGIN = "http://localhost:5173"


class Precondition(Model):
    model_config = ConfigDict(populate_by_name=True)

    if_match: str | None = Field(None, alias="If-Match")


def make(origins: frozenset[str]) -> FlaskClient:
    api = openapi.blueprint("sample", __name__, "Samples", "Sample resources")

    @api.get("/one", security=access.OPEN)
    def read() -> Answer:
        return {"is": "here"}

    @api.put("/one", security=access.USER)
    def write(header: Precondition) -> Answer:
        return header.model_dump()

    @api.post("/all", security=access.USER)
    def make() -> Answer:
        return {}

    app = make_app("sample", "A sample service.", lambda: None, edge=Edge(auth.from_env(tokens.env()), origins))
    app.register_api(api)
    return app.test_client()


@pytest.fixture(scope="module")
def client() -> FlaskClient:
    return make(frozenset({ORIGIN}))


def preflight(client: FlaskClient, path: str, method: str, origin: str = ORIGIN) -> Any:
    headers = {"Origin": origin, "Access-Control-Request-Method": method, "Access-Control-Request-Headers": "if-match"}
    return client.options(path, headers=headers)


def cors_headers(response: Any) -> dict[str, str]:
    return {name: value for name, value in response.headers if name.startswith("Access-Control-")}


def test_listed_origin_may_read_the_response_and_its_headers(client: FlaskClient) -> None:
    response = client.get("/sample/one", headers={"Origin": ORIGIN})
    assert (response.status_code, response.get_json()) == (200, {"is": "here"})
    assert cors_headers(response) == {
        "Access-Control-Allow-Origin": ORIGIN,
        "Access-Control-Expose-Headers": "Location, ETag, X-Correlation-Id, Retry-After",
    }


@pytest.mark.parametrize("path", ["/sample/none", "/none", "/sample/one?unknown=1", "/sample/all"])
def test_listed_origin_may_read_errors(client: FlaskClient, path: str) -> None:
    response = client.post(path, headers={"Origin": ORIGIN})
    assert response.status_code in {401, 404, 405}
    assert response.headers["Access-Control-Allow-Origin"] == ORIGIN


@pytest.mark.parametrize(
    "origin",
    ["http://localhost:5174", "https://localhost:5173", "http://localhost:5173.evil.test", "null", ORIGIN.upper(), ""],
)
def test_another_origin_gets_no_permission(client: FlaskClient, origin: str) -> None:
    for response in (
        client.get("/sample/one", headers={"Origin": origin}),
        preflight(client, "/sample/one", "PUT", origin),
    ):
        assert cors_headers(response) == {}


@pytest.mark.parametrize("headers", [{}, {"Origin": ORIGIN}, {"Origin": "http://evil.test"}])
def test_caches_keep_responses_by_origin(client: FlaskClient, headers: dict[str, str]) -> None:
    assert client.get("/sample/one", headers=headers).vary.to_header() == "Origin"


@pytest.mark.parametrize(
    ("path", "method", "methods", "own"),
    [
        ("/sample/one", "PUT", {"GET", "HEAD", "OPTIONS", "PUT"}, ["If-Match"]),
        ("/sample/one", "GET", {"GET", "HEAD", "OPTIONS", "PUT"}, []),
        ("/sample/one", "DELETE", {"GET", "HEAD", "OPTIONS", "PUT"}, []),
        ("/sample/all", "POST", {"OPTIONS", "POST"}, []),
    ],
)
def test_preflight_allows_the_methods_of_the_path_and_the_headers_of_the_view(
    client: FlaskClient, path: str, method: str, methods: set[str], own: list[str]
) -> None:
    response = preflight(client, path, method)
    allowed = cors_headers(response)
    assert response.status_code == 200
    assert set(allowed.pop("Access-Control-Allow-Methods").split(", ")) == methods
    assert allowed == {
        "Access-Control-Allow-Origin": ORIGIN,
        "Access-Control-Allow-Headers": ", ".join(["Authorization", "Content-Type", "X-Correlation-Id", *own]),
        "Access-Control-Max-Age": "600",
    }


def test_preflight_of_an_unknown_path_fails(client: FlaskClient) -> None:
    assert preflight(client, "/none", "GET").status_code == 404


def test_without_the_setting_no_response_has_a_header_of_cors() -> None:
    client = make(frozenset())
    for response in (client.get("/sample/one", headers={"Origin": ORIGIN}), preflight(client, "/sample/one", "PUT")):
        assert (cors_headers(response), response.vary.to_header()) == ({}, "")


def test_setting_lists_origins() -> None:
    env = {"SHOP_CORS_ORIGINS": "http://localhost:5173, https://shop.example  http://[::1]:3000"}
    assert cors.origins(env) == {"http://localhost:5173", "https://shop.example", "http://[::1]:3000"}
    assert cors.origins({}) == cors.origins({"SHOP_CORS_ORIGINS": ""}) == frozenset()


@pytest.mark.parametrize("origin", ["*", "null", "https://shop.example/", "shop.example", "https://Shop.example"])
def test_setting_refuses_what_no_browser_sends(origin: str) -> None:
    with pytest.raises(Misconfigured, match=r"SHOP_CORS_ORIGINS has .*, which is no origin"):
        cors.origins({"SHOP_CORS_ORIGINS": f"http://localhost {origin}"})
