"""What axe finds on a page, with all of its rules."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Page


def violations(page: "Page") -> list[str]:
    from axe_playwright_python.sync_playwright import Axe  # noqa: PLC0415 only `make test-browser` installs it

    found = Axe().run(page).response["violations"]
    return [f"{rule['id']}: {node['html']} {node['failureSummary']}" for rule in found for node in rule["nodes"]]
