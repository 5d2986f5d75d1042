"""A shop that exists is never emptied, and a rule that was lost is seen. Tried on an emulator."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from bootstrap.__main__ import main
from bootstrap.aws import Aws
from bootstrap.names import Names
from bootstrap.templates import ROOT
from tests.shop.doctor.drift import drop_target
from tests.stacks import create, tree

pytestmark = pytest.mark.integration
# A shop as it was when all its resources were in one stack.
FORMER = (Path(__file__).parent / "data" / "former.yaml").read_text()
TABLE = """\
Resources:
  Table:
    Type: AWS::DynamoDB::Table
    Properties:
      TableName: shop-order
      BillingMode: PAY_PER_REQUEST
      AttributeDefinitions:
        - { AttributeName: userName, AttributeType: S }
        - { AttributeName: orderId, AttributeType: S }
      KeySchema:
        - { AttributeName: userName, KeyType: HASH }
        - { AttributeName: orderId, KeyType: RANGE }
"""


def put_order(aws: Aws) -> None:
    aws.dynamodb.put_item(TableName="shop-order", Item={"userName": {"S": "swn"}, "orderId": {"S": "o-1"}})


def orders(aws: Aws) -> int:
    return aws.dynamodb.scan(TableName="shop-order")["Count"]


def test_a_shop_of_the_former_layout_is_refused_and_keeps_its_rows_until_down_deletes_it(
    aws_env: Mapping[str, str], empty_aws: Aws, capsys: pytest.CaptureFixture[str]
) -> None:
    create({"shop": FORMER})
    put_order(empty_aws)
    for arguments in (["up"], ["up", "basket", "--force"], ["plan"]):
        assert main(arguments, aws_env) == 1
        said = capsys.readouterr().err
        assert (
            "error: the stack shop holds a whole shop in the former layout of one stack, and is left as it is" in said
        )
        assert "SHOP_NAME=shop python -m bootstrap down" in said
    assert orders(empty_aws) == 1
    assert main(["down"], aws_env) == 0
    assert main(["up"], aws_env) == 0
    assert orders(empty_aws) == 0


def test_a_table_of_a_stack_that_is_not_the_shops_keeps_its_rows(
    aws_env: Mapping[str, str], empty_aws: Aws, capsys: pytest.CaptureFixture[str]
) -> None:
    create({"theirs": TABLE})
    put_order(empty_aws)
    assert main(["up"], aws_env) == 1
    said = capsys.readouterr().err
    assert (
        "refused, because shop-ordering would create what exists already:\n  shop-order (AWS::DynamoDB::Table)" in said
    )
    assert "was not made by a stack of this shop\nRename it in the template, delete the other one, or " in said
    assert orders(empty_aws) == 1


def test_two_templates_that_use_one_name_are_refused_and_the_first_keeps_its_rows(
    aws_env: Mapping[str, str], empty_aws: Aws, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["up"], aws_env) == 0
    put_order(empty_aws)
    extra = tree(tmp_path) / "services" / "extra" / "template.yaml"
    extra.parent.mkdir()
    parameters = "Parameters: { Shop: { Type: String } }\n"
    extra.write_text(parameters + TABLE.replace("shop-order", "!Sub ${Shop}-order"))
    said = "shop-order (AWS::DynamoDB::Table) exists already and belongs to the stack shop-ordering\n"
    for command in ("plan", "up"):
        assert main([command], aws_env, root=tmp_path) == 1
        assert said in capsys.readouterr().err
    assert orders(empty_aws) == 1


def test_a_table_that_an_update_would_add_is_refused_as_well(
    aws_env: Mapping[str, str], empty_aws: Aws, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["up"], aws_env) == 0
    put_order(empty_aws)
    table = TABLE.replace("shop-order", "!Sub ${Shop}-order").removeprefix("Resources:\n")
    added = tree(tmp_path, product=lambda text: text.replace("\nOutputs:", f"\n{table}\nOutputs:"))
    assert main(["up", "product"], aws_env, root=added) == 1
    assert "shop-order (AWS::DynamoDB::Table) exists already and belongs to the stack" in capsys.readouterr().err
    assert orders(empty_aws) == 1


@pytest.mark.ministack
def test_protected_tables_are_not_deleted_and_nothing_else_is(
    aws_env: Mapping[str, str], empty_aws: Aws, capsys: pytest.CaptureFixture[str]
) -> None:
    both = ["platform", "payment"]
    assert main(["up", *both], {**aws_env, "SHOP_PROTECT": "on"}) == 0
    with pytest.raises(ClientError, match="protect"):
        empty_aws.dynamodb.delete_table(TableName="shop-payment")
    for arguments in (["down", *both], ["up", *both, "--force"]):
        assert main(arguments, aws_env) == 2
        said = capsys.readouterr().err
        assert "refused: DynamoDB protects shop-payment, shop-payment-ledger from deletion." in said
        assert "SHOP_PROTECT=off" in said
    assert empty_aws.sqs.get_queue_url(QueueName="shop-payment")
    assert main(["up", *both], {**aws_env, "SHOP_PROTECT": "off"}) == 0
    assert main(["down", *both], aws_env) == 0


@pytest.mark.ministack
def test_protection_stays_until_it_is_switched_off(
    aws_env: Mapping[str, str], empty_aws: Aws, capsys: pytest.CaptureFixture[str]
) -> None:
    def is_protected() -> bool:
        return empty_aws.dynamodb.describe_table(TableName="shop-payment")["Table"]["DeletionProtectionEnabled"]

    both = ["platform", "payment"]
    for protect, expected in (("on", True), ("", True), ("off", False), ("", False)):
        assert main(["up", *both], {**aws_env, "SHOP_PROTECT": protect}) == 0
        assert is_protected() == expected
    assert "shop-payment: no changes" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("tags", "why"),
    [
        ([{"Key": "shop", "Value": "other"}], "belongs to the shop other"),
        ([], "has no tag with the key shop, so it may belong to another program"),
    ],
    ids=["shop", "program"],
)
def test_stack_of_another_is_neither_changed_nor_deleted(
    tags: Any, why: str, aws_env: Mapping[str, str], empty_aws: Aws, capsys: pytest.CaptureFixture[str]
) -> None:
    """The stack a-product-functions belongs to the shop a, or to the shop a-product."""
    assert main(["up", "platform"], aws_env) == 0
    theirs = {"StackName": "shop-payment", "TemplateBody": TABLE, "Tags": tags}
    cloudformation: Any = empty_aws.cloudformation
    cloudformation.create_stack(**theirs)
    cloudformation.get_waiter("stack_create_complete").wait(StackName="shop-payment", WaiterConfig={"Delay": 1})
    put_order(empty_aws)
    for arguments in (["plan"], ["up", "payment"], ["up", "--force"], ["down", "payment"]):
        assert main(arguments, aws_env) == 2
        assert f"refused: the stack shop-payment {why}. Choose" in capsys.readouterr().err
    assert orders(empty_aws) == 1


FORMER_INDEX = """\
      LocalSecondaryIndexes:
        - IndexName: by-date
          KeySchema:
            - { AttributeName: userName, KeyType: HASH }
            - { AttributeName: orderDate, KeyType: RANGE }
          Projection: { ProjectionType: ALL }
      PointInTimeRecoverySpecification"""


def test_an_order_table_with_the_former_index_keeps_its_rows_until_up_force_replaces_it(
    aws_env: Mapping[str, str], empty_aws: Aws, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def with_the_index(text: str) -> str:
        keys = "{ AttributeName: orderId, AttributeType: S }"
        attributes = f"{keys}\n        - {{ AttributeName: orderDate, AttributeType: S }}"
        text = text.replace(keys, attributes)
        return text.replace("      PointInTimeRecoverySpecification", FORMER_INDEX, 1)

    assert main(["up"], aws_env, root=tree(tmp_path, ordering=with_the_index)) == 0
    put_order(empty_aws)
    # LocalStack reports success and leaves the table as it was.
    if main(["up"], aws_env) == 1:
        said = capsys.readouterr().err
        assert "the rows are kept" in said
        assert "SHOP_NAME=shop python -m bootstrap up ordering --force" in said
    assert orders(empty_aws) == 1
    assert "LocalSecondaryIndexes" in empty_aws.dynamodb.describe_table(TableName="shop-order")["Table"]
    assert main(["up", "ordering", "--force"], aws_env) == 0
    assert orders(empty_aws) == 0
    assert "LocalSecondaryIndexes" not in empty_aws.dynamodb.describe_table(TableName="shop-order")["Table"]


def test_a_lost_rule_is_a_failure_and_comes_back_as_the_message_says(
    aws_env: Mapping[str, str],
    empty_aws: Aws,
    names: Names,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    rule, target = "shop-product-changes", "catalogue-queue"
    assert main(["up"], aws_env) == 0
    drop_target(rule, target)(empty_aws)
    assert main(["up"], aws_env) == 1
    place = f"(see {ROOT}/services/basket/template.yaml)"
    assert f"the rule {rule} has lost its target {target} {place}" in capsys.readouterr().err
    empty_aws.events.delete_rule(Name=rule, EventBusName=names.bus)
    for arguments in (["up"], ["up", "basket"]):
        assert main(arguments, aws_env) == 1
        said = capsys.readouterr()
        assert "shop-basket: no changes" in said.out
        assert f"the rule {rule} is missing {place}\nTake the rule out of its template and run `up`" in said.err
    assert main(["up", "ordering"], aws_env) == 0

    def without_the_rule(text: str) -> str:
        start = text.index("  ProductChangesRule:")
        end = text.index("\n\n", start)
        return text[:start] + text[end:]

    assert main(["up"], aws_env, root=tree(tmp_path, basket=without_the_rule)) == 0
    assert main(["up"], aws_env) == 0
    assert empty_aws.events.list_targets_by_rule(Rule=rule, EventBusName=names.bus)["Targets"]
