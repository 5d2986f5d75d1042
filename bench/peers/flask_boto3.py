"""The shop as a tutorial writes it with Flask and boto3's resource. It checks nothing and can lose orders."""

import json
import uuid
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import boto3
from boto3.dynamodb.conditions import Key
from flask import Flask, jsonify, request
from flask.json.provider import DefaultJSONProvider

app = Flask(__name__)
dynamodb: Any = boto3.resource("dynamodb")
events: Any = boto3.client("events")
products = dynamodb.Table("shopwire-product")
baskets = dynamodb.Table("shopwire-basket")


class Json(DefaultJSONProvider):
    @staticmethod
    def default(value: Any) -> Any:
        return float(value) if isinstance(value, Decimal) else DefaultJSONProvider.default(value)


app.json = Json(app)


@app.get("/health/ready")
def ready() -> Any:
    products.get_item(Key={"id": "_"})
    return {"status": "ok"}


@app.get("/product/<product_id>")
def get_product(product_id: str) -> Any:
    answer = products.get_item(Key={"id": product_id})
    return jsonify(answer["Item"]) if "Item" in answer else ({"message": "not found"}, 404)


@app.get("/product")
def list_products() -> Any:
    page = products.query(
        IndexName="by-category",
        KeyConditionExpression=Key("category").eq(request.args["category"]),
        Limit=int(request.args.get("limit", 20)),
    )
    return jsonify(items=page["Items"], nextCursor=page.get("LastEvaluatedKey"))


@app.post("/basket/<user_name>/items")
def add_item(user_name: str) -> Any:
    wanted: Any = request.get_json()
    product = products.get_item(Key={"id": wanted["productId"]})["Item"]
    items = baskets.get_item(Key={"userName": user_name}).get("Item", {"items": []})["items"]
    same = [it for it in items if (it["productId"], it["color"]) == (wanted["productId"], wanted["color"])]
    if same:
        same[0]["quantity"] += wanted["quantity"]
    else:
        items.append({**wanted, "productName": product["name"], "addedPrice": product["price"]})
    baskets.put_item(Item={"userName": user_name, "items": items})
    for it in items:
        it["price"] = it["addedPrice"]
    return jsonify(userName=user_name, items=items, totalPrice=total_of(items))


@app.post("/basket/checkout")
def checkout() -> Any:
    """Like the course: an order is lost if the process ends between the two calls."""
    order: Any = request.get_json()
    items = baskets.get_item(Key={"userName": order["userName"]})["Item"]["items"]
    order |= {"orderId": str(uuid.uuid4()), "orderDate": datetime.now(UTC).isoformat()}
    order |= {"items": items, "totalPrice": total_of(items)}
    detail = json.dumps(order, default=float)
    entry = {"Source": "com.swn.basket.checkoutbasket", "DetailType": "CheckoutBasket", "Detail": detail}
    events.put_events(Entries=[entry | {"EventBusName": "shopwire-bus"}])
    baskets.delete_item(Key={"userName": order["userName"]})
    answer = {name: order[name] for name in ("orderId", "orderDate", "totalPrice")}
    return jsonify(answer | {"status": "PENDING"}), 202


def total_of(items: Any) -> Any:
    return sum(it["addedPrice"] * it["quantity"] for it in items)
