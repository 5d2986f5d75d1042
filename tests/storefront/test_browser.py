"""An order's page in a real browser."""

import subprocess
from pathlib import Path
from typing import Any

import pytest

from services.storefront.app import create_app
from services.storefront.service import Storefront
from tests.environment import CHROMIUM
from tests.processes import serving
from tests.storefront.fakes import ORDER, FakeApi

pytestmark = pytest.mark.browser
AT = "2026-11-26T10:15:30.923Z"
REJECTED = {"status": "REJECTED", "reason": "OUT_OF_STOCK", "history": [{"status": "REJECTED", "at": AT}]}


class Moving(FakeApi):
    """The order of any user, which is rejected when it is asked for the third time."""

    asked = 0

    def ask(self, visitor: Any, service: str, method: str, path: str, body: Any = None, headers: Any = None) -> Any:
        if service != "ordering":
            return super().ask(visitor, service, method, path, body, headers)
        self.asked += 1
        return ORDER | (REJECTED if self.asked > 2 else {})


def test_script_shows_the_end_of_an_order_and_hides_its_cancel_button(tmp_path: Path) -> None:
    """The policy of the page lets the script run. It asks no more once the order has ended."""
    api = Moving()
    options = ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", f"--user-data-dir={tmp_path}"]
    with serving(create_app(Storefront(api), "k" * 16)) as url:
        command = [str(CHROMIUM), *options, "--virtual-time-budget=20000", "--dump-dom", f"{url}/shop/orders/o-1"]
        page = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120).stdout
    assert "Your order is rejected." in page
    assert "Too few pieces are in stock." in page
    assert '<form id="cancel" method="post" action="/shop/orders/o-1/cancel" hidden="">' in page
    assert api.asked == 3
