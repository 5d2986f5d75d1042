"""Verifies the tokens of requests: JWTs (RFC 7519) that an OpenID issuer has signed."""

import time
from collections.abc import Callable, Mapping
from typing import Any

import jwt

from chassis.core.errors import Misconfigured
from chassis.web.auth import Principal, TokenInvalid
from chassis.web.jwks import ALGORITHMS, Jwks, fetcher, parse

LEEWAY = 10  # seconds by which the issuer's clock may differ
CACHED = 300.0  # seconds: the signature of a token is verified again after them
CACHE_SIZE = 1000  # tokens
USER_CLAIMS = ("username", "cognito:username", "sub")
REASONS: dict[type[Exception], str] = {
    jwt.ExpiredSignatureError: "it has expired",
    jwt.ImmatureSignatureError: "it is not valid yet",
    jwt.InvalidIssuerError: "it is of another issuer",
    jwt.InvalidAudienceError: "it is for another audience",
}


class Verifier:
    """Verifies tokens of one issuer for one audience. A token that was valid is cached, at most until it expires."""

    def __init__(self, issuer: str, audience: str, keys: Jwks, clock: Callable[[], float] = time.time) -> None:
        self._issuer, self._audience = issuer, audience
        self._keys, self._clock = keys, clock
        self._cache: dict[str, tuple[Principal, float]] = {}

    def __call__(self, token: str) -> Principal:
        """Raises TokenInvalid, or Unavailable if the issuer's keys cannot be fetched."""
        principal, until = self._cache.get(token, (None, 0.0))
        if principal is not None and self._clock() < until:
            return principal
        claims = self.claims(token)
        principal = _principal(claims)
        if len(self._cache) >= CACHE_SIZE:
            self._cache.clear()
        self._cache[token] = principal, min(float(claims["exp"]), self._clock() + CACHED)
        return principal

    def claims(self, token: str) -> Mapping[str, Any]:
        """Those of a valid token, never cached. Raises as a call does."""
        try:
            header = jwt.get_unverified_header(token)
            key = self._keys.find(header["kid"]) if header.get("alg") in ALGORITHMS and "kid" in header else None
            if key is None:
                raise jwt.InvalidKeyError
            claims: dict[str, Any] = jwt.decode(
                token,
                key,
                algorithms=[key.algorithm_name],
                issuer=self._issuer,
                leeway=LEEWAY,
                options={"require": ["exp", "iss"], "verify_aud": False},
            )
            _check_audience(claims, self._audience)
        except (jwt.PyJWTError, ValueError, OverflowError, RecursionError) as error:
            reason = REASONS.get(type(error), "its form, its key or its signature is wrong")
            raise TokenInvalid(f"The token is not valid: {reason}.") from None
        return claims


def _check_audience(claims: Mapping[str, Any], audience: str) -> None:
    """Access tokens of Cognito have no `aud` but a `client_id`."""
    given = claims.get("aud")
    if given is None and claims.get("token_use") == "access":
        given = claims.get("client_id")
    if audience not in (given if isinstance(given, list) else [given]):
        raise jwt.InvalidAudienceError


def _principal(claims: Mapping[str, Any]) -> Principal:
    user = next((claims[name] for name in USER_CLAIMS if claims.get(name)), None)
    if not isinstance(user, str):
        raise TokenInvalid("The token is not valid: it names no user.")
    groups = claims.get("cognito:groups", claims.get("groups"))
    return Principal(user, admin=isinstance(groups, list) and "admin" in groups)


def keys_of(jwks: str) -> Jwks:
    """Of a URL or a JSON Web Key Set. Raises Misconfigured."""
    if jwks.startswith(("https://", "http://")):
        return Jwks(fetcher(jwks))
    try:
        keys = parse(jwks)
    except ValueError as error:
        raise Misconfigured(f"AUTH_JWKS is neither a URL nor usable JSON: {error}.") from None
    return Jwks(lambda: keys)
