"""Naive workers with boto3: `python -m bench.peers.workers consume` or `relay`, one message or row at a time."""

import json
import sys
from decimal import Decimal
from typing import Any

import boto3

dynamodb: Any = boto3.resource("dynamodb")


def consume() -> None:
    orders = dynamodb.Table("shopwire-order")
    sqs: Any = boto3.client("sqs")
    url = sqs.get_queue_url(QueueName="shopwire-order")["QueueUrl"]
    while True:
        for message in sqs.receive_message(QueueUrl=url, WaitTimeSeconds=20).get("Messages", []):
            orders.put_item(Item=json.loads(message["Body"], parse_float=Decimal)["detail"]["data"])
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])


def relay() -> None:
    outbox = dynamodb.Table("shopwire-product-outbox")
    events: Any = boto3.client("events")
    while True:
        for row in outbox.scan(Limit=100)["Items"]:
            entry = {"Source": row["source"], "DetailType": row["detail_type"], "Detail": row["detail"]}
            events.put_events(Entries=[entry | {"EventBusName": "shopwire-bus"}])
            outbox.delete_item(Key={"id": row["id"]})


if __name__ == "__main__":
    {"consume": consume, "relay": relay}[sys.argv[1]]()
