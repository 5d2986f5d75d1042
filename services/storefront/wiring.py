"""The storefront, built from its environment."""

import secrets
from collections.abc import Mapping
from functools import cached_property
from urllib.parse import parse_qsl, urlsplit

from chassis.core.errors import Misconfigured
from services.storefront.client import HttpApi
from services.storefront.login import Client, Login
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
        self.login = _login(env)

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


def _login(env: Mapping[str, str]) -> Login | None:
    """None without SHOP_LOGIN_CLIENT. The app checks the settings of authentication."""
    client = env.get("SHOP_LOGIN_CLIENT", "")
    if not client:
        return None
    address, issuer, jwks = (env.get(name, "") for name in ("SHOP_LOGIN_ADDRESS", "AUTH_ISSUER", "AUTH_JWKS"))
    if not issuer or not jwks:
        raise Misconfigured("SHOP_LOGIN_CLIENT needs SHOP_AUTH=on, AUTH_ISSUER and AUTH_JWKS. Or remove it.")
    if urlsplit(address).scheme not in {"https", "http"} or not urlsplit(address).hostname:
        raise Misconfigured("SHOP_LOGIN_CLIENT needs SHOP_LOGIN_ADDRESS, such as https://shop.example.com.")
    from chassis.web.verifier import Verifier, keys_of  # noqa: PLC0415 it needs 9 MB, and a shop without login none

    home = f"{address.rstrip('/')}/shop"
    parameters = dict(parse_qsl(env.get("SHOP_LOGIN_PARAMETERS", "")))
    own = Client(client, f"{home}/sign-in/done", home, env.get("SHOP_LOGIN_PASSWORD", ""), parameters)
    return Login(issuer, own, Verifier(issuer, client, keys_of(jwks)).claims)
