"""Signing in and out: by a token or a name, or in a shop with a login at its provider."""

from typing import cast

from flask import Blueprint, current_app, g, render_template, request, session

from chassis.core.errors import DomainError, Unavailable
from chassis.web.app import Answer
from services.storefront import visitors
from services.storefront.login import Login
from services.storefront.models import Visitor

entry = Blueprint("entry", __name__, url_prefix=visitors.PREFIX)
provider = Blueprint("provider", __name__, url_prefix=f"{visitors.PREFIX}/sign-in")  # only in a shop with a login
ATTEMPT = "login"  # in the session, between the way to the provider and the way back


def login() -> Login | None:
    return cast("Login | None", current_app.extensions["login"])


@entry.get("/sign-in")
def show_sign_in() -> Answer:
    return _form()


def _form(problem: DomainError | None = None) -> Answer:
    page = render_template("sign_in.html", problem=problem, has_login=login() is not None)
    return page, problem.status if problem else 200


@entry.post("/sign-in")
def sign_in() -> Answer:
    return _sign_in(request.form.get("who", "").strip())


def _sign_in(given: str) -> Answer:
    try:
        visitors.sign_in(given)
    except DomainError as error:
        return _form(error)
    return visitors.to(session.pop("back", visitors.PREFIX))


@entry.post("/sign-out")
def sign_out() -> Answer:
    """A page leads to the provider. Chromium would not follow a redirect there, as `form-action` forbids it."""
    session.clear()
    if not (known := login()):
        return visitors.to(visitors.PREFIX)
    g.visitor = Visitor("")
    try:
        return render_template("signed_out.html", leads_to=known.end())
    except Unavailable as error:
        return render_template("signed_out.html", problem=error), error.status


@provider.get("/begin")
def begin() -> Answer:
    """A link leads here, and a form does not: it would need the provider in `form-action`."""
    try:
        address, session[ATTEMPT] = _known().begin()
    except DomainError as error:
        return _form(error)
    return visitors.to(address)


@provider.get("/done")
def done() -> Answer:
    """The provider sends the browser back to this page. An attempt is used once, whatever comes of it."""
    try:
        token = _known().finish(session.pop(ATTEMPT, {}), request.args)
    except DomainError as error:
        return _form(error)
    return _sign_in(token)


def _known() -> Login:
    return cast("Login", login())
