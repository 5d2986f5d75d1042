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
        _keep("back", "owner", "csrf_token")
        if request.method == "GET":
            flash("Your sign-in has ended. Sign in again.")
        return Visitor("", address=address)
    return Visitor(principal.user, principal.admin, token, address)


def sign_in(given: str) -> None:
    """Raises TokenInvalid or Unavailable. `given` is a token, or without authentication a name.

    Nothing of another session is left. Forms on open pages stay valid if a user signs in again whose token has expired.
    """
    verify = current_app.extensions["verify"]
    if verify is None:
        own = {"user": given}
    else:
        own = {"token": given, "owner": verify(given).user}
        _check_length(given)
    is_again = "token" not in session and "owner" in own and session.get("owner") == own["owner"]
    _keep("back", *(["csrf_token"] if is_again else []))
    session.permanent = True
    session.update(own)


def _keep(*names: str) -> None:
    kept = {name: session[name] for name in names if name in session}
    session.clear()
    session.update(kept)


def _check_length(token: str) -> None:
    if len(token) > MAX_TOKEN:
        raise auth.TokenInvalid(f"The token has {len(token)} characters. A cookie has room for {MAX_TOKEN}.")


def require_user() -> Any:
    """A hook for the pages of a user."""
    if g.visitor.user:
        return None
    if request.method != "GET" and "owner" in session:
        raise SignInEnded
    session["back"] = request.full_path if request.method == "GET" else back()
    return redirect(url_for("entry.show_sign_in"), 303)


class SignInEnded(DomainError):
    """The browser keeps the form, with the card number, which no page may show again."""

    status, title = 401, "Your sign-in has ended"

    def __init__(self) -> None:
        super().__init__(
            "Nothing was changed. Sign in again in another tab. Then reload this page, and your browser sends the form "
            "again as you filled it in."
        )


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
