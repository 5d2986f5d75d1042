"""Commands change the environment of their process, which here is that of all tests. `connection` is to a real shop."""

import os
from collections.abc import Callable, Iterator, Mapping

import pytest

from bootstrap.aws import Aws, connect
from bootstrap.names import Names
from shop.connection import Connection


@pytest.fixture(autouse=True)
def own_environment() -> Iterator[None]:
    before = dict(os.environ)
    yield
    os.environ.clear()
    os.environ.update(before)


@pytest.fixture
def aws(stack: Mapping[str, str]) -> Aws:
    """Clients of an account with the shop in it."""
    return connect(stack, lambda _: None)


@pytest.fixture
def printed() -> list[str]:
    """The results that the connection printed."""
    return []


@pytest.fixture
def connection(aws: Aws, printed: list[str]) -> Connection:
    return Connection(aws, Names("shop"), printed.append, lambda _: None)


@pytest.fixture
def queue_url(aws: Aws) -> Callable[[str], str]:
    return lambda name: aws.sqs.get_queue_url(QueueName=name)["QueueUrl"]
