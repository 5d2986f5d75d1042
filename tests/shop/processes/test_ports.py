"""Which ports are taken."""

import os
import re
import shutil
import socket
from collections.abc import Iterator

import pytest

from bootstrap.errors import Failed
from shop.processes import ports
from tests.shops import free_ports


@pytest.fixture
def listener() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def test_a_port_with_a_listener_is_taken(listener: int) -> None:
    assert ports.is_taken(listener)


def test_a_port_that_is_bound_but_does_not_listen_is_taken() -> None:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        assert ports.is_taken(bound.getsockname()[1])


def test_a_free_port_is_not_taken() -> None:
    assert not ports.is_taken(int(free_ports()["SHOP_PRODUCT_PORT"]))


def test_the_error_for_a_taken_port_names_its_holder_and_the_variable(listener: int) -> None:
    with pytest.raises(Failed) as caught:
        ports.refuse_taken({"basket": listener}, holder=lambda _: "nginx (pid 7)")
    text = str(caught.value)
    assert f"Port {listener} (basket) is in use by nginx (pid 7)" in text
    assert "SHOP_BASKET_PORT=" in text
    assert "\n" not in text


def test_an_unknown_holder_is_left_out(listener: int) -> None:
    with pytest.raises(Failed, match=r"is in use: stop that"):
        ports.refuse_taken({"basket": listener}, holder=lambda _: "")


def test_free_ports_are_different() -> None:
    ports = free_ports()
    assert len(set(ports.values())) == len(ports) == 9


@pytest.mark.skipif(not shutil.which("lsof"), reason="lsof alone can tell, and is not here")
def test_the_holder_of_a_port_is_named_with_its_pid(listener: int) -> None:
    assert re.fullmatch(rf"\S+ \(pid {os.getpid()}\)", ports.held_by(listener))


def test_a_free_port_has_no_holder() -> None:
    assert ports.held_by(int(free_ports()["SHOP_PRODUCT_PORT"])) == ""
