"""One shop and one Chromium for all tests of this folder. A page that does something forbidden fails its test."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from tests.browser.customer import Customer
from tests.browser.shop import Shop, open_chromium, open_shop
from tests.browser.watch import watched

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

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
def new_page(chromium: "Browser") -> Iterator[Callable[..., "Page"]]:
    """Opens a window for an address, with cookies of its own. Options are Playwright's."""
    with ExitStack() as windows:
        yield lambda url, **options: windows.enter_context(watched(chromium, url, **options))


@pytest.fixture
def new_customer(new_page: Callable[..., "Page"], shop: Shop) -> Opens:
    return lambda **options: Customer(new_page(shop.url, **options), shop.url)


@pytest.fixture
def customer(new_customer: Opens) -> Customer:
    return new_customer()
