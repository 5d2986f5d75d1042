"""Who may call an operation: its route declares a rule, as in `security=access.ADMIN`, and OpenAPI shows it."""

from typing import Any

import structlog
from flask import current_app, g, request
from flask_openapi.blueprint import APIBlueprint
from flask_openapi.utils import parse_rule

from chassis.core.errors import DomainError
from chassis.web.auth import TokenMissing, Verify

Rule = list[dict[str, list[str]]]

SCHEME = "token"
OPEN: Rule = [{}]  # everyone, without a token
USER: Rule = [{SCHEME: []}]  # the user whom the path or the body names in OWNER, and admins
ADMIN: Rule = [{SCHEME: ["admin"]}]  # also for an operation that declares no rule
OWNER = "userName"
SCHEMES: dict[str, Any] = {
    SCHEME: {"type": "http", "scheme": "bearer", "bearerFormat": "JWT", "description": "a token of the shop's issuer"}
}


class Forbidden(DomainError):
    status, title = 403, "Forbidden"


class Access:
    """Two hooks for `before_request`: a missing or wrong token is reported before errors of the body, others after."""

    def __init__(self, verify: Verify) -> None:
        self._verify = verify
        self._rules: dict[str, Rule] = {}  # by endpoint

    def authenticate(self) -> None:
        """Raises TokenMissing, TokenInvalid or Unavailable."""
        if self._rule() == OPEN:
            return
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer":
            raise TokenMissing("This needs a token. Send it as `Authorization: Bearer …`.")
        g.principal = self._verify(token.strip())
        structlog.contextvars.bind_contextvars(user=g.principal.user)

    def authorize(self) -> None:
        """Raises Forbidden."""
        rule = self._rule()
        if rule == OPEN or g.principal.admin:
            return
        if rule != USER:
            raise Forbidden("Only an admin may do this.")
        if _owner() != g.principal.user:
            raise Forbidden(f"`{OWNER}` must be that of your token.")

    def _rule(self) -> Rule:
        """A wrong path or method has no endpoint, and OPTIONS calls no view."""
        endpoint = request.endpoint
        if endpoint is None or request.method == "OPTIONS":
            return OPEN
        if endpoint not in self._rules:
            self._rules[endpoint] = _declared()
        return self._rules[endpoint]


def _declared() -> Rule:
    """Routes outside of a documented API are open: health, the document, its pages."""
    if not isinstance(current_app.blueprints.get(request.blueprint or ""), APIBlueprint):
        return OPEN
    item = current_app.paths.get(parse_rule(str(request.url_rule)))  # type: ignore[attr-defined] # of an OpenAPI
    operation = getattr(item, request.method.lower().replace("head", "get"), None)
    return getattr(operation, "security", None) or ADMIN


def _owner() -> object:
    return (request.view_args or {}).get(OWNER) or (request.is_json and request.get_json().get(OWNER))
