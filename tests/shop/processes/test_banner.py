"""What is said once the shop is open."""

from dataclasses import replace
from pathlib import Path

from shop.paths import Paths
from shop.processes import banner
from shop.settings import Settings

PORTS = {"emulator": 1, "product": 2, "basket": 3, "ordering": 4, "payment": 5, "stock": 6, "storefront": 7}
SETTINGS = Settings(name="mine", ports=PORTS)


def test_the_banner_shows_the_ports_of_this_shop() -> None:
    text = banner.text(SETTINGS, Paths(Path("/v/mine")), dev=False)
    for wanted in (
        "127.0.0.1:2/docs",
        "127.0.0.1:3/docs",
        "127.0.0.1:4/docs",
        "127.0.0.1:5/docs",
        "127.0.0.1:6/docs",
        "/v/mine/log",
        "--table-name mine-order",
    ):
        assert wanted in text
    assert "export AWS_ENDPOINT_URL=http://127.0.0.1:1 AWS_ACCESS_KEY_ID=test" in text


def test_the_banner_names_the_one_address_of_the_shop() -> None:
    text = banner.text(replace(SETTINGS, ports=PORTS | {"door": 9}), Paths(Path("/v")), dev=False)
    assert "everything    http://127.0.0.1:9    docs http://127.0.0.1:9/" in text
    assert "Caddy" not in text


def test_the_banner_leads_to_the_pages_of_the_shop() -> None:
    text = banner.text(replace(SETTINGS, ports=PORTS | {"door": 9}), Paths(Path("/v")), dev=False)
    assert "http://127.0.0.1:9/shop   in a browser" in text
    assert "http://127.0.0.1:7/shop   in a browser" in banner.text(SETTINGS, Paths(Path("/v")), dev=False)
    assert "127.0.0.1:7/docs" not in text


def test_the_banner_leads_to_the_machine_room() -> None:
    text = banner.text(replace(SETTINGS, ports=PORTS | {"room": 9}), Paths(Path("/v")), dev=False)
    assert "http://127.0.0.1:9/room   watch" in text


def test_without_caddy_the_banner_says_that_there_is_no_such_address() -> None:
    text = banner.text(SETTINGS, Paths(Path("/v")), dev=False)
    assert "Caddy is not here" in text
    assert "everything" not in text.replace("do everything", "").replace("stops everything", "")


def test_the_banner_of_dev_says_that_it_reloads() -> None:
    assert "reloads what you edit" in banner.text(SETTINGS, Paths(Path("/v")), dev=True)


def test_the_banner_says_that_authentication_is_off() -> None:
    text = banner.text(SETTINGS, Paths(Path("/v")), dev=False)
    assert "Authentication is off, so everyone may do everything." in text
    assert "$TOKEN" not in text


def test_the_banner_of_a_shop_with_authentication_sends_a_token_with_each_purchase() -> None:
    text = banner.text(SETTINGS, Paths(Path("/v")), dev=False, authenticates=True)
    assert "Authentication is on." in text
    assert "  TOKEN=$(.venv/bin/shop token ada --header)" in text
    private = [line for line in text.splitlines() if "curl" in line and "/product" not in line]
    assert len(private) == 3
    assert [line for line in private if '-H "$TOKEN"' not in line] == []
