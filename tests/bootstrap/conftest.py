"""A shop in an emulator, and a consumer that can be told how to behave."""

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from bootstrap import stacks
from bootstrap.aws import Aws, connect
from bootstrap.names import Names
from tests.stacks import deploy

Handle = Callable[[Mapping[str, Any]], None]


@dataclass(frozen=True)
class Shop:
    """A shop in an emulator."""

    aws: Aws
    names: Names

    def resources(self) -> list[Any]:
        return list(stacks.resources(self.aws, self.names))


@pytest.fixture
def empty_aws(aws_env: Mapping[str, str]) -> Aws:
    """Clients of an account with nothing in it."""
    return connect(aws_env, lambda _: None)


@pytest.fixture
def names(aws_env: Mapping[str, str]) -> Names:
    return Names(aws_env["SHOP_NAME"])


@pytest.fixture
def shop(aws_env: Mapping[str, str], empty_aws: Aws, names: Names) -> Shop:
    """The shop, deployed."""
    deploy(aws_env)
    return Shop(empty_aws, names)


@pytest.fixture
def aws(empty_aws: Aws, shop: Shop) -> Aws:
    """Clients of an account with the shop in it."""
    return empty_aws


@pytest.fixture
def queue_url(aws: Aws) -> Callable[[str], str]:
    return lambda name: aws.sqs.get_queue_url(QueueName=name)["QueueUrl"]


@pytest.fixture
def consume(aws: Aws, names: Names, queue_url: Callable[[str], str]) -> Iterator[Callable[[Handle], None]]:
    """Starts a consumer that hands each message to `handle`; it keeps what `handle` raises KeyError for."""
    stop = threading.Event()
    threads: list[threading.Thread] = []

    def loop(handle: Handle) -> None:
        url = queue_url(names.order_queue)
        while not stop.is_set():
            answer = aws.sqs.receive_message(QueueUrl=url, WaitTimeSeconds=1, MessageAttributeNames=["All"])
            for message in answer.get("Messages", []):
                try:
                    handle(message)
                except KeyError:
                    continue
                aws.sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])

    def start(handle: Handle) -> None:
        threads.append(threading.Thread(target=loop, args=(handle,)))
        threads[-1].start()

    yield start
    stop.set()
    for thread in threads:
        thread.join()


@pytest.fixture
def write_order(aws: Aws, names: Names) -> Handle:
    """What the ordering consumer does with a message, in short."""

    def write(message: Mapping[str, Any]) -> None:
        data = json.loads(message["Body"])["detail"]["data"]
        item = {key: {"S": data[key]} for key in ("userName", "orderId", "orderDate")}
        aws.dynamodb.put_item(TableName=names.order_table, Item=item)

    return write
