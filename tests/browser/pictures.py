"""`make pictures`: the pictures of README and docs, from a shop that it starts."""

import io
import re
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PIL import Image
from rich.console import Console
from rich.text import Text

from shop.output import say
from tests.browser.customer import Customer
from tests.browser.room import Room
from tests.browser.shop import Shop, open_chromium, open_shop
from tests.environment import ROOT
from tests.processes import eventually

if TYPE_CHECKING:
    from playwright.sync_api import Page

FOLDER = ROOT / "docs" / "pictures"
COLOURS = 128  # of a picture: flat drawings have few, and each costs bytes
FONT = re.compile(r"@font-face \{.*?\}", re.DOTALL)
COLUMNS = 118  # of the terminal with the trace
PAINTS = {  # of the bars
    "basket": "green",
    "ordering-consumer": "bright_blue",
    "ordering-commands": "cyan",
    "stock-consumer": "yellow",
    "payment-consumer": "magenta",
}


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, open_chromium() as browser, open_shop(Path(folder)) as shop:
        page = browser.new_page(viewport={"width": 1000, "height": 640}, device_scale_factor=2)
        customer = Customer(page, shop.url)
        storefront(customer, shop)
        machine_room(browser.new_page(viewport={"width": 1280, "height": 720}, device_scale_factor=1.5), shop)
    for picture in sorted(FOLDER.iterdir()):
        say(f"{picture.relative_to(ROOT)}  {picture.stat().st_size / 1024:.0f} KB")


def storefront(customer: Customer, shop: Shop) -> None:
    """The catalogue, an order that is under way, and the trace of another one."""
    customer.open("/shop/sign-in")
    customer.fill(Name="ann")
    customer.click("Shop under this name")
    customer.put_into_basket("Canon R6", "Camera")
    customer.open("/shop")
    save(customer.page, "catalogue")
    with shop.paused("payment-consumer"):
        customer.buy()
        customer.sees("pieces are being reserved")
        save(customer.page, "order")
    customer.buy()
    customer.sees("Your order is confirmed.")
    draw_trace(shop, customer.page.url.rpartition("/")[2])


def machine_room(page: "Page", shop: Shop) -> None:
    """While ordering-consumer is stopped, and three checkouts wait."""
    room = Room(page, shop.room).open()
    room.press("tour-buy")
    page.locator("#tour [data-step=confirmed].ok").wait_for()
    room.press("tour-stop")
    room.shows("#process-ordering-consumer", "stopped")
    for _ in range(3):
        room.press("tour-again")
    page.locator("#tour [data-step=waiting].ok").wait_for()
    eventually(lambda: room.books()["way"] == 3)
    page.mouse.move(0, 0)
    below = page.locator(".legend").bounding_box()
    assert below
    save(page, "room", {"x": 0, "y": 0, "width": 1280, "height": below["y"] + below["height"] + 16})


def save(page: "Page", name: str, clip: Any = None) -> None:
    picture = Image.open(io.BytesIO(page.screenshot(full_page=clip is not None, clip=clip)))
    # Pillow's default method takes the colour from thin lines.
    few = picture.convert("RGB").quantize(COLOURS, Image.Quantize.FASTOCTREE)
    few.save(FOLDER / f"{name}.png", optimize=True)


def draw_trace(shop: Shop, order_id: str) -> None:
    """What `shop trace` prints, with a colour for each process."""
    console = Console(record=True, width=COLUMNS, file=io.StringIO())
    for line in shop.command("trace", order_id, columns=COLUMNS).splitlines():
        text = Text(line)
        for process, paint in PAINTS.items():
            if f" {process} " in line:
                text.highlight_regex("█+", paint)
        console.print(text, soft_wrap=True)
    drawn = console.export_svg(title=f"shop trace {order_id}", unique_id="trace")
    (FOLDER / "trace.svg").write_text(FONT.sub("", drawn), encoding="utf-8")  # a picture loads no font


if __name__ == "__main__":
    main()
