"""The pages of admins, over services in memory."""

import pytest

from services.storefront.app import create_app
from services.storefront.service import Storefront
from tests.storefront.fakes import PHONE, Browser, FakeApi, browser, refusal

LEVEL = {"productId": "p-1", "available": 7, "reserved": 2, "sold": 1}
STALE = refusal(412, "The product has version 4.")


def opened(api: FakeApi, path: str) -> Browser:
    it = browser(create_app(Storefront(api), "k" * 16).test_client())
    it.open(path)
    return it


def test_price_is_changed_only_if_nobody_else_changed_the_product() -> None:
    api = FakeApi(**{"PATCH /product/p-1": PHONE})
    it = opened(api, "/shop/admin/products/p-1")
    it.submit("/shop/admin/products/p-1", price="899.90")
    fields = {"name": "IPhone X", "category": "Phone", "description": "A phone."}
    assert api.sent("PATCH", "/product/p-1") == [(fields | {"price": 899.9}, {"If-Match": '"3"'})]
    assert it.says("note") == ["Saved. Baskets show a new price within a moment."]


def test_change_of_another_admin_is_shown_and_what_was_typed_is_kept() -> None:
    api = FakeApi(**{"PATCH /product/p-1": STALE})
    it = opened(api, "/shop/admin/products/p-1")
    api.answers["GET /product/p-1"] = PHONE | {"version": 4, "price": 1}
    page = it.submit("/shop/admin/products/p-1", price="899.90")
    assert it.status == 412
    assert it.says("problem") == ["Refused. The product has version 4."]
    assert ['value="899.90"' in page, 'name="version" value="4"' in page] == [True, True]


def test_invalid_fields_are_explained_beside_them() -> None:
    wrong = refusal(422, errors=[{"pointer": "/price", "detail": "must be a number"}])
    api = FakeApi(**{"PATCH /product/p-1": wrong, "POST /product": wrong})
    for path in ("/shop/admin/products/p-1", "/shop/admin/new"):
        it = opened(api, path)
        it.submit(path, name="Teapot", category="Kitchen", price="cheap")
        assert (it.status, it.says("wrong")) == (422, ["Must be a number."])
        assert ['value="cheap"' in it.page, 'value="Teapot"' in it.page] == [True, True]


def test_product_is_created_and_then_shown() -> None:
    api = FakeApi(**{"POST /product": PHONE})
    it = opened(api, "/shop/admin/new")
    it.submit("/shop/admin/new", name="Teapot", category="Kitchen", price="12.30")
    body = {"name": "Teapot", "category": "Kitchen", "description": "", "price": 12.3}
    assert api.sent("POST", "/product") == [(body, {})]
    assert it.path == "/shop/admin/products/p-1"


def test_stock_level_is_shown_and_set() -> None:
    api = FakeApi(**{"GET /stock/p-1": LEVEL, "PUT /stock/p-1": LEVEL})
    it = opened(api, "/shop/admin/products/p-1")
    assert "7 available, 2 reserved, 1 sold." in it.page
    it.submit("/shop/admin/products/p-1/stock", available="9")
    assert api.sent("PUT", "/stock/p-1") == [({"available": 9}, {})]


def test_wrong_stock_level_is_explained() -> None:
    wrong = refusal(422, errors=[{"pointer": "/available", "detail": "must be a number"}])
    it = opened(FakeApi(**{"PUT /stock/p-1": wrong}), "/shop/admin/products/p-1")
    it.submit("/shop/admin/products/p-1/stock", available="many")
    assert (it.status, it.says("wrong")) == (422, ["Must be a number."])


@pytest.mark.parametrize(("answer", "status"), [({}, 200), (STALE, 412)])
def test_product_is_deleted_in_the_version_that_was_shown(answer: object, status: int) -> None:
    api = FakeApi(**{"DELETE /product/p-1": answer})
    it = opened(api, "/shop/admin/products/p-1")
    it.submit("/shop/admin/products/p-1/delete")
    assert it.status == status
    assert api.sent("DELETE", "/product/p-1") == [(None, {"If-Match": '"3"'})]
    assert it.path == ("/shop/admin" if status == 200 else "/shop/admin/products/p-1/delete")
