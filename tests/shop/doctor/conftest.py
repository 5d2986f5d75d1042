"""Consumers of the order queue that behave as a test needs it."""

import threading
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest

from bootstrap.aws import Aws

# Whether the message is deleted.
Handle = Callable[[Mapping[str, Any]], bool]
Consume = Callable[[Handle], None]


@pytest.fixture
def consume(aws: Aws, queue_url: Callable[[str], str]) -> Iterator[Consume]:
    """Gives every message of the order queue to a function, until the end of the test."""
    stop, threads = threading.Event(), list[threading.Thread]()

    def loop(handle: Handle) -> None:
        url = queue_url("shop-order")
        while not stop.is_set():
            answer = aws.sqs.receive_message(QueueUrl=url, WaitTimeSeconds=1, MessageAttributeNames=["All"])
            for message in answer.get("Messages", []):
                if handle(message):
                    aws.sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])

    def start(handle: Handle) -> None:
        threads.append(threading.Thread(target=loop, args=(handle,)))
        threads[-1].start()

    yield start
    stop.set()
    for thread in threads:
        thread.join()
