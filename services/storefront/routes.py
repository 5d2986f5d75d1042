"""The pages of customers. Each route parses the form, makes one call and shows the answer."""

import uuid
from typing import Any, cast

from flask import Blueprint, current_app, flash, g, render_template, request, session, url_for

from chassis.core.errors import NotFound, Unavailable
from chassis.web.app import Answer
from services.storefront import progress, visitors
from services.storefront.models import Basket, Purchase, Refusal
from services.storefront.service import Storefront

pages = Blueprint("pages", __name__)  # open to everyone
own = Blueprint("own", __name__, url_prefix=visitors.PREFIX)  # of a user
own.before_request(visitors.require_user)

ABOUT = """Shopwire storefront

These are web pages. Open {0}/shop in a browser.
Programs use the APIs of the services. Each documents itself at /docs.
"""
COLOURS = ["", "black", "white", "red", "blue", "green"]
FIELDS = {  # of the checkout form: label, and what browsers may fill in
    "firstName": ("First name", "given-name"),
    "lastName": ("Last name", "family-name"),
    "email": ("E-mail", "email"),
    "address": ("Address", "street-address"),
    "cardInfo": ("Card number", "off"),
}
REMEMBERED = 5  # orders that the visitor has just placed


def shop() -> Storefront:
    return cast("Storefront", current_app.extensions["service"])


@pages.get("/")
def about() -> Answer:
    """`curl` gets text, and a browser the catalogue."""
    if request.accept_mimetypes.best_match(["text/plain", "text/html"]) == "text/html":
        return visitors.to(visitors.PREFIX)
    return ABOUT.format(request.host_url.rstrip("/")), 200, {"Content-Type": "text/plain; charset=utf-8"}


@pages.get("/shop")
def catalogue() -> Answer:
    category, cursor = request.args.get("category", ""), request.args.get("cursor", "")
    page = shop().products(g.visitor, category, cursor)
    categories = sorted({*shop().categories(g.visitor).values()})
    return render_template("catalogue.html", page=page, categories=categories, category=category, cursor=cursor)


@pages.get("/shop/products/<product_id>")
def product(product_id: str) -> Answer:
    return _product(product_id)


def _product(product_id: str, problem: Refusal | None = None) -> Answer:
    found, level = shop().product(g.visitor, product_id), shop().level(g.visitor, product_id)
    page = render_template("product.html", product=found, level=level, colours=COLOURS, problem=problem)
    return page, problem.status if problem else 200


@own.get("/basket")
def basket() -> Answer:
    found = _counted(shop().basket(g.visitor))
    return render_template("basket.html", basket=found, categories=shop().categories(g.visitor))


@own.post("/basket/add")
def add() -> Answer:
    form = request.form
    try:
        _counted(shop().add(g.visitor, form["productId"], form.get("color", ""), form.get("quantity", "1")))
    except Refusal as refusal:
        return _product(form["productId"], refusal)
    flash("Added to your basket.")
    return visitors.to(visitors.back())


@own.post("/basket/remove")
def remove() -> Answer:
    shop().remove(g.visitor, request.form["productId"], request.form.get("color", ""))
    return visitors.to(url_for("own.basket"))


@own.get("/checkout")
def checkout() -> Answer:
    found = _counted(shop().basket(g.visitor))
    if not found.can_be_bought:
        return visitors.to(url_for("own.basket"))
    return _form(found, Purchase(str(uuid.uuid4()), str(found.totalPrice)))


@own.post("/checkout")
def check_out() -> Answer:
    """The same form always gets the same answer, because its key is the checkout's idempotency key."""
    purchase = Purchase.of(request.form, [*FIELDS])
    try:
        receipt = shop().check_out(g.visitor, purchase)
    except Unavailable as error:
        return _form(None, purchase, Refusal(error.status, {"detail": error.detail}))
    except Refusal as refusal:
        return _form(None, purchase, refusal)
    session["placed"] = [*session.get("placed", []), receipt.orderId][-REMEMBERED:]
    session["pieces"] = 0
    return visitors.to(url_for("own.order", order_id=receipt.orderId))


def _form(found: Basket | None, purchase: Purchase, problem: Refusal | None = None) -> Answer:
    """With a 409, `totalPrice` is the total of today."""
    total = (problem.members if problem else {}).get("totalPrice") or purchase.expected_total
    context = {"basket": found, "purchase": purchase, "total": total, "fields": FIELDS, "problem": problem}
    return render_template("checkout.html", **context), problem.status if problem else 200


@own.get("/orders")
def orders() -> Answer:
    return render_template("orders.html", page=shop().orders(g.visitor, request.args.get("cursor", "")))


@own.get("/orders/<order_id>")
def order(order_id: str) -> Answer:
    return _order("order.html", order_id)


@own.get("/orders/<order_id>/steps")
def steps(order_id: str) -> Answer:
    """The part of the page that changes, for its script."""
    return _order("_steps.html", order_id)


def _order(template: str, order_id: str, problem: Refusal | None = None) -> Answer:
    """An order that was just accepted may not be placed yet. Raises NotFound for any other that does not exist."""
    found = shop().order(g.visitor, order_id)
    if found is None and order_id not in session.get("placed", []):
        raise NotFound("You have no such order.")
    payment = shop().payment(g.visitor, order_id) if found else None
    context: dict[str, Any] = {"order": found, "order_id": order_id, "problem": problem}
    context |= {"steps": progress.steps(found, payment), "open": progress.is_open(found)}
    context["can_cancel"] = found is not None and found.status in progress.CANCELLABLE
    return render_template(template, **context), problem.status if problem else 200


@own.post("/orders/<order_id>/cancel")
def cancel(order_id: str) -> Answer:
    try:
        shop().cancel(g.visitor, order_id)
    except Refusal as refusal:
        return _order("order.html", order_id, refusal)
    return visitors.to(url_for("own.order", order_id=order_id))


def _counted(found: Basket) -> Basket:
    """Every page shows how many pieces the basket has, without asking for it again."""
    session["pieces"] = found.pieces
    return found
