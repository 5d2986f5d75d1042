"""What `up` keeps of a stack that exists. tests/bootstrap/test_safeguards.py has stacks of another shop."""

from pathlib import Path
from typing import Any, cast

import pytest

from bootstrap.deployed import belongs_to, keeping
from bootstrap.errors import Misused
from bootstrap.names import Names
from bootstrap.stack import Stack
from bootstrap.templates import Template
from tests.bootstrap.fakes import FakeCloudFormation, quick_clock

TABLES = "order=shop-order-2"


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


def test_stack_without_tags_may_be_ours() -> None:
    """As one that was created by hand from our template."""
    assert belongs_to("shop", cast("Any", {"StackName": "shop-basket"}))
    assert not belongs_to("shop", None)
