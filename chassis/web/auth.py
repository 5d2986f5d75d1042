"""Who sends a request, and the settings that say whether requests need tokens."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import ClassVar

from chassis.core.errors import DomainError, Misconfigured

SETTINGS = ("AUTH_ISSUER", "AUTH_AUDIENCE", "AUTH_JWKS")


@dataclass(frozen=True)
class Principal:
    """Who sends a request."""

    user: str
    admin: bool = False


Verify = Callable[[str], Principal]


class TokenMissing(DomainError):
    status, title = 401, "Unauthenticated"
    headers: ClassVar = {"WWW-Authenticate": "Bearer"}  # RFC 6750, section 3: without a token, no error code


class TokenInvalid(DomainError):
    status, title = 401, "Unauthenticated"
    headers: ClassVar = {"WWW-Authenticate": 'Bearer error="invalid_token"'}


def from_env(env: Mapping[str, str]) -> Verify | None:
    """None with SHOP_AUTH=off. Raises Misconfigured for missing or wrong settings."""
    mode = env.get("SHOP_AUTH") or "on"
    if mode not in {"on", "off"}:
        raise Misconfigured(f"SHOP_AUTH={mode} is neither on nor off.")
    if mode == "off":
        if env.get("AUTH_ISSUER"):
            raise Misconfigured("SHOP_AUTH=off contradicts AUTH_ISSUER. Set SHOP_AUTH=on, or remove AUTH_ISSUER.")
        return None
    if missing := [name for name in SETTINGS if not env.get(name)]:
        raise Misconfigured(
            f"Authentication needs {', '.join(missing)}. Or set SHOP_AUTH=off for a shop without authentication."
        )
    issuer, audience, jwks = (env[name] for name in SETTINGS)
    from chassis.web.verifier import Verifier, keys_of  # noqa: PLC0415 it needs 9 MB, and SHOP_AUTH=off none of them

    return Verifier(issuer, audience, keys_of(jwks))
