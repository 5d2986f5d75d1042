"""A shop in an emulator."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from bootstrap import stacks
from bootstrap.aws import Aws, connect
from bootstrap.names import Names
from tests.bootstrap.fakes import FakeCloudFormation
from tests.stacks import deploy


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
def root(tmp_path: Path) -> Path:
    """Templates of the platform and one service, without resources."""
    for folder, name in (("bootstrap", "platform"), ("services/ordering", "template")):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / f"{name}.yaml").write_text("Resources: {}")
    return tmp_path


@pytest.fixture
def live() -> FakeCloudFormation:
    cloudformation = FakeCloudFormation(held=["shop-order", "https://sqs/1/shop-order-dlq"])
    cloudformation.happened(("", "CREATE_COMPLETE", ""))
    return cloudformation
