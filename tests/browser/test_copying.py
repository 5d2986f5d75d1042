"""The buttons for processes in containers, which copy a command."""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import pytest

from shop.room.app import create_app
from shop.room.ring import Ring
from tests.browser.room import Room
from tests.processes import serving
from tests.shop.room.rooms import FakeActions, room

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.browser
COMMANDS = {
    "do-stop-basket-relay": "docker compose stop basket-relay",
    "do-start-basket-relay": "docker compose start basket-relay",
    "do-kill-basket-relay": "docker compose restart --timeout 0 basket-relay",
    "tour-stop": "docker compose stop ordering-consumer",
}


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with serving(create_app(room(Ring(), actions=FakeActions(), commands=True))) as its:
        yield its


def test_button_copies_the_command_that_it_shows(url: str, new_page: Callable[..., "Page"]) -> None:
    it = Room(new_page(url, permissions=["clipboard-read", "clipboard-write"]), url).open()
    for button, command in COMMANDS.items():
        assert it.page.inner_text(f"#{button}") == command
        assert f"Copied: {command}" in it.press(button)
        assert it.page.evaluate("navigator.clipboard.readText()") == command


def test_command_is_shown_where_the_browser_refuses_to_copy(url: str, new_page: Callable[..., "Page"]) -> None:
    page = new_page(url)
    page.add_init_script("navigator.clipboard.writeText = () => Promise.reject(new Error())")
    assert "Copy this yourself: docker compose stop ordering-consumer" in Room(page, url).open().press("tour-stop")


def test_containers_say_why_they_lose_no_answers(url: str, new_page: Callable[..., "Page"]) -> None:
    it = Room(new_page(url), url).open()
    assert it.page.locator("#do-lose").count() == 0
    assert it.page.get_by_text("Only the emulator of make run can do this.").is_visible()
