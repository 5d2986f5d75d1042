"""Lets scripts of other origins use the API from a browser: the CORS protocol of the Fetch standard."""

import re
from collections.abc import Mapping

from flask import Response, current_app, request
from werkzeug.exceptions import HTTPException

from chassis.core.errors import Misconfigured
from chassis.web.headers import CORRELATION_ID

SETTING = "SHOP_CORS_ORIGINS"
ORIGIN = re.compile(r"https?://(\[[0-9a-f:.]+\]|[a-z0-9.-]+)(:[0-9]{1,5})?")
SENT = ("Authorization", "Content-Type", CORRELATION_ID)  # with every request; a view's own ones are in its `header`
EXPOSED = f"Location, ETag, {CORRELATION_ID}, Retry-After"
MAX_AGE = "600"  # seconds for which a browser may keep the answer to a preflight request


def origins(env: Mapping[str, str]) -> frozenset[str]:
    """Empty if the setting is. Raises Misconfigured for what no browser sends as an `Origin`."""
    given = env.get(SETTING, "").replace(",", " ").split()
    if wrong := [origin for origin in given if not ORIGIN.fullmatch(origin)]:
        raise Misconfigured(
            f"{SETTING} has {wrong[0]}, which is no origin. Write scheme, host and port in lower case and without a "
            "slash at the end, as in http://localhost:5173."
        )
    return frozenset(given)


class Cors:
    """A hook for `after_request`. A browser withholds the response of another origin unless its headers name it."""

    def __init__(self, allowed: frozenset[str]) -> None:
        self._allowed = allowed

    def __call__(self, response: Response) -> Response:
        response.vary.add("Origin")  # otherwise a cache gives one origin the response that was made for another
        if (origin := request.headers.get("Origin")) not in self._allowed:
            return response
        response.headers["Access-Control-Allow-Origin"] = origin
        method = request.headers.get("Access-Control-Request-Method")
        if method:
            response.headers["Access-Control-Allow-Methods"] = response.headers.get("Allow", "")
            response.headers["Access-Control-Allow-Headers"] = ", ".join((*SENT, *_own_headers(method)))
            response.headers["Access-Control-Max-Age"] = MAX_AGE
        else:
            response.headers["Access-Control-Expose-Headers"] = EXPOSED
        return response


def _own_headers(method: str) -> list[str]:
    """Those that the view of the coming request declares in its argument `header`."""
    try:
        endpoint, _ = current_app.create_url_adapter(request).match(method=method)  # type: ignore[union-attr]
    except HTTPException:
        return []
    model = getattr(current_app.view_functions[endpoint], "__annotations__", {}).get("header")
    return [field.alias or name for name, field in model.model_fields.items()] if model else []
