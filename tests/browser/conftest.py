"""One shop and one Chromium for all tests of this folder. A page that does something forbidden fails its test."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pytest

from tests.browser.customer import Customer
from tests.browser.shop import Shop, open_chromium, open_shop
from tests.browser.watch import Watch

if TYPE_CHECKING:
    from playwright.sync_api import Browser

Opens = Callable[..., Customer]


@pytest.fixture(scope="session")
def chromium() -> Iterator["Browser"]:
    pytest.importorskip("playwright", reason="Playwright is not installed: `make test-browser` does that")
    with open_chromium() as browser:
        yield browser


@pytest.fixture(scope="session")
def shop(chromium: "Browser", tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    with open_shop(tmp_path_factory.mktemp("shop")) as it:
        yield it


@pytest.fixture
def new_customer(chromium: "Browser", shop: Shop) -> Iterator[Opens]:
    """Makes a customer with cookies of their own. Arguments are Playwright's, such as `java_script_enabled`."""
    watches: list[Watch] = []
    with ExitStack() as contexts:

        def made(**options: Any) -> Customer:
            context = chromium.new_context(**options)
            contexts.callback(context.close)
            watches.append(Watch(context, shop.url))
            return Customer(context.new_page(), shop.url)

        yield made
    assert [complaint for watch in watches for complaint in watch.complaints] == []


@pytest.fixture
def customer(new_customer: Opens) -> Customer:
    return new_customer()
