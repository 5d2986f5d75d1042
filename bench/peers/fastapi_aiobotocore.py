"""The same naive shop with FastAPI and aiobotocore, on one event loop."""

import json
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

from aiobotocore.session import get_session
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse

PRODUCTS, BASKETS = "shopwire-product", "shopwire-basket"
clients: dict[str, Any] = {}


def read(value: Any) -> Any:
    """A value of DynamoDB as JSON has it."""
    ((kind, content),) = value.items()
    match kind:
        case "N":
            return float(content)
        case "L":
            return [read(each) for each in content]
        case "M":
            return {name: read(each) for name, each in content.items()}
        case _:
            return content


def write(value: Any) -> Any:
    match value:
        case int() | float():
            return {"N": str(value)}
        case list():
            return {"L": [write(each) for each in value]}
        case dict():
            return {"M": {name: write(each) for name, each in value.items()}}
        case _:
            return {"S": value}


@asynccontextmanager
async def lifespan(_: FastAPI) -> AsyncIterator[None]:
    session = get_session()
    async with session.create_client("dynamodb") as dynamodb, session.create_client("events") as events:
        clients.update(dynamodb=dynamodb, events=events)
        yield


app = FastAPI(lifespan=lifespan)


async def get_item(table: str, name: str, value: str) -> Any:
    answer = await clients["dynamodb"].get_item(TableName=table, Key={name: {"S": value}})
    return read({"M": answer["Item"]}) if "Item" in answer else None


@app.get("/health/ready")
async def ready() -> Any:
    await get_item(PRODUCTS, "id", "_")
    return {"status": "ok"}


@app.get("/product/{product_id}")
async def get_product(product_id: str) -> Any:
    row = await get_item(PRODUCTS, "id", product_id)
    return row or JSONResponse({"message": "not found"}, 404)


@app.get("/product")
async def list_products(category: str, limit: int = 20) -> Any:
    page = await clients["dynamodb"].query(
        TableName=PRODUCTS,
        IndexName="by-category",
        KeyConditionExpression="category = :category",
        ExpressionAttributeValues={":category": {"S": category}},
        Limit=limit,
    )
    return {"items": [read({"M": row}) for row in page["Items"]], "nextCursor": page.get("LastEvaluatedKey")}


@app.post("/basket/checkout", status_code=202)
async def checkout(request: Request) -> Any:
    order = await request.json()
    items = (await get_item(BASKETS, "userName", order["userName"]))["items"]
    order |= {"orderId": str(uuid.uuid4()), "orderDate": datetime.now(UTC).isoformat()}
    order |= {"items": items, "totalPrice": total_of(items)}
    detail = json.dumps(order, default=float)
    entry = {"Source": "com.swn.basket.checkoutbasket", "DetailType": "CheckoutBasket", "Detail": detail}
    await clients["events"].put_events(Entries=[entry | {"EventBusName": "shopwire-bus"}])
    await clients["dynamodb"].delete_item(TableName=BASKETS, Key={"userName": {"S": order["userName"]}})
    return {name: order[name] for name in ("orderId", "orderDate", "totalPrice")} | {"status": "PENDING"}


@app.post("/basket/{user_name}/items")
async def add_item(user_name: str, request: Request) -> Any:
    wanted = await request.json()
    product = await get_item(PRODUCTS, "id", wanted["productId"])
    items = (await get_item(BASKETS, "userName", user_name) or {"items": []})["items"]
    same = [it for it in items if (it["productId"], it["color"]) == (wanted["productId"], wanted["color"])]
    if same:
        same[0]["quantity"] += wanted["quantity"]
    else:
        items.append({**wanted, "productName": product["name"], "addedPrice": product["price"]})
    row = write({"userName": user_name, "items": items})["M"]
    await clients["dynamodb"].put_item(TableName=BASKETS, Item=row)
    for it in items:
        it["price"] = it["addedPrice"]
    return {"userName": user_name, "items": items, "totalPrice": total_of(items)}


def total_of(items: Any) -> Any:
    return sum(it["addedPrice"] * it["quantity"] for it in items)
