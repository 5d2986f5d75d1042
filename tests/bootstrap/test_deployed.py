"""What `up` keeps of a stack that exists. tests/bootstrap/test_safeguards.py has stacks of another shop."""

from pathlib import Path
from typing import Any, cast

import pytest

from bootstrap import front
from bootstrap.deployed import belongs_to, keeping
from bootstrap.engines import ENGINES
from bootstrap.errors import Misused
from bootstrap.manifests import manifests
from bootstrap.names import Names
from bootstrap.stack import Stack
from bootstrap.templates import ROOT, Template, load, tap
from tests.bootstrap.fakes import FakeCloudFormation, quick_clock

TABLES = "order=shop-order-2"


def test_two_shops_have_no_name_in_common_but_the_stacks_of_functions() -> None:
    """What one shop calls a-basket-bus would be the bus of the shop a-basket."""
    names = Names("a")
    runs = [it for engine in ENGINES.values() for it in engine.templates(names, ROOT, {})]
    templates = [*load(names), front.template(names), tap(names), *runs]
    kinds = [("stack", it.stack) for it in templates] + [
        it for each in templates for it in each.physical_names().values()
    ]
    parts = [(kind, name.removeprefix("a-")) for kind, name in kinds]
    common = {long for kind, long in parts for other, short in parts if kind == other and long.endswith(f"-{short}")}
    assert len(parts) > 100
    assert common == {f"{manifest.service}-functions" for manifest in manifests()}


@pytest.fixture
def live() -> FakeCloudFormation:
    return FakeCloudFormation(
        "CREATE_COMPLETE", parameters={"Tables": TABLES, "Protect": "on", "ArchiveDays": "14", "WebTasks": "7"}
    )


def kept(live: FakeCloudFormation, **settings: str) -> dict[str, str]:
    stack = Stack(cast("Any", live), "shop-ordering-run", quick_clock())
    return dict(keeping(stack, Template(Names("shop"), "ordering-run", Path(), settings)).settings)


def test_restored_tables_protection_and_archive_stay_while_nothing_else_is_said(live: FakeCloudFormation) -> None:
    assert kept(live, Domain="d") == {"Domain": "d", "Tables": TABLES, "Protect": "on", "ArchiveDays": "14"}


def test_what_is_given_counts(live: FakeCloudFormation) -> None:
    assert kept(live, Tables="", Protect="off", ArchiveDays="0") == {
        "Tables": "",
        "Protect": "off",
        "ArchiveDays": "0",
    }


def test_nothing_is_kept_of_a_stack_that_does_not_exist(live: FakeCloudFormation) -> None:
    live.status = None
    assert kept(live) == {}


def test_nothing_is_kept_of_a_stack_of_another_shop(live: FakeCloudFormation) -> None:
    live.shop = "shop-ordering"
    with pytest.raises(Misused, match="the stack shop-ordering-run belongs to the shop shop-ordering"):
        kept(live)


def described(status: str = "CREATE_COMPLETE", **parameters: str) -> Any:
    its = [{"ParameterKey": name, "ParameterValue": value} for name, value in parameters.items()]
    return {"StackName": "shop-basket", "StackStatus": status, "Parameters": its}


def test_stack_without_tags_is_of_the_shop_that_its_parameter_names() -> None:
    """As one that was created by hand from our template."""
    assert belongs_to("shop", described(Shop="shop"))
    assert not belongs_to("shop", described(Shop="other"))
    assert not belongs_to("shop", described())
    assert not belongs_to("shop", None)


def test_stack_that_was_never_deployed_is_anybodys() -> None:
    """CloudFormation may not say its tags and parameters yet."""
    assert belongs_to("shop", described("REVIEW_IN_PROGRESS"))
    assert not belongs_to("shop", described("REVIEW_IN_PROGRESS", Shop="other"))
