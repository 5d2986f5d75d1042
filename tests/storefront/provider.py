"""An OpenID provider over HTTP that signs in everyone as one user. It is as strict as RFC 9700 asks."""

import base64
import hashlib
import secrets
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import unquote_plus, urlencode

from flask import Flask, redirect, request

from tests import tokens

Answer = Any


class Provider:
    """`url` is known once it is served. Tests change the other attributes."""

    def __init__(self, callback: str, secret: str = "") -> None:
        self.callback, self.secret, self.user, self.url = callback, secret, "ann", ""
        self.codes: dict[str, dict[str, str]] = {}
        self.access: dict[str, Any] = {}  # claims that differ
        self.id: dict[str, Any] = {}
        self.document: dict[str, Any] = {}  # members of the discovery document that differ
        self.token: Callable[[], Answer] | None = None  # instead of the token endpoint
        self.visits: list[str] = []
        self.app = Flask("provider")
        self.app.add_url_rule("/.well-known/openid-configuration", view_func=self.discovery)
        self.app.add_url_rule("/authorize", view_func=self.authorize)
        self.app.add_url_rule("/token", view_func=self.exchange, methods=["POST"])
        self.app.add_url_rule("/jwks", view_func=tokens.jwks)
        self.app.add_url_rule("/logout", view_func=self.logout)
        self.app.before_request(lambda: self.visits.append(request.path))

    def discovery(self) -> Answer:
        names = {"authorization_endpoint": "authorize", "token_endpoint": "token", "end_session_endpoint": "logout"}
        return {"issuer": self.url} | {name: f"{self.url}/{path}" for name, path in names.items()} | self.document

    def authorize(self) -> Answer:
        asked = request.args.to_dict()
        if (asked["client_id"], asked["redirect_uri"]) != (tokens.AUDIENCE, self.callback):
            return "unknown client", 400
        if (asked["response_type"], asked["code_challenge_method"]) != ("code", "S256"):
            return redirect(f"{self.callback}?{urlencode({'error': 'invalid_request', 'state': asked['state']})}")
        code = secrets.token_urlsafe(16)
        self.codes[code] = asked
        return redirect(f"{self.callback}?{urlencode({'code': code, 'state': asked['state']})}")

    def logout(self) -> Answer:
        home = request.args["post_logout_redirect_uri"]
        return redirect(home) if self.callback.startswith(f"{home}/") else ("unknown address", 400)

    def exchange(self) -> Answer:
        return self.token() if self.token else self.tokens()

    def tokens(self) -> Answer:
        form, given = request.form, request.authorization
        own = (unquote_plus(given.username or ""), unquote_plus(given.password or "")) if given else None
        if own != ((tokens.AUDIENCE, self.secret) if self.secret else None):
            return {"error": "invalid_client"}, 401
        asked = self.codes.pop(form["code"], None)
        digest = base64.urlsafe_b64encode(hashlib.sha256(form["code_verifier"].encode()).digest()).rstrip(b"=").decode()
        client = tokens.AUDIENCE if self.secret else form["client_id"]
        if asked is None or (asked["client_id"], asked["redirect_uri"], asked["code_challenge"]) != (
            client, form["redirect_uri"], digest,
        ):  # fmt: skip
            return {"error": "invalid_grant"}, 400
        access = tokens.token(self.user, **{"iss": self.url} | self.access)
        its = {"iss": self.url, "aud": tokens.AUDIENCE, "nonce": asked["nonce"], "exp": time.time() + 60}
        return {
            "access_token": access,
            "id_token": tokens.sign(its | {"sub": f"{self.user}-sub"} | self.id),
            "token_type": "Bearer",
        }
