"""What is said once the shop is open."""

from pathlib import Path

from shop.paths import Paths
from shop.processes import banner
from shop.settings import Settings

SETTINGS = Settings(name="mine", ports={"emulator": 1, "product": 2, "basket": 3, "ordering": 4})


def test_the_banner_shows_the_ports_of_this_shop() -> None:
    text = banner.text(SETTINGS, Paths(Path("/v/mine")), dev=False)
    for wanted in (
        "127.0.0.1:2/docs",
        "127.0.0.1:3/docs",
        "127.0.0.1:4/docs",
        "/v/mine/log",
        "--table-name mine-order",
    ):
        assert wanted in text
    assert "export AWS_ENDPOINT_URL=http://127.0.0.1:1 AWS_ACCESS_KEY_ID=test" in text


def test_the_banner_of_dev_says_that_it_reloads() -> None:
    assert "reloads what you edit" in banner.text(SETTINGS, Paths(Path("/v")), dev=True)
