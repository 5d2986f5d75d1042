"""A shop that runs, and Chromium, for the tests of pages and for `make pictures`."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from shop.processes.supervisor_client import SupervisorClient
from shop.settings import DOOR, ROOT, Settings
from tests.environment import CHROMIUM
from tests.shops import free_ports, running

if TYPE_CHECKING:
    from playwright.sync_api import Browser


@dataclass(frozen=True)
class Shop:
    """`url` is that of the storefront, behind the door where there is one, and `room` that of the machine room."""

    url: str
    room: str
    processes: SupervisorClient
    env: Mapping[str, str]

    def command(self, *words: str, columns: int = 120) -> str:
        """What `shop` prints with these words."""
        env = {**self.env, "COLUMNS": str(columns)}
        command = [sys.executable, "-m", "shop", *words]
        return subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=True).stdout

    @contextmanager
    def paused(self, process: str) -> Iterator[None]:
        """It receives no message and loses none. One that is stopped hides a message for half a minute."""
        pid = self.processes.processes()[process].pid
        os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(pid, signal.SIGCONT)


@contextmanager
def open_shop(folder: Path) -> Iterator[Shop]:
    """As `make run`, with ports and a folder of its own and without authentication."""
    env = os.environ | free_ports() | {"SHOP_VAR": str(folder), "SHOP_NAME": "shopwire", "SHOP_AUTH": "off"}
    env |= {"SHOP_ENDPOINT_URL": "", "LOG_LEVEL": "", "SHOP_PATIENCE": "200"}  # independent of a developer's `.env`
    settings = Settings.from_env(env)
    with running(settings, env) as launcher:
        storefront = settings.url(DOOR if DOOR in settings.ports else "storefront")
        yield Shop(storefront, settings.url("room"), launcher.client, env)


@contextmanager
def open_chromium() -> Iterator["Browser"]:
    """The browser that is installed, and none that Playwright would download."""
    from playwright.sync_api import sync_playwright  # noqa: PLC0415 only `make test-browser` installs it

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()
