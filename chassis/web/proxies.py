"""Headers of proxies: `X-Forwarded-*` counts only if one of our own proxies sends it."""

import re
import socket
import time
from collections.abc import Callable, Iterable, Mapping
from ipaddress import ip_address, ip_network

from flask import current_app, request

from chassis.core.errors import Misconfigured

SETTING = "SHOP_TRUSTED_PROXIES"
NAME = re.compile(r"[A-Za-z][A-Za-z0-9.-]*")
REFRESH = 10.0  # seconds: a container that was started again may have another address

Resolve = Callable[[str], Iterable[str]]


def resolve(name: str) -> list[str]:
    """The addresses of a host, or none while it has none."""
    try:
        return [str(found[4][0]) for found in socket.getaddrinfo(name, None)]
    except OSError:
        return []


class Proxies:
    """The peers to trust: addresses, networks, and names of hosts. Raises Misconfigured for anything else."""

    def __init__(
        self, given: Iterable[str] = (), resolve: Resolve = resolve, clock: Callable[[], float] = time.monotonic
    ) -> None:
        words = list(given)
        self._names = [word for word in words if NAME.fullmatch(word)]
        self._resolve, self._clock = resolve, clock
        self._resolved, self._until = frozenset[str](), 0.0
        try:
            self._networks = [ip_network(word) for word in words if word not in self._names]
        except ValueError as error:
            raise Misconfigured(f"{SETTING}: {error}. Give addresses, networks such as 10.0.0.0/8, or hosts.") from None

    @classmethod
    def from_env(cls, env: Mapping[str, str]) -> "Proxies":
        return cls(env.get(SETTING, "").replace(",", " ").split())

    def trusts(self, peer: str) -> bool:
        try:
            address = ip_address(peer)
        except ValueError:
            return False
        return any(address in network for network in self._networks) or peer in self._addresses()

    def _addresses(self) -> frozenset[str]:
        if self._names and self._clock() >= self._until:
            self._resolved = frozenset(found for name in self._names for found in self._resolve(name))
            self._until = self._clock() + REFRESH
        return self._resolved


def client_address() -> str:
    """The address that a trusted proxy saw, or else that of the connection. A client can forge all others."""
    seen = _forwarded("X-Forwarded-For").rpartition(",")[2].strip()
    return seen or request.remote_addr or ""


def base_url(url: str) -> str:
    """`url`, or "" behind a trusted proxy. A URL that begins so is then relative to the proxy's address."""
    return "" if _forwarded("X-Forwarded-Host") else url


def is_https() -> bool:
    """Whether the client uses HTTPS, as a trusted proxy says or the connection itself."""
    return request.is_secure or _forwarded("X-Forwarded-Proto") == "https"


def _forwarded(header: str) -> str:
    given = request.headers.get(header, "")
    return given if given and current_app.extensions["proxies"].trusts(request.remote_addr or "") else ""
