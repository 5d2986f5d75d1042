"""The commands on real AWS, which must not be destroyed by mistake; `test___main__.py` has the rest."""

import dataclasses
from argparse import Namespace
from pathlib import Path
from typing import Any, cast

import pytest

from bootstrap import commands
from bootstrap.aws import Aws
from bootstrap.errors import Failed, Misused
from bootstrap.names import Names
from tests.bootstrap.fakes import FakeCloudFormation, quick_clock


def context(
    cloudformation: FakeCloudFormation, tmp_path: Path, *, force: bool = False, really_aws: bool = False
) -> commands.Context:
    fake = cast("Any", cloudformation)
    fake.meta = type("Meta", (), {"endpoint_url": "https://cloudformation.eu-west-1.amazonaws.com"})
    (tmp_path / "t.yaml").write_text("Resources: {}")
    args = Namespace(template=tmp_path / "t.yaml", force=force, really_aws=really_aws)
    aws = Aws(fake, fake, fake, fake, fake, fake, region="eu-west-1", emulator=False)
    return commands.Context(args, aws, Names("shop"), quick_clock(), out=lambda _: None, say=lambda _: None)


@pytest.fixture
def live() -> FakeCloudFormation:
    cloudformation = FakeCloudFormation(held=["shop-order", "https://sqs/1/shop-order-dlq"])
    cloudformation.happened(("", "CREATE_COMPLETE", ""))
    return cloudformation


def test_down_refuses_aws_and_says_what_it_would_have_deleted(live: FakeCloudFormation, tmp_path: Path) -> None:
    with pytest.raises(
        Misused, match=r"not an emulator.* shop with all its data: shop-order, shop-order-dlq.*--really-aws"
    ):
        commands.down(context(live, tmp_path))
    assert "delete" not in live.called


def test_up_force_refuses_aws_before_it_changes_anything(live: FakeCloudFormation, tmp_path: Path) -> None:
    with pytest.raises(Misused, match="--really-aws"):
        commands.up(context(live, tmp_path, force=True))
    assert live.called == ["describe_stacks"]


def test_down_of_aws_is_possible_for_those_who_say_so(live: FakeCloudFormation, tmp_path: Path) -> None:
    assert commands.down(context(live, tmp_path, really_aws=True)) == 0
    assert live.status is None


def test_up_on_aws_does_not_replace_a_table_unasked(live: FakeCloudFormation, tmp_path: Path) -> None:
    live.changes = [{"Action": "Remove", "LogicalResourceId": "OrderTable", "ResourceType": "AWS::DynamoDB::Table"}]
    with pytest.raises(Failed, match="rows of OrderTable"):
        commands.up(context(live, tmp_path))
    assert "execute" not in live.called


@pytest.mark.parametrize("replacement", ["True", "Conditional"])
def test_plan_names_the_tables_whose_rows_may_be_lost_and_what_up_needs_to_be_told(
    live: FakeCloudFormation, tmp_path: Path, replacement: str
) -> None:
    found = {"LogicalResourceId": "OrderTable", "ResourceType": "AWS::DynamoDB::Table", "Replacement": replacement}
    live.changes = [found | {"Action": "Modify"}, {"Action": "Add", "LogicalResourceId": "Q", "ResourceType": "Q"}]
    shown: list[str] = []
    assert commands.plan(dataclasses.replace(context(live, tmp_path), out=shown.append)) == 0
    assert shown[-1] == "rows may be lost: OrderTable; `up` refuses without --really-aws"
    live.changes = live.changes[1:]
    assert commands.plan(dataclasses.replace(context(live, tmp_path), out=shown.append)) == 0
    assert shown[-1] == "1 change"


def test_status_of_a_failed_stack_is_a_failure(live: FakeCloudFormation, tmp_path: Path) -> None:
    live.held, live.status = [], "UPDATE_ROLLBACK_COMPLETE"
    live.get_paginator = lambda _: type("Pages", (), {"paginate": lambda *_, **__: []})()  # type: ignore[method-assign,assignment]
    assert commands.status(context(live, tmp_path)) == 1
