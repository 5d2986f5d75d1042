"""Which clients may say for whom they send a request."""

from collections.abc import Mapping
from typing import Any

import pytest

from chassis.core.errors import Misconfigured
from chassis.web import proxies
from chassis.web.app import Answer, make_app
from chassis.web.edge import Edge
from chassis.web.proxies import Proxies

FORWARDED = {"X-Forwarded-For": "198.51.100.7, 203.0.113.9", "X-Forwarded-Host": "shop.example"}


class Names:
    """Addresses of hosts by name, and how often they were asked for."""

    def __init__(self, **addresses: str) -> None:
        self.addresses: dict[str, str] = addresses
        self.asked = 0
        self.now = 0.0

    def resolve(self, name: str) -> list[str]:
        self.asked += 1
        return [address for known, address in self.addresses.items() if known == name]

    def clock(self) -> float:
        return self.now


def what_is_seen(trusted: list[str], peer: str, headers: Mapping[str, str] = FORWARDED) -> Any:
    app = make_app("sample", "A sample.", lambda: None, edge=Edge(proxies=Proxies(trusted)))

    def seen() -> Answer:
        return {"client": proxies.client_address(), "base": proxies.base_url("http://direct")}

    app.add_url_rule("/seen", "seen", seen)
    return app.test_client().get("/seen", headers=dict(headers), environ_base={"REMOTE_ADDR": peer}).get_json()


@pytest.mark.parametrize("trusted", [["10.0.0.8"], ["10.0.0.0/24"], ["192.0.2.1", "10.0.0.8"]])
def test_trusted_proxy_says_who_the_client_is_and_that_it_used_another_address(trusted: list[str]) -> None:
    assert what_is_seen(trusted, "10.0.0.8") == {"client": "203.0.113.9", "base": ""}


@pytest.mark.parametrize("trusted", [[], ["10.0.0.9"], ["10.0.1.0/24"], ["::1"]])
def test_headers_of_other_clients_are_ignored(trusted: list[str]) -> None:
    assert what_is_seen(trusted, "10.0.0.8") == {"client": "10.0.0.8", "base": "http://direct"}


def test_trusted_proxy_without_the_headers_is_the_client() -> None:
    assert what_is_seen(["10.0.0.8"], "10.0.0.8", {}) == {"client": "10.0.0.8", "base": "http://direct"}


@pytest.mark.parametrize("peer", ["", "unix:", "10.0.0.8.evil"])
def test_peer_without_an_address_is_not_trusted(peer: str) -> None:
    assert not Proxies(["0.0.0.0/0"]).trusts(peer)


def test_host_is_trusted_by_the_address_that_its_name_has_now() -> None:
    names = Names()
    trusted = Proxies(["door"], names.resolve, names.clock)
    assert not trusted.trusts("172.18.0.5")
    names.addresses["door"] = "172.18.0.5"
    names.now = proxies.REFRESH
    assert trusted.trusts("172.18.0.5")
    assert not trusted.trusts("172.18.0.1")
    names.addresses["door"] = "172.18.0.6"
    names.now += proxies.REFRESH
    assert trusted.trusts("172.18.0.6")
    assert not trusted.trusts("172.18.0.5")


def test_name_is_resolved_once_in_ten_seconds() -> None:
    names = Names()
    trusted = Proxies(["door"], names.resolve, names.clock)
    for _ in range(5):
        trusted.trusts("172.18.0.5")
    names.now = 9.9
    trusted.trusts("172.18.0.5")
    assert names.asked == 1


def test_names_are_resolved_by_the_system() -> None:
    assert Proxies(["localhost"]).trusts("127.0.0.1")
    assert not Proxies(["no-such-host.invalid"]).trusts("127.0.0.1")


def test_setting_lists_addresses_networks_and_hosts() -> None:
    trusted = Proxies.from_env({"SHOP_TRUSTED_PROXIES": "10.0.0.8, 10.1.0.0/16 localhost"})
    assert all(trusted.trusts(peer) for peer in ("10.0.0.8", "10.1.2.3", "127.0.0.1"))
    assert not Proxies.from_env({}).trusts("127.0.0.1")


@pytest.mark.parametrize("wrong", ["10.0.0.256", "10.0.0.1/24", "*", "1.2.3"])
def test_setting_refuses_what_is_neither(wrong: str) -> None:
    with pytest.raises(Misconfigured, match="SHOP_TRUSTED_PROXIES: "):
        Proxies.from_env({"SHOP_TRUSTED_PROXIES": wrong})
