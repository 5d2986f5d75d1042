"""The login at an OpenID provider, by an authorization code with PKCE.

OpenID Connect Core 1.0, section 3.1; RFC 7636 (PKCE); RFC 9207 (`iss`); RFC 9700 (what to check).
"""

import hashlib
import secrets
import time
from base64 import urlsafe_b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote_plus, urlencode

import structlog
import urllib3

from chassis.core import deadline, strictjson
from chassis.core.errors import DomainError, Unavailable

TIMEOUT = 3.0  # seconds per call. A login needs two, and the page has 8.
LARGEST = 64 * 1024  # bytes of an answer
FRESH = 600.0  # seconds for which the discovery document is kept
DOWN = "The login provider does not answer. Try again in a moment."
REFUSED = "The login provider refuses what the shop asks. The log of the storefront has its error."

log = structlog.stdlib.get_logger(__name__)


class LoginFailed(DomainError):
    status, title = 400, "You are not signed in"


@dataclass(frozen=True)
class Client:
    """How the provider knows the shop. Without `secret` it is a public client.

    The provider sends browsers back to `callback`, and after a sign-out to `home`. The login page's address gets
    `parameters` too.
    """

    id: str
    callback: str
    home: str
    secret: str = ""
    parameters: Mapping[str, str] = field(default_factory=dict)


class Login:
    """`claims` returns the claims of a valid ID token, and raises TokenInvalid or Unavailable."""

    def __init__(
        self, issuer: str, client: Client, claims: Callable[[str], Mapping[str, Any]], timeout: float = TIMEOUT
    ) -> None:
        self._issuer, self._client, self._claims, self._timeout = issuer, client, claims, timeout
        self._http = urllib3.PoolManager(retries=False)
        self._found: Mapping[str, Any] = {}
        self._fresh_until = float("-inf")

    def begin(self) -> tuple[str, dict[str, str]]:
        """The address of the login page, and what this browser keeps until it is back. Raises Unavailable."""
        attempt = {name: secrets.token_urlsafe(32) for name in ("state", "nonce", "verifier")}
        challenge = urlsafe_b64encode(hashlib.sha256(attempt["verifier"].encode()).digest()).rstrip(b"=")
        own = {"response_type": "code", "client_id": self._client.id, "redirect_uri": self._client.callback}
        once = {"state": attempt["state"], "nonce": attempt["nonce"]}
        pkce = {"code_challenge": challenge.decode(), "code_challenge_method": "S256"}
        asked = {"scope": "openid", **self._client.parameters, **own, **once, **pkce}
        return _with(self._discovered()["authorization_endpoint"], asked), attempt

    def finish(self, attempt: Mapping[str, str], answer: Mapping[str, str]) -> str:
        """The access token. Anyone may have made `answer`, the query with which the browser came back.

        Raises LoginFailed, TokenInvalid or Unavailable.
        """
        if not attempt or not secrets.compare_digest(attempt["state"].encode(), answer.get("state", "").encode()):
            raise LoginFailed("This browser has not begun this login, or has begun another one since. Sign in again.")
        found = self._discovered()
        silent = None if found.get("authorization_response_iss_parameter_supported") else self._issuer
        if answer.get("iss", silent) != self._issuer:
            raise LoginFailed("Another provider than the shop's has answered. Sign in again.")
        if "code" not in answer:
            raise _refusal(answer.get("error", ""))
        tokens = self._tokens(found["token_endpoint"], answer["code"], attempt["verifier"])
        if self._claims(tokens["id_token"]).get("nonce") != attempt["nonce"]:
            raise LoginFailed("The provider's answer belongs to another login. Sign in again.")
        return tokens["access_token"]

    def end(self) -> str:
        """The address at which the provider ends its own session, or "" if it names none. Raises Unavailable."""
        where = self._discovered().get("end_session_endpoint", "")
        own = {"client_id": self._client.id, "post_logout_redirect_uri": self._client.home}
        return where and _with(where, {**own, "logout_uri": self._client.home})  # Cognito's name of the former

    def _discovered(self) -> Mapping[str, Any]:
        if time.monotonic() >= self._fresh_until:
            found = self._ask("GET", f"{self._issuer.rstrip('/')}/.well-known/openid-configuration")
            if found.get("issuer") != self._issuer or not {"authorization_endpoint", "token_endpoint"} <= found.keys():
                raise _unusable("the discovery document is of another issuer, or names no login", found.get("issuer"))
            self._found, self._fresh_until = found, time.monotonic() + FRESH
        return self._found

    def _tokens(self, url: str, code: str, verifier: str) -> Mapping[str, str]:
        """A public client names itself in the form, and a confidential one by RFC 6749, section 2.3.1."""
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": self._client.callback}
        form["code_verifier"], headers = verifier, {}
        if self._client.secret:
            own = f"{quote_plus(self._client.id)}:{quote_plus(self._client.secret)}"
            headers = urllib3.make_headers(basic_auth=own)
        else:
            form["client_id"] = self._client.id
        found = self._ask("POST", url, fields=form, encode_multipart=False, headers=headers)
        if found.get("error") == "invalid_grant":
            raise LoginFailed("The login took too long, or was used before. Sign in again.")
        if not all(isinstance(found.get(name), str) for name in ("access_token", "id_token")):
            raise _unusable("the provider gives no tokens", found.get("error"))
        return found

    def _ask(self, method: str, url: str, **given: Any) -> Mapping[str, Any]:
        """The document of an answer, which may be an error's. Raises Unavailable."""
        left = min(self._timeout, deadline.remaining())
        if left <= 0:
            raise Unavailable(DOWN)
        try:
            answer = self._http.request(
                method, url, timeout=urllib3.Timeout(total=left), redirect=False, preload_content=False, **given
            )
            document = strictjson.loads(_read(answer, time.monotonic() + left))
        except (urllib3.exceptions.HTTPError, ValueError, RecursionError) as error:
            raise Unavailable(DOWN) from error
        if answer.status >= 500 or not isinstance(document, dict):
            raise Unavailable(DOWN)
        return document


def _read(answer: urllib3.BaseHTTPResponse, until: float) -> bytes:
    """Raises ValueError for a body that is too large or too slow. A time-out of urllib3 is for each part alone."""
    data = b""
    while part := answer.read1(LARGEST):
        data += part
        if len(data) > LARGEST or time.monotonic() > until:
            answer.close()
            raise ValueError("the answer is too large or too slow")
    answer.release_conn()
    return data


def _with(url: str, query: Mapping[str, str]) -> str:
    return f"{url}{'&' if '?' in url else '?'}{urlencode(query)}"


def _refusal(error: str) -> DomainError:
    """Of the login page (RFC 6749, section 4.1.2.1)."""
    if error == "access_denied":
        return LoginFailed("The login was cancelled, or the provider does not let you in. You can sign in again.")
    if error in {"server_error", "temporarily_unavailable"}:
        return Unavailable(DOWN)
    return _unusable("the login page refuses the shop", error)


def _unusable(reason: str, value: object) -> Unavailable:
    log.error("cannot use the login provider", reason=reason, cause=str(value)[:100])
    return Unavailable(REFUSED)
