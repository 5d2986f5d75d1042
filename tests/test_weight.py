"""The shop is more than its tools, and its web pages are within their budget."""

from tests.environment import ROOT
from tests.lines import lines_of_code

PAGES = (ROOT / "services" / "storefront", ROOT / "shop" / "room")


def test_the_tools_weigh_less_than_the_services_and_the_chassis() -> None:
    tools = {*ROOT.glob("bootstrap/**/*.py"), *ROOT.glob("shop/**/*.py")} - {*ROOT.glob("shop/room/*.py")}
    shop = {*ROOT.glob("services/**/*.py"), *ROOT.glob("chassis/**/*.py")}
    assert lines_of_code(tools) < lines_of_code(shop)


def test_storefront_and_room_are_within_their_budget() -> None:
    assert lines_of_code(file for pages in PAGES for file in pages.glob("*.py")) <= 2000
    scripts = [file.read_text().splitlines() for pages in PAGES for file in pages.glob("static/*.js")]
    assert 0 < sum(map(len, scripts)) <= 400
