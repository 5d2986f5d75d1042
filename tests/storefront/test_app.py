"""The storefront with the real services on an emulator, over HTTP."""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack

import pytest

from services.basket.app import from_env as basket
from services.ordering.app import from_env as ordering
from services.payment.app import from_env as payment
from services.product.app import from_env as product
from services.stock.app import from_env as stock_of
from services.storefront.app import from_env
from tests.processes import eventually, running, serving
from tests.storefront.fakes import BUYER, Browser, browser

pytestmark = pytest.mark.integration
CARD = "4111111111111111"


@pytest.fixture
def env(stack: Mapping[str, str]) -> Iterator[Mapping[str, str]]:
    """With the addresses of the five services."""
    with ExitStack() as servers:
        urls = {"PRODUCT_URL": servers.enter_context(serving(product(stack)))}
        for name, app in {"BASKET": basket, "ORDERING": ordering, "STOCK": stock_of, "PAYMENT": payment}.items():
            urls[f"{name}_URL"] = servers.enter_context(serving(app({**stack, **urls})))
        yield {**stack, **urls}


@pytest.fixture
def page(env: Mapping[str, str]) -> Browser:
    return browser(from_env(env).test_client())


def new_product(page: Browser, price: str = "12.30") -> str:
    page.open("/shop/admin/new")
    page.submit("/shop/admin/new", name="Teapot", category="Kitchen", price=price)
    assert page.status == 200, page.says("problem")
    return page.path.rpartition("/")[2]


def test_customer_corrects_the_form_and_a_double_click_makes_one_order(page: Browser, env: Mapping[str, str]) -> None:
    shown = new_product(page)
    page.open(f"/shop/products/{shown}")
    page.submit("/shop/basket/add", color="blue", quantity="3")
    page.open("/shop/checkout")
    page.submit("/shop/checkout", **BUYER | {"email": "nowhere"}, cardInfo="12")
    assert page.status == 422
    assert page.says("wrong") == [
        "Must be an e-mail address, such as ann@example.com.",
        "Must be 8 to 19 digits, with at most one space or hyphen between two.",
    ]
    form, path = page.page, page.path
    placed = []
    for _ in range(2):
        page.page, page.path = form, path
        page.submit("/shop/checkout", **BUYER, cardInfo=CARD)
        assert page.status == 200, page.page
        placed.append(page.path)
    assert placed[0] == placed[1]
    assert page.says("status")[0].startswith("Your order is accepted")
    with running("services.ordering.consumer", env):
        eventually(lambda: "36.90" in page.open(placed[0]))
    assert page.open("/shop/orders").count('href="/shop/orders/') == 1


def test_admin_changes_price_and_stock_and_two_admins_do_not_overwrite_each_other(
    page: Browser, env: Mapping[str, str]
) -> None:
    shown = new_product(page)
    page.submit(f"/shop/admin/products/{shown}/stock", available="2")
    assert "2 available, 0 reserved, 0 sold." in page.page
    form, path = page.page, page.path
    page.submit(f"/shop/admin/products/{shown}", price="9.90")
    assert "9.90" in page.open(f"/shop/products/{shown}")
    page.page, page.path = form, path
    page.submit(f"/shop/admin/products/{shown}", price="1.00")
    assert page.status == 412
    assert "9.90" in page.open(f"/shop/products/{shown}")


def test_changed_total_is_a_question_and_the_answer_places_the_order(page: Browser, env: Mapping[str, str]) -> None:
    shown = new_product(page)
    page.open(f"/shop/products/{shown}")
    page.submit("/shop/basket/add")
    page.open("/shop/checkout")
    total = page.page.replace('name="expectedTotal" value="12.3"', 'name="expectedTotal" value="10"')
    assert total != page.page
    page.page = total
    page.submit("/shop/checkout", **BUYER, cardInfo=CARD)
    assert (page.status, page.says("problem")[0][:25]) == (409, "The total is 12.30 now. A")
    page.submit("/shop/checkout", cardInfo=CARD)
    assert page.path.startswith("/shop/orders/")
