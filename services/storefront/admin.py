"""The pages of admins: products, prices and stock levels."""

from typing import Any

from flask import Blueprint, flash, g, render_template, request, url_for

from chassis.web.app import Answer
from services.storefront import visitors
from services.storefront.models import Refusal
from services.storefront.routes import shop

admin = Blueprint("admin", __name__, url_prefix=f"{visitors.PREFIX}/admin")
admin.before_request(visitors.require_admin)

FIELDS = {"name": "Name", "category": "Category", "price": "Price", "description": "Description"}


@admin.get("")
def products() -> Answer:
    return render_template("admin.html", page=shop().products(g.visitor, cursor=request.args.get("cursor", "")))


@admin.get("/new")
def new() -> Answer:
    return render_template("admin_product.html", product={}, fields=FIELDS, level=None)


@admin.get("/products/<product_id>")
def product(product_id: str) -> Answer:
    return _form(product_id)


def _form(product_id: str, given: dict[str, Any] | None = None, problem: Refusal | None = None) -> Answer:
    """`given` is what the admin typed, if it was refused."""
    found, level = shop().product(g.visitor, product_id), shop().level(g.visitor, product_id)
    context: dict[str, Any] = {"product": found.model_dump() | (given or {}), "fields": FIELDS, "level": level}
    page = render_template("admin_product.html", problem=problem, **context)
    return page, problem.status if problem else 200


@admin.post("/new")
def create() -> Answer:
    fields = _fields()
    try:
        created = shop().save(g.visitor, "", "", fields)
    except Refusal as refusal:
        page = render_template("admin_product.html", product=fields, fields=FIELDS, level=None, problem=refusal)
        return page, refusal.status
    return _saved(created.id)


@admin.post("/products/<product_id>")
def change(product_id: str) -> Answer:
    """Another admin's change in between is a 412, and the form then has the new version with the fields as typed."""
    fields = _fields()
    try:
        shop().save(g.visitor, product_id, request.form.get("version", ""), fields)
    except Refusal as refusal:
        return _form(product_id, fields, refusal)
    return _saved(product_id)


@admin.post("/products/<product_id>/stock")
def stock(product_id: str) -> Answer:
    try:
        shop().set_level(g.visitor, product_id, request.form.get("available", ""))
    except Refusal as refusal:
        return _form(product_id, None, refusal)
    return _saved(product_id)


@admin.post("/products/<product_id>/delete")
def delete(product_id: str) -> Answer:
    try:
        shop().delete(g.visitor, product_id, request.form.get("version", ""))
    except Refusal as refusal:
        return _form(product_id, None, refusal)
    flash("The product is deleted.")
    return visitors.to(url_for("admin.products"))


def _fields() -> dict[str, str]:
    return {name: request.form.get(name, "").strip() for name in FIELDS}


def _saved(product_id: str) -> Answer:
    flash("Saved. Baskets show a new price within a moment.")
    return visitors.to(url_for("admin.product", product_id=product_id))
