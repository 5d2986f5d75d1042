"""What the shop's tables and queues hold, read past every fault proxy."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from boto3.dynamodb.types import TypeDeserializer

from tests import aws_clients

Row = Mapping[str, Any]
# Without the queues of commands: these tests run no saga, and a tick of the sweep comes every minute.
QUEUES = (
    "order", "order-dlq", "order-commands-dlq", "checkout-basket-dlq",
    "catalogue", "catalogue-dlq", "product-changes-dlq", "price-drops-dlq",
)  # fmt: skip
# Tests without the processes of the saga leave their messages where they are.
SAGA_QUEUES = (*QUEUES, "order-commands", "stock", "stock-dlq", "stock-order-confirmed-dlq", "payment", "payment-dlq")


@dataclass
class Evidence:
    orders: list[Row]
    receipts: list[Row]
    pending: Mapping[str, int]  # how many messages or outbox rows wait, by place
    products: Mapping[str, Any] = field(default_factory=dict)  # version and price, by id
    catalogue: Mapping[str, Any] = field(default_factory=dict)  # the same in basket's copy


def gather(shop: str) -> Evidence:
    products = {row["id"]: (row["version"], row.get("price", 0)) for row in rows(f"{shop}-product")}
    catalogue = {row["productId"]: (row["version"], row["price"]) for row in rows(f"{shop}-catalogue")}
    return Evidence(rows(f"{shop}-order"), rows(f"{shop}-receipt"), pending(shop), products, catalogue)


def pending(shop: str, queues: Sequence[str] = QUEUES) -> dict[str, int]:
    """Outbox rows and messages by place, without empty places. Messages in flight count."""
    counts = {f"{service}-outbox": len(rows(f"{shop}-{service}-outbox")) for service in ("product", "basket", "order")}
    sqs = aws_clients.client("sqs")
    for name in queues:
        url = sqs.get_queue_url(QueueName=f"{shop}-{name}")["QueueUrl"]
        attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
        counts[name] = sum(int(value) for key, value in attributes.items() if key.startswith("ApproximateNumberOf"))
    return {name: count for name, count in counts.items() if count}


def rows(table: str) -> list[Row]:
    scan = aws_clients.client("dynamodb").get_paginator("scan").paginate(TableName=table, ConsistentRead=True)
    read = TypeDeserializer().deserialize
    return [{name: read(value) for name, value in row.items()} for page in scan for row in page["Items"]]
