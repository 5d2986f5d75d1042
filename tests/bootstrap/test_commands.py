"""The commands on real AWS, where nothing may be deleted by mistake. `test___main__.py` has the rest."""

import dataclasses
import re
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from bootstrap import commands, fargate, front
from bootstrap.engines import ENGINES
from bootstrap.errors import Failed, Misused
from bootstrap.templates import ROOT
from tests.bootstrap.fakes import UNCHANGED, FakeCloudFormation, context


def test_down_refuses_aws_and_says_what_it_would_have_deleted(live: FakeCloudFormation, root: Path) -> None:
    what = (
        "delete shop-room, shop-front, shop-functions, shop-network, shop-ordering, shop-platform with all data: "
        "(shop-order, ){6}shop-order-dlq"
    )
    with pytest.raises(Misused, match=rf"not an emulator.* {what}.*--really-aws"):
        commands.down(context(live, root))
    assert "delete" not in live.called


def test_up_force_refuses_aws_before_it_changes_anything(live: FakeCloudFormation, root: Path) -> None:
    with pytest.raises(Misused, match="--really-aws"):
        commands.up(context(live, root, force=True))
    assert set(live.called) == {"describe_stacks"}


def test_up_force_with_an_engine_deletes_no_data(live: FakeCloudFormation) -> None:
    """`up` names --force as a remedy for a stack of containers that is stuck."""
    live.parameters = {"Image": "registry.test/any@sha256:1"}
    given = dataclasses.replace(context(live, ROOT, force=True), engine=ENGINES["fargate"])
    with pytest.raises(Misused, match=r"delete shop-storefront-run, .*, shop-network with all data") as refused:
        commands.up(given)
    assert not {"shop-ordering", "shop-platform"} & {*re.findall(r"[a-z-]+", str(refused.value))}


@pytest.mark.parametrize("service", ["basket", "ordering"])
def test_down_refuses_resources_that_containers_or_functions_use(live: FakeCloudFormation, service: str) -> None:
    users = f"shop-{service}-run, shop-{service}-functions"
    first = f"SHOP_NAME=shop python -m bootstrap down {service}-run {service}-functions"
    with pytest.raises(Misused, match=f"refused: {users} would lose the tables and queues .*: {first}"):
        commands.down(context(live, ROOT, service, really_aws=True))
    assert "delete" not in live.called


def test_up_force_refuses_to_replace_resources_under_containers_or_functions(live: FakeCloudFormation) -> None:
    with pytest.raises(Misused, match=r"refused: shop-product-run, .*shop-stock-functions.* would lose the tables"):
        commands.up(context(live, ROOT, force=True, really_aws=True))
    assert "delete" not in live.called


def test_down_deletes_what_uses_the_resources_together_with_them(live: FakeCloudFormation) -> None:
    named = context(live, ROOT, "basket", "basket-run", "basket-functions", really_aws=True)
    assert commands.down(named) == 0
    assert live.status is None


def test_stack_of_another_shop_is_no_user_of_a_resource(live: FakeCloudFormation, root: Path) -> None:
    live.shop = "shop-basket"
    assert not context(live, root).has(context(live, root).front)
    live.shop = "shop"
    assert context(live, root).has(context(live, root).front)


def test_front_and_containers_have_their_own_domains(live: FakeCloudFormation) -> None:
    """Both templates call it `Domain`."""
    certificate = "arn:aws:acm:eu-west-1:123456789012:certificate/c"
    env = {"SHOP_FRONT_SERVICES": "https://{service}.test", "SHOP_AUTH": "off"}
    env |= {"SHOP_FRONT_DOMAIN": "api.test", "SHOP_FRONT_CERTIFICATE": certificate}
    env |= {"SHOP_RUN_DOMAIN": "shop.test", "SHOP_RUN_CERTIFICATE": certificate}
    given = dataclasses.replace(context(live, ROOT), settings=front.settings(env), of_run=fargate.settings(env))
    network = given.runs(ENGINES["fargate"])[0]
    assert (given.front.parameters()["Domain"], network.parameters()["Domain"]) == ("api.test", "shop.test")


def test_down_of_aws_is_possible_for_those_who_say_so(live: FakeCloudFormation, root: Path) -> None:
    assert commands.down(context(live, root, really_aws=True)) == 0
    assert live.status is None


def test_down_looks_for_rules_of_other_stacks_before_it_deletes_anything(live: FakeCloudFormation, root: Path) -> None:
    live.held, live.kind = ["shop-bus|shop-checkout-basket"], "AWS::Events::Rule"
    live.rules = [{"Name": "shop-checkout-basket"}, {"Name": "theirs"}]
    with pytest.raises(Failed, match=r"the bus shop-bus is still used by rules of other stacks, .*: theirs$"):
        commands.down(context(live, root, really_aws=True))
    assert "delete" not in live.called


def test_rule_of_an_archive_keeps_nobody_from_down(live: FakeCloudFormation, root: Path) -> None:
    """EventBridge deletes it with the archive ("Deleting event archives", EventBridge User Guide)."""
    live.rules = [{"Name": "Events-Archive-shop-events", "ManagedBy": "prod.vhs.events.aws.internal"}]
    assert commands.down(context(live, root, really_aws=True)) == 0


def test_up_on_aws_does_not_replace_a_table_unasked(live: FakeCloudFormation, root: Path) -> None:
    live.changes = [{"Action": "Remove", "LogicalResourceId": "OrderTable", "ResourceType": "AWS::DynamoDB::Table"}]
    with pytest.raises(Failed, match="rows of OrderTable"):
        commands.up(context(live, root))
    assert "execute" not in live.called


@pytest.mark.parametrize("replacement", ["True", "Conditional"])
def test_plan_names_the_tables_whose_rows_may_be_lost_and_what_up_needs_to_be_told(
    live: FakeCloudFormation, root: Path, replacement: str
) -> None:
    found = {"LogicalResourceId": "OrderTable", "ResourceType": "AWS::DynamoDB::Table", "Replacement": replacement}
    live.changes = [found | {"Action": "Modify"}, {"Action": "Add", "LogicalResourceId": "Q", "ResourceType": "Q"}]
    shown: list[str] = []
    asked = dataclasses.replace(context(live, root, "ordering"), out=shown.append)
    assert commands.plan(asked) == 0
    assert shown[0] == "shop-ordering: 2 changes"
    assert shown[-1] == "rows may be lost: OrderTable; `up` refuses without --really-aws"
    live.changes = live.changes[1:]
    shown.clear()
    assert commands.plan(asked) == 0
    assert shown == ["shop-ordering: 1 change", "  + Q  Q"]


class WithBucket(FakeCloudFormation):
    """It also plays S3, whose bucket has a zip of yesterday."""

    def describe_stacks(self, **asked: str) -> dict[str, Any]:
        [found] = super().describe_stacks(**asked)["Stacks"]
        return {"Stacks": [found | {"Outputs": [{"OutputKey": "CodeBucket", "OutputValue": "code"}]}]}

    def put_object(self, **asked: Any) -> None:
        self.held.append(asked["Key"])

    def delete_object(self, **asked: str) -> None:
        self.held.remove(asked["Key"])

    def get_paginator(self, operation: str) -> Any:
        if operation != "list_objects_v2":
            return super().get_paginator(operation)
        dates = {name: datetime(2026, 11, 27 - (name == "product-arm64-1.zip"), tzinfo=UTC) for name in self.held}
        found = {"Contents": [{"Key": key, "LastModified": when} for key, when in dates.items()]}
        return SimpleNamespace(paginate=lambda **_: [found])


def test_up_of_functions_leaves_only_the_zip_that_they_use(tmp_path: Path) -> None:
    (tmp_path / "product-arm64.zip").write_bytes(b"code")
    live = WithBucket("CREATE_COMPLETE", held=["product-arm64-1.zip"], change_set_status="FAILED")
    live.change_set_reason = UNCHANGED
    given = context(live, ROOT, "product-functions")
    given = dataclasses.replace(given, engine=ENGINES["lambda"], of_run={"Zips": str(tmp_path)})
    assert commands.up(given) == 0
    [left] = live.held
    assert left != "product-arm64-1.zip"


def test_status_of_a_failed_stack_is_a_failure(live: FakeCloudFormation, root: Path) -> None:
    live.held, live.status = [], "UPDATE_ROLLBACK_COMPLETE"
    live.get_paginator = lambda _: type("Pages", (), {"paginate": lambda *_, **__: []})()  # type: ignore[method-assign,assignment]
    assert commands.status(context(live, root)) == 1


def test_a_service_without_a_template_is_refused_with_those_that_have_one(live: FakeCloudFormation, root: Path) -> None:
    with pytest.raises(Misused, match="no template of 'stock': choose from platform, ordering"):
        commands.up(context(live, root, "stock"))
    assert live.called == []
