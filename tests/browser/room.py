"""What a person does and sees on the page of the machine room."""

from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from playwright.sync_api import Page

STEP = 30_000  # milliseconds until what was asked for is shown
OVER = 90_000  # milliseconds until an outage and what it delayed are over


class Room:
    """A message that a killed consumer had asked for comes back after half a minute, so every wait is longer."""

    def __init__(self, page: "Page", url: str) -> None:
        self.page, self._url = page, url
        page.set_default_timeout(OVER)

    def open(self, path: str = "/room") -> Self:
        self.page.goto(f"{self._url}{path}")
        if path == "/room":
            self.shows("#live", "live")
        return self

    def press(self, button: str) -> str:
        """The sentence that tells what happened."""
        said = self.page.locator("#done li")
        before = said.count()
        self.page.click(f"#{button}")
        said.nth(before).wait_for(timeout=STEP)
        return str(said.first.inner_text())

    def shows(self, selector: str, text: str, within: int = STEP) -> None:
        self.page.locator(f'{selector}:text-is("{text}")').wait_for(timeout=within)

    def books(self) -> dict[str, int]:
        return {name: int(self.page.inner_text(f"#book-{name}")) for name in ("accepted", "final", "way", "lost")}

    def offered(self, process: str) -> list[str]:
        """The buttons of a process that can be pressed."""
        buttons = self.page.locator(f"td [data-process={process}]:enabled")
        return [str(button.get_attribute("data-action")) for button in buttons.all()]

    def events(self) -> list[str]:
        """Their ids, the newest first."""
        ids: list[str] = self.page.locator("#events a").evaluate_all("links => links.map(it => it.dataset.id)")
        return ids
