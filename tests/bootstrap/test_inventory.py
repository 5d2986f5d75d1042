"""Whatever is taken away by hand is missed."""

from typing import Any, cast

import pytest
from botocore.exceptions import ClientError

from bootstrap.aws import Aws
from bootstrap.inventory import Inventory
from bootstrap.names import Names
from tests.bootstrap.conftest import Shop
from tests.bootstrap.drift import BUS, DRIFTS, ONLY_ON_MINISTACK
from tests.bootstrap.fakes import client_error


@pytest.mark.integration
def test_a_fresh_shop_has_no_fault(aws: Aws, names: Names, shop: Shop) -> None:
    assert Inventory(aws, names).faults(shop.resources()) == []


@pytest.mark.integration
@pytest.mark.parametrize(
    "broken", [pytest.param(name, marks=[pytest.mark.ministack] * (name in ONLY_ON_MINISTACK)) for name in DRIFTS]
)
def test_what_is_broken_by_hand_is_named_and_nothing_else(aws: Aws, names: Names, shop: Shop, broken: str) -> None:
    break_it, expected = DRIFTS[broken]
    break_it(aws)
    resources = {resource["LogicalResourceId"]: resource for resource in shop.resources()}
    assert {*Inventory(aws, names).faults([*resources.values()])} == {
        f"{name} ({resources[name]['ResourceType']}): "
        + text.replace("IDENTITY", resources[name].get("PhysicalResourceId", ""))
        for name, text in expected.items()
    }


@pytest.mark.integration
def test_a_bus_that_is_gone_is_named(aws: Aws, names: Names, shop: Shop) -> None:
    for rule in aws.events.list_rules(EventBusName=BUS)["Rules"]:
        targets = aws.events.list_targets_by_rule(Rule=rule["Name"], EventBusName=BUS)["Targets"]
        aws.events.remove_targets(Rule=rule["Name"], EventBusName=BUS, Ids=[target["Id"] for target in targets])
        aws.events.delete_rule(Name=rule["Name"], EventBusName=BUS)
    aws.events.delete_event_bus(Name=BUS)
    found = Inventory(aws, names).faults(shop.resources())
    assert any("shop-bus is gone" in line for line in found)
    assert sum("(AWS::Events::Rule)" in line and "is gone" in line for line in found) == 3


class Tables:
    """DynamoDB with one answer to everything."""

    def __init__(self, status: str = "", error: ClientError | None = None) -> None:
        self.status, self.error = status, error

    def describe_table(self, **asked: str) -> Any:
        if self.error:
            raise self.error
        return {"Table": {"TableStatus": self.status}}


def faults(dynamodb: Tables, kind: str = "AWS::DynamoDB::Table") -> list[str]:
    fake = cast("Any", dynamodb)
    resource = {"LogicalResourceId": "T", "ResourceType": kind, "PhysicalResourceId": "t"}
    aws = Aws(fake, fake, fake, fake, fake, fake, region="", emulator=True)
    return Inventory(aws, Names("shop")).faults([cast("Any", resource)])


def test_a_table_that_is_there_but_not_usable_is_a_fault() -> None:
    assert faults(Tables("DELETING")) == ["T (AWS::DynamoDB::Table): t is DELETING"]
    assert faults(Tables("ACTIVE")) == []


def test_a_type_without_a_check_is_a_fault() -> None:
    assert "cannot check this type yet" in faults(Tables(), "AWS::S3::Bucket")[0]


def test_a_denied_look_is_no_absence() -> None:
    with pytest.raises(ClientError):
        faults(Tables(error=client_error("AccessDeniedException")))
