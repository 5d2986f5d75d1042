"""Which shop gets the load."""

from pathlib import Path

import pytest

from load.orders import Order, ended, seconds
from load.record import Entry, Written
from load.target import open_orders
from shop import cli
from tests.shops import free_ports

HISTORY = [
    {"status": "PLACED", "at": "2026-11-26T05:43:21.102Z"},
    {"status": "CONFIRMED", "at": "2026-11-26T05:43:21.602Z"},
    {"status": "CANCELLING", "at": "2026-11-26T05:43:25.000Z"},
    {"status": "CANCELLED", "at": "2026-11-26T05:43:26.000Z"},
]


@pytest.mark.parametrize("address", ["BASKET_URL", "ORDERING_URL"])
def test_load_is_sent_to_no_other_shop(tmp_path: Path, capsys: pytest.CaptureFixture[str], address: str) -> None:
    env = free_ports() | {"SHOP_VAR": str(tmp_path), address: "https://shop.example.com"}
    assert cli.main(["load", "--headless"], env) == 1
    assert capsys.readouterr().err == (
        "`.venv/bin/shop load` needs the shop of `make run`, and that does not run here. It sends load to no other.\n"
    )


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--outage", "5"], "--outage needs --headless"),
        (["--headless", "--seconds", "10", "--outage", "10"], "does not fit"),
    ],
)
def test_an_outage_that_cannot_be_is_refused(options: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["load", *options], {}) == 2
    assert said in capsys.readouterr().err


def test_an_order_has_the_instants_of_its_history() -> None:
    order = Order.of({"orderId": "o-1", "userName": "ann", "status": "CANCELLED", "history": HISTORY})
    assert order.placed == seconds("2026-11-26T05:43:21.102Z")
    assert order.ended == pytest.approx(order.placed + 0.5)
    assert order.is_final


def test_an_order_without_a_final_status_has_not_ended() -> None:
    assert ended(HISTORY[:1]) is None
    assert ended([]) is None


def test_orders_are_awaited_until_they_are_there_and_final() -> None:
    entries = [Entry(1.0, user, "k", 202, f"o-{user}") for user in ("ann", "bob", "cy")]
    entries.append(Entry(1.0, "dan", "k", 409))
    orders = [Order("o-ann", "ann", "CONFIRMED", 1.0, 2.0), Order("o-bob", "bob", "CANCELLING", 1.0, 2.0)]
    assert open_orders(Written(0.0, entries), orders) == ["bob", "cy"]
