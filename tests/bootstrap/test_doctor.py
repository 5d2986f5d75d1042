"""The examination as a whole: its order, and where it ends."""

from pathlib import Path
from typing import Any, cast

import pytest

from bootstrap.aws import Aws
from bootstrap.clock import Clock
from bootstrap.doctor import Doctor
from bootstrap.findings import Finding
from bootstrap.names import Names
from bootstrap.templates import ROOT, load
from tests.bootstrap.fakes import FakeCloudFormation
from tests.stacks import tree


def examine(aws: Aws, names: Names, root: Path = ROOT) -> list[Finding]:
    doctor = Doctor(aws, names, load(names, root), Clock())
    return list(doctor.examine(patience=0.1, consumer_expected=False))


def stack_finding(cloudformation: FakeCloudFormation) -> Finding:
    """What is said of a stack that does not let the examination go further."""
    fake = cast("Any", cloudformation)
    fake.meta = cast("Any", type("Meta", (), {"endpoint_url": "http://x"}))
    aws = Aws(fake, fake, fake, fake, fake, fake, region="there", emulator=True)
    endpoint, finding = examine(aws, Names("shop"))
    assert endpoint.ok
    assert not finding.ok
    return finding


@pytest.mark.integration
def test_a_healthy_shop_has_only_good_findings(aws: Aws, names: Names) -> None:
    findings = examine(aws, names)
    assert all(finding.ok for finding in findings)
    assert [finding.subject for finding in findings] == ["endpoint", *["stack"] * 4, "resources", "delivery"]


@pytest.mark.integration
def test_a_table_deleted_by_hand_is_found_and_nothing_is_sent(aws: Aws, names: Names) -> None:
    aws.dynamodb.delete_table(TableName="shop-basket")
    finding = examine(aws, names)[-1]
    assert (finding.ok, finding.subject) == (False, "resources")
    assert "BasketTable" in finding.text
    assert "--force" in finding.advice


@pytest.mark.integration
def test_a_stack_of_another_template_is_told(aws: Aws, names: Names, tmp_path: Path) -> None:
    other = tree(tmp_path, basket=lambda text: text.replace("VisibilityTimeout: 30", "VisibilityTimeout: 31"))
    bad = [finding for finding in examine(aws, names, other) if not finding.ok]
    assert [finding.subject for finding in bad] == ["template"]


@pytest.mark.integration
def test_another_comment_is_no_other_template_for_up_would_not_change_it(
    aws: Aws, names: Names, tmp_path: Path
) -> None:
    commented = "# why\n\n      VisibilityTimeout: 30 # because\n"
    other = tree(tmp_path, basket=lambda text: text.replace("VisibilityTimeout: 30\n", commented))
    assert "template" not in [finding.subject for finding in examine(aws, names, other)]


def test_a_missing_stack_ends_the_examination() -> None:
    finding = stack_finding(FakeCloudFormation())
    assert "is not there" in finding.text
    assert finding.advice == "AWS_ENDPOINT_URL=http://x AWS_REGION=there SHOP_NAME=shop python -m bootstrap up"


@pytest.mark.parametrize(
    ("status", "text"),
    [("UPDATE_ROLLBACK_COMPLETE", "last deployment failed"), ("UPDATE_IN_PROGRESS", "UPDATE_IN_PROGRESS")],
)
def test_a_stack_that_is_not_well_ends_it_too(status: str, text: str) -> None:
    assert text in stack_finding(FakeCloudFormation(status=status)).text


def test_a_planned_stack_and_a_lost_one_are_told_apart() -> None:
    planned, lost = FakeCloudFormation(), FakeCloudFormation(held=["shop-order"])
    for cloudformation in (planned, lost):
        cloudformation.happened(("", "REVIEW_IN_PROGRESS", ""))
    assert "never made" in stack_finding(planned).text
    assert "--force" in stack_finding(lost).advice
