"""The storefront, built from its environment."""

import secrets
from collections.abc import Mapping
from functools import cached_property

from chassis.core.errors import Misconfigured
from services.storefront.client import HttpApi
from services.storefront.service import Storefront

SERVICES = {"product": 8001, "basket": 8002, "ordering": 8003, "stock": 8004, "payment": 8005}
KEY = "SHOP_SESSION_KEY"
LEAST = 16  # characters of a key


class Wiring:
    def __init__(self, env: Mapping[str, str]) -> None:
        self._urls = {
            name: env.get(f"{name.upper()}_URL") or f"http://127.0.0.1:{port}" for name, port in SERVICES.items()
        }
        self.session_key = _session_key(env)

    @cached_property
    def service(self) -> Storefront:
        return Storefront(HttpApi(self._urls))


def _session_key(env: Mapping[str, str]) -> str:
    """The key that signs cookies. Without the setting it is random, and cookies are valid until the process ends."""
    key = env.get(KEY, "")
    if not key and int(env.get("WEB_WORKERS") or 1) > 1:
        raise Misconfigured(f"Several web workers must sign cookies with the same key. Set {KEY} to a random text.")
    if key and len(key) < LEAST:
        raise Misconfigured(f"{KEY} is too short. Use at least {LEAST} random characters.")
    return key or secrets.token_hex(32)
