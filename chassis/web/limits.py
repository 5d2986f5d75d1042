"""Limits how many requests one client may send to one process."""

import math
import re
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from threading import Lock

from flask import Response, g, request

from chassis.core.errors import DomainError, Misconfigured
from chassis.web import problems
from chassis.web.proxies import client_address

SETTING = "SHOP_RATE_LIMIT"
FORM = re.compile("([1-9][0-9]{0,5})/([sm])")
SECONDS = {"s": 1.0, "m": 60.0}
CLIENTS = 10_000  # take about 2 MB. Those seen least recently are forgotten first.


@dataclass(frozen=True)
class Rate:
    """So many requests in so many seconds. A client may send them all at once, and then has to wait."""

    requests: int
    seconds: float

    @classmethod
    def from_env(cls, env: Mapping[str, str]) -> "Rate | None":
        """None without the setting. Raises Misconfigured for a wrong one."""
        if not (given := env.get(SETTING)):
            return None
        if not (match := FORM.fullmatch(given)):
            raise Misconfigured(f"{SETTING}={given} is no rate. Write requests per second or minute: 100/s or 300/m.")
        return cls(int(match[1]), SECONDS[match[2]])


class Meter:
    """Counts requests by client with the generic cell rate algorithm: one number per client, and no clean-up."""

    def __init__(self, rate: Rate, clients: int = CLIENTS, clock: Callable[[], float] = time.monotonic) -> None:
        self._interval = rate.seconds / rate.requests
        self._tolerance = rate.seconds - self._interval
        self._clients, self._clock, self._lock = clients, clock, Lock()
        self._due: OrderedDict[tuple[str, str], float] = OrderedDict()  # when the client has all its requests again

    def wait(self, client: tuple[str, str]) -> float:
        """Counts a request and returns 0, or the seconds until the client may send one."""
        with self._lock:
            now = self._clock()
            due = max(now, self._due.get(client, now))
            if (wait := due - now - self._tolerance) > 0:
                return wait
            self._due[client] = due + self._interval
            self._due.move_to_end(client)
            if len(self._due) > self._clients:
                self._due.popitem(last=False)
            return 0.0


class Limits:
    """A hook for `before_request` around `authenticate`: counts by user, and by address without a valid token."""

    def __init__(self, meter: Meter, authenticate: Callable[[], None]) -> None:
        self._meter, self._authenticate = meter, authenticate

    def __call__(self) -> Response | None:
        if request.path.startswith("/health/"):
            return None
        try:
            self._authenticate()
        except DomainError:
            if refusal := self._count():
                return refusal
            raise
        return self._count()

    def _count(self) -> Response | None:
        principal = g.get("principal")
        wait = self._meter.wait(("user", principal.user) if principal else ("address", client_address()))
        if wait <= 0:
            return None
        seconds = max(1, math.ceil(wait))
        detail = f"You have sent too many requests. Send the next one in {seconds} s."
        refusal = problems.document(429, "Too many requests", detail)
        refusal.headers["Retry-After"] = str(seconds)
        return refusal
