"""What stands between clients and the routes of a service, by its settings."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self

from chassis.web import auth, cors
from chassis.web.limits import Rate
from chassis.web.proxies import Proxies


@dataclass(frozen=True)
class Edge:
    """Without `verify`, everyone may do everything. Scripts of `origins` may use the API from a browser.
    Only headers of `proxies` say who the client is and that it used another address.
    Without `rate`, requests are not limited.
    """

    verify: auth.Verify | None = None
    origins: frozenset[str] = frozenset()
    proxies: Proxies = field(default_factory=Proxies)
    rate: Rate | None = None

    @classmethod
    def from_env(cls, env: Mapping[str, str]) -> Self:
        """Raises Misconfigured for missing or wrong settings."""
        return cls(auth.from_env(env), cors.origins(env), Proxies.from_env(env), Rate.from_env(env))
