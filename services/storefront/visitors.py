"""Who a visitor is: a name in a signed cookie, or with authentication on the token in it."""

import secrets
from typing import Any

from flask import Flask, current_app, flash, g, redirect, request, session, url_for
from flask.sessions import SecureCookieSessionInterface

from chassis.core.errors import DomainError
from chassis.web import auth, proxies
from chassis.web.app import Answer
from services.storefront.models import Visitor

PREFIX = "/shop"
MAX_TOKEN = 3500  # characters. Browsers drop a cookie of more than 4,096 bytes, and the visitor would not be signed in.


class SessionCookies(SecureCookieSessionInterface):
    """A cookie that was set over HTTPS is never sent without it."""

    def get_cookie_secure(self, app: Flask) -> bool:  # noqa: ARG002 Flask's signature
        return proxies.is_https()


def identify() -> None:
    """A hook for `before_request`. Without authentication, a visitor gets a name and may do everything."""
    verify, address = current_app.extensions["verify"], proxies.client_address()
    if verify is None:
        if "user" not in session:
            sign_in(f"guest-{secrets.token_hex(4)}")
        g.visitor = Visitor(session["user"], admin=True, address=address)
    else:
        g.visitor = _of_token(verify, session.get("token", ""), address)


def _of_token(verify: auth.Verify, token: str, address: str) -> Visitor:
    try:
        principal = verify(token) if token else auth.Principal("")
    except auth.TokenInvalid:
        session.clear()
        flash("Your token is no longer valid. Sign in again.")
        return Visitor("", address=address)
    return Visitor(principal.user, principal.admin, token, address)


def sign_in(given: str) -> None:
    """Raises TokenInvalid or Unavailable. `given` is a token, or without authentication a name."""
    verify = current_app.extensions["verify"]
    if verify is not None:
        verify(given)
        _check_length(given)
    back = session.get("back")
    session.clear()
    session.permanent = True
    session.update({"user" if verify is None else "token": given} | ({"back": back} if back else {}))


def _check_length(token: str) -> None:
    if len(token) > MAX_TOKEN:
        raise auth.TokenInvalid(f"The token has {len(token)} characters. A cookie has room for {MAX_TOKEN}.")


def require_user() -> Any:
    """A hook for the pages of a user."""
    if g.visitor.user:
        return None
    session["back"] = request.full_path if request.method == "GET" else back()
    return redirect(url_for("pages.show_sign_in"), 303)


class AdminsOnly(DomainError):
    status, title = 403, "Only for admins"


def require_admin() -> Any:
    """A hook for the pages of an admin."""
    if g.visitor.user and not g.visitor.admin:
        raise AdminsOnly("Sign in with a token of an admin to change the catalogue.")
    return require_user()


def back() -> str:
    """The page that a form was on. Only a page of the shop counts, and a header can have no line break."""
    given = request.form.get("back", "")
    is_own = given.isprintable() and given.startswith((f"{PREFIX}/", f"{PREFIX}?"))
    return given if is_own else PREFIX


def to(path: str) -> Answer:
    """A redirect after a form, so that reloading the page does not send the form again."""
    return redirect(path, 303)  # type: ignore[return-value] # werkzeug's class, of which Flask's is one
