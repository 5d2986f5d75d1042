"""The examination as a whole: its order, and where it ends."""

from typing import Any, cast

import pytest

from bootstrap.aws import Aws
from bootstrap.clock import Clock
from bootstrap.doctor import Doctor
from bootstrap.findings import Finding
from bootstrap.names import Names
from bootstrap.stack import Stack
from tests.bootstrap.conftest import TEMPLATE
from tests.bootstrap.fakes import FakeCloudFormation, quick_clock


def examine(aws: Aws, names: Names, stack: Stack, template: str = TEMPLATE) -> list[Finding]:
    doctor = Doctor(aws, names, stack, Clock())
    return list(doctor.examine(template, patience=0.1, consumer_expected=False))


def stack_finding(cloudformation: FakeCloudFormation) -> Finding:
    """What is said of a stack that does not let the examination go further."""
    fake = cast("Any", cloudformation)
    fake.meta = cast("Any", type("Meta", (), {"endpoint_url": "http://x"}))
    aws = Aws(fake, fake, fake, fake, fake, fake, region="there", emulator=True)
    endpoint, finding = examine(aws, Names("shop"), Stack(fake, "shop", quick_clock()))
    assert endpoint.ok
    assert not finding.ok
    return finding


@pytest.mark.integration
def test_a_healthy_shop_has_only_good_findings(aws: Aws, names: Names, shop: Stack) -> None:
    findings = examine(aws, names, shop)
    assert all(finding.ok for finding in findings)
    assert [finding.subject for finding in findings] == ["endpoint", "stack", "resources", "delivery"]


@pytest.mark.integration
def test_a_table_deleted_by_hand_is_found_and_nothing_is_sent(aws: Aws, names: Names, shop: Stack) -> None:
    aws.dynamodb.delete_table(TableName="shop-basket")
    finding = examine(aws, names, shop)[-1]
    assert (finding.ok, finding.subject) == (False, "resources")
    assert "BasketTable" in finding.text
    assert "--force" in finding.advice


@pytest.mark.integration
def test_a_stack_of_another_template_is_told(aws: Aws, names: Names, shop: Stack) -> None:
    other = TEMPLATE.replace("VisibilityTimeout: 30", "VisibilityTimeout: 31")
    bad = [finding for finding in examine(aws, names, shop, other) if not finding.ok]
    assert [finding.subject for finding in bad] == ["template"]


@pytest.mark.integration
def test_another_comment_is_no_other_template_for_up_would_not_change_it(aws: Aws, names: Names, shop: Stack) -> None:
    other = TEMPLATE.replace("VisibilityTimeout: 30\n", "# why\n\n      VisibilityTimeout: 30 # because\n")
    assert other != TEMPLATE
    assert "template" not in [finding.subject for finding in examine(aws, names, shop, other)]


def test_a_missing_stack_ends_the_examination() -> None:
    finding = stack_finding(FakeCloudFormation())
    assert "is not there" in finding.text
    assert finding.advice == "AWS_ENDPOINT_URL=http://x AWS_REGION=there python -m bootstrap up --stack shop"


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
