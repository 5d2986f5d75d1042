from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from chassis.core.errors import Unavailable
from services.product.app import create_app
from tests.fakes import ProductShop
from tests.paging import every_item
from tests.samples import PHONE, product


@pytest.fixture
def shop() -> ProductShop:
    return ProductShop(product("p-1"), product("p-2", category="Book"), product("p-3"))


@pytest.fixture
def client(shop: ProductShop) -> FlaskClient:
    return create_app(shop.service, lambda: None).test_client()


def fields(answer: TestResponse) -> set[str]:
    """The invalid fields that a problem document names."""
    assert answer.content_type == "application/problem+json"
    return {error["pointer"] for error in answer.get_json()["errors"]}


def test_created_product_can_be_read_at_its_location(client: FlaskClient) -> None:
    made = client.post("/product", json=PHONE)
    read = client.get(made.headers["Location"])
    assert (made.status_code, made.headers["Location"], made.headers["ETag"]) == (201, "/product/p-new-1", '"1"')
    assert made.get_json() == read.get_json() == product("p-new-1").model_dump() | {"price": 950.0}


def test_unchanged_product_is_a_304(client: FlaskClient) -> None:
    assert client.get("/product/p-1", headers={"If-None-Match": '"1"'}).status_code == 304
    assert client.get("/product/p-1", headers={"If-None-Match": '"2"'}).status_code == 200


@pytest.mark.parametrize(
    ("path", "rule"),
    [
        ("/product", "public, max-age=1"),
        ("/product?category=Phone", "public, max-age=1"),
        ("/product?tombstones=true", "no-store"),
        ("/product/p-1", None),
        ("/product?limit=0", None),
    ],
)
def test_only_lists_that_are_shown_may_be_kept_for_a_second(client: FlaskClient, path: str, rule: str | None) -> None:
    """A product's ETag must be the current one, and a copy of the catalogue is made of the list with tombstones."""
    assert client.get(path).headers.get("Cache-Control") == rule


def test_put_replaces_and_patch_merges(client: FlaskClient) -> None:
    patched = client.patch("/product/p-1", json={"description": "Nice"})
    assert (patched.status_code, patched.get_json()["name"], patched.headers["ETag"]) == (200, "IPhone X", '"2"')
    put = client.put("/product/p-1", json=PHONE | {"name": "New"})
    assert (put.status_code, put.get_json()["description"], put.headers["ETag"]) == (200, "", '"3"')


@pytest.mark.parametrize(
    ("tag", "status"),
    [
        ('"1"', 304),
        ('W/"1"', 304),  # a weak comparison (RFC 9110, 13.1.2)
        ('"7", "1"', 304),
        ("*", 304),
        ('"2"', 200),
        ('"abc", W/"9"', 200),
        ("nonsense", 422),
    ],
)
def test_if_none_match_with_another_version_returns_the_product(client: FlaskClient, tag: str, status: int) -> None:
    answer = client.get("/product/p-1", headers={"If-None-Match": tag})
    assert answer.status_code == status
    if status == 304:
        assert (answer.data, answer.headers["ETag"]) == (b"", '"1"')


def test_if_match_applies_to_reads(client: FlaskClient) -> None:
    assert client.get("/product/p-1", headers={"If-Match": '"1"'}).status_code == 200
    stale = client.get("/product/p-1", headers={"If-Match": '"9"'})
    assert (stale.status_code, stale.content_type, stale.get_json()["version"]) == (412, "application/problem+json", 1)
    both = {"If-Match": '"1"', "If-None-Match": '"1"'}
    assert client.get("/product/p-1", headers=both).status_code == 304


WRITES = ["put", "patch", "delete"]


@pytest.mark.parametrize("method", WRITES)
@pytest.mark.parametrize(
    ("tag", "met"),
    [
        ('"1"', True),
        ("*", True),
        ('"7", "1"', True),
        ('"7" ,,\t"1",', True),  # empty list elements are ignored (RFC 9110, 5.6.1.2)
        ('"a,b","1"', True),
        ('"9"', False),
        ('"7", "8"', False),
        ('W/"1"', False),  # a strong comparison (RFC 9110, 13.1.1)
        ('W/"1", "7"', False),
        ('"abc"', False),
        ('""', False),
        ('"é"', False),
        ('"01"', False),
        ('"1000000000000000000000"', False),
        ('"W/"', False),
        ("", False),  # an empty list is valid
        (" , ", False),
    ],
)
def test_if_match_allows_a_write_with_one_of_its_tags(client: FlaskClient, method: str, tag: str, met: bool) -> None:
    answer = write(client, method, **{"If-Match": tag})
    assert answer.status_code == ((204 if method == "delete" else 200) if met else 412)
    check_unchanged(client, answer)


@pytest.mark.parametrize("method", WRITES)
@pytest.mark.parametrize(
    ("tag", "met"),
    [
        ("*", False),
        ('"1"', False),
        ('W/"1"', False),
        ('"7", "1"', False),
        ('"7"', True),
        ('"abc", W/"7"', True),
        ("", True),
    ],
)
def test_if_none_match_allows_a_write_with_none_of_its_tags(
    client: FlaskClient,
    method: str,
    tag: str,
    met: bool,
) -> None:
    answer = write(client, method, **{"If-None-Match": tag})
    assert answer.status_code == ((204 if method == "delete" else 200) if met else 412)
    check_unchanged(client, answer)


@pytest.mark.parametrize("method", WRITES)
def test_write_must_meet_both_conditions(client: FlaskClient, method: str) -> None:
    assert write(client, method, **{"If-Match": '"1"', "If-None-Match": '"1"'}).status_code == 412
    assert write(client, method, **{"If-Match": '"9"', "If-None-Match": '"9"'}).status_code == 412
    assert write(client, method, **{"If-Match": '"1"', "If-None-Match": '"9"'}).status_code < 300


@pytest.mark.parametrize("method", ["get", *WRITES])
@pytest.mark.parametrize("name", ["If-Match", "If-None-Match"])
@pytest.mark.parametrize("tag", ["*", '"1"', 'W/"1"'])
def test_missing_product_is_a_404_whatever_the_condition(client: FlaskClient, method: str, name: str, tag: str) -> None:
    """Conditions are ignored if the response without them would be an error (RFC 9110, 13.2.1)."""
    assert getattr(client, method)("/product/none", json=PHONE, headers={name: tag}).status_code == 404


@pytest.mark.parametrize("method", ["get", *WRITES])
@pytest.mark.parametrize("name", ["If-Match", "If-None-Match"])
@pytest.mark.parametrize("tag", ["1", '"1', '"1" "2"', '*, "1"', 'w/"1"', "W/1", '"a b"', '"\x7f"'])
def test_invalid_list_of_entity_tags_is_a_422_that_names_the_header(
    client: FlaskClient, method: str, name: str, tag: str
) -> None:
    answer = getattr(client, method)("/product/p-1", json=PHONE, headers={name: tag})
    assert (answer.status_code, fields(answer)) == (422, {f"/{name}"})
    assert answer.get_json()["errors"][0]["detail"].startswith("must be * or a list of entity tags")


def write(client: FlaskClient, method: str, **headers: str) -> TestResponse:
    answer = getattr(client, method)("/product/p-1", json=PHONE | {"name": "New"}, headers=headers)
    assert isinstance(answer, TestResponse)
    return answer


def check_unchanged(client: FlaskClient, answer: TestResponse) -> None:
    """Checks a 412 that names the version, and that the product is unchanged."""
    if answer.status_code == 412:
        assert answer.get_json()["version"] == 1
        assert client.get("/product/p-1").get_json()["name"] == "IPhone X"


@pytest.mark.parametrize(("tag", "status"), [('"1"', 200), ("*", 200), ('"9"', 412), ("nonsense", 422)])
@pytest.mark.parametrize("method", ["put", "patch"])
def test_write_with_if_match_needs_the_current_version(client: FlaskClient, method: str, tag: str, status: int) -> None:
    answer = getattr(client, method)("/product/p-1", json=PHONE, headers={"If-Match": tag})
    assert answer.status_code == status
    if status == 412:
        assert answer.get_json()["version"] == 1


def test_delete_with_if_match_needs_the_current_version(client: FlaskClient) -> None:
    assert client.delete("/product/p-1", headers={"If-Match": '"9"'}).status_code == 412
    assert client.delete("/product/p-1", headers={"If-Match": '"1"'}).status_code == 204


def test_deleted_product_is_a_404(client: FlaskClient) -> None:
    deleted = client.delete("/product/p-1")
    assert (deleted.status_code, deleted.data) == (204, b"")
    assert client.get("/product/p-1").status_code == 404


@pytest.mark.parametrize("method", ["get", "put", "patch", "delete"])
def test_unknown_product_is_a_404(client: FlaskClient, method: str) -> None:
    answer = getattr(client, method)("/product/none", json=PHONE)
    assert (answer.status_code, answer.get_json()["detail"]) == (404, "There is no product none.")


@pytest.mark.parametrize("method", ["get", "put", "patch", "delete"])
def test_invalid_id_is_a_422(client: FlaskClient, method: str) -> None:
    assert fields(getattr(client, method)("/product/a%20b", json=PHONE)) == {"/id"}


@pytest.mark.parametrize(
    ("body", "wrong"),
    [
        ({}, {"/name", "/category", "/price"}),
        (PHONE | {"price": "950"}, {"/price"}),
        (PHONE | {"price": -1, "name": ""}, {"/price", "/name"}),
        (PHONE | {"id": "mine"}, {"/id"}),
    ],
)
def test_invalid_body_names_its_fields(client: FlaskClient, body: dict[str, Any], wrong: set[str]) -> None:
    answer = client.post("/product", json=body)
    assert answer.status_code == 422
    assert fields(answer) == wrong


@pytest.mark.parametrize(
    ("send", "status"),
    [
        (lambda c: c.post("/product", data=b'{"price": 1e400}', content_type="application/json"), 400),
        (lambda c: c.post("/product", data=b"name=x", content_type="application/x-www-form-urlencoded"), 415),
        (lambda c: c.post("/product", json=PHONE | {"description": "x" * 70_000}), 413),
        (lambda c: c.get("/product?limit=0"), 422),
        (lambda c: c.get("/product?limit=101"), 422),
        (lambda c: c.get("/product?colour=red"), 422),
        (lambda c: c.get("/product?tombstones=perhaps"), 422),
        (lambda c: c.get("/product?tombstones=true&category=Phone"), 422),
        (lambda c: c.get("/product?limit=1&limit=2"), 400),
        (lambda c: c.get("/product?cursor=tampered"), 400),
        (lambda c: c.put("/product"), 405),
    ],
)
def test_bad_input_gets_a_matching_4xx(client: FlaskClient, send: Callable[[Any], TestResponse], status: int) -> None:
    answer = send(client)
    assert (answer.status_code, answer.content_type) == (status, "application/problem+json")


@pytest.mark.parametrize(("query", "ids"), [({}, ["p-1", "p-2", "p-3"]), ({"category": "Phone"}, ["p-1", "p-3"])])
def test_list_is_read_page_by_page(client: FlaskClient, query: dict[str, str], ids: list[str]) -> None:
    assert [item["id"] for item in every_item(client, "/product", limit="1", **query)] == ids


def test_cursor_is_valid_only_for_its_list(client: FlaskClient) -> None:
    cursor = client.get("/product?limit=1").get_json()["nextCursor"]
    assert client.get(f"/product?category=Phone&cursor={cursor}").status_code == 400


def test_unknown_category_is_an_empty_list(client: FlaskClient) -> None:
    assert client.get("/product?category=Boat").get_json() == {"items": [], "nextCursor": None}


def test_list_has_tombstones_only_on_request(client: FlaskClient, shop: ProductShop) -> None:
    client.delete("/product/p-2")
    assert [item["id"] for item in every_item(client, "/product")] == ["p-1", "p-3"]
    everything = client.get("/product?tombstones=true").get_json()
    assert [item["id"] for item in everything["items"]] == ["p-1", "p-3"]
    assert everything["tombstones"] == [{"id": "p-2", "version": 2, "deletedAt": "2026-11-21T09:30:00.123Z"}]


def test_tombstone_counts_as_a_row_of_its_page(client: FlaskClient, shop: ProductShop) -> None:
    client.delete("/product/p-1")
    page = client.get("/product?tombstones=true&limit=1").get_json()
    assert (page["items"], [each["id"] for each in page["tombstones"]]) == ([], ["p-1"])
    rest = client.get(f"/product?tombstones=true&cursor={page['nextCursor']}").get_json()
    assert [item["id"] for item in rest["items"]] == ["p-2", "p-3"]


def test_database_failure_is_a_503_and_not_ready_but_live(shop: ProductShop) -> None:
    def unavailable() -> None:
        raise Unavailable("DynamoDB does not answer.")

    shop.products.down = True
    client = create_app(shop.service, unavailable).test_client()
    answers = {path: client.get(path) for path in ("/product/p-1", "/health/ready", "/health/live")}
    assert [answer.status_code for answer in answers.values()] == [503, 503, 200]
    assert answers["/product/p-1"].headers["Retry-After"]


def test_root_describes_the_service(client: FlaskClient) -> None:
    assert client.get("/").get_json()["docs"] == "/docs"
    assert client.get("/docs", follow_redirects=True).status_code == 200
    assert client.get("/openapi.json").get_json()["info"]["title"] == "Shopwire product"
    assert client.get("/health/ready").get_json() == {"status": "ready"}


@pytest.mark.parametrize("query", ["category=", "cursor=", "limit=0", "tombstones=perhaps"])
def test_invalid_parameter_has_one_error_with_its_name(client: FlaskClient, query: str) -> None:
    answer = client.get(f"/product?{query}")
    assert [error["pointer"] for error in answer.get_json()["errors"]] == [f"/{query.partition('=')[0]}"]
