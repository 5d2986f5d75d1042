"""The examination as a whole: its sequence, and where it ends."""

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, cast

import pytest

from bootstrap.aws import Aws
from bootstrap.clock import Clock
from bootstrap.manifests import Process, processes
from bootstrap.names import Names
from bootstrap.templates import ROOT, load
from shop.doctor.doctor import Doctor
from shop.doctor.findings import Finding
from tests.bootstrap.fakes import FakeCloudFormation, aws_of, quick_clock
from tests.processes import running
from tests.shop.doctor.drift import DRIFTS
from tests.stacks import tree

NAMES = Names("shop")
STACKS = [template.stack for template in load(NAMES)]
TOPICS = [
    *(f"notify-order-{each} → topic shop-notifications" for each in ("confirmed", "rejected", "cancelled")),
    "price-drops → topic shop-price-drops",
]
NO_TEST_MESSAGES = [f"not checked: rule shop-{each}, whose subscribers get no test messages" for each in TOPICS]
MESSAGES = [
    *("AuthorizePayment", "CheckoutBasket", "ConfirmOrder", "FinishOrder", "OrderConfirmed", "ProductChanged"),
    *("ProductCreated", "ProductDeleted", "RejectOrder", "ReleaseStock", "ReserveStock", "SweepOrders", "VoidPayment"),
]
MACHINE = "state machine shop-fulfil-order"
COMMANDED = ("shop-stock", "shop-payment", "shop-order-commands")
CONSUMERS = [process for process in processes() if any("ReceiveMessage" in each for each in process.allow.values())]


def examine(
    aws: Aws, root: Path = ROOT, consumers: Sequence[Process] = (), patience: float = 0.0, clock: Clock | None = None
) -> list[Finding]:
    """Without `consumers` no test message is sent."""
    return list(Doctor(aws, NAMES, load(NAMES, root), consumers, clock or Clock()).examine(patience))


def faults_of_stacks(cloudformation: FakeCloudFormation) -> list[Finding]:
    """Of a shop whose stacks are all like this one."""
    fake = cast("Any", cloudformation)
    fake.meta = cast("Any", type("Meta", (), {"endpoint_url": "http://x"}))
    aws = aws_of(fake, region="there", emulator=True)
    endpoint, *others = examine(aws, consumers=processes(), clock=quick_clock())
    assert endpoint.ok
    assert [(finding.ok, finding.subject) for finding in others] == [(False, "stack")] * len(STACKS)
    return others


@pytest.mark.integration
def test_everything_is_good_in_a_shop_whose_consumers_run(stack: Mapping[str, str], aws: Aws) -> None:
    with ExitStack() as consumers:
        for process in CONSUMERS:
            consumers.enter_context(running(process.module, stack))
        findings = examine(aws, consumers=processes(), patience=60)
    assert [finding for finding in findings if not finding.ok] == []
    untested = len(NO_TEST_MESSAGES)
    assert [finding.subject for finding in findings] == [
        "endpoint",
        *["stack"] * len(STACKS),
        *["delivery"] * (untested + len(MESSAGES)),
    ]
    assert [finding.text for finding in findings if finding.text.startswith("not checked")] == NO_TEST_MESSAGES
    delivered = sorted(finding.text.partition(":")[0] for finding in findings[-len(MESSAGES) :])
    assert delivered == MESSAGES
    assert (
        aws.dynamodb.scan(TableName="shop-order")["Count"]
        == aws.dynamodb.scan(TableName="shop-catalogue")["Count"]
        == 0
    )


@pytest.mark.integration
@pytest.mark.ministack
def test_queues_without_a_known_consumer_are_not_checked_and_no_fault(aws: Aws) -> None:
    findings = examine(aws)
    assert all(finding.ok for finding in findings)
    assert sorted(finding.text for finding in findings if finding.subject == "delivery") == sorted([
        "not checked: rule shop-product-changes → queue shop-catalogue, from which no process receives",
        "not checked: rule shop-checkout-basket → queue shop-order, from which no process receives",
        "not checked: rule shop-stock-order-confirmed → queue shop-stock, from which no process receives",
        *(f"not checked: {MACHINE} → queue {queue}, from which no process receives" for queue in COMMANDED),
        "not checked: rule shop-sweep-orders → queue shop-order-commands, from which no process receives",
        *NO_TEST_MESSAGES,
    ])  # fmt: skip


@pytest.mark.integration
@pytest.mark.parametrize("broken", ["table", "rule switched off", "target"])
def test_a_resource_at_fault_is_named_and_no_test_message_is_sent(aws: Aws, broken: str) -> None:
    break_it, expected = DRIFTS[broken]
    break_it(aws)
    findings = examine(aws, consumers=processes())
    [fault] = [finding for finding in findings if not finding.ok]
    assert fault.subject == "resources"
    assert [name in fault.text for name in expected] == [True]
    assert "--force" in fault.advice
    assert "delivery" not in [finding.subject for finding in findings]


@pytest.mark.integration
def test_a_stack_of_another_template_is_named_and_examined(aws: Aws, tmp_path: Path) -> None:
    other = tree(tmp_path, basket=lambda text: text.replace("VisibilityTimeout: 30", "VisibilityTimeout: 31"))
    findings = examine(aws, other)
    [fault] = [finding for finding in findings if not finding.ok]
    assert (fault.subject, fault.text) == ("template", "shop-basket was made from another one")
    assert fault.advice.startswith("`.venv/bin/shop stack plan basket` shows the changes")
    assert findings[-1].subject == "delivery"


@pytest.mark.integration
@pytest.mark.ministack
def test_another_comment_is_no_other_template_because_up_would_not_change_it(aws: Aws, tmp_path: Path) -> None:
    commented = "# why\n\n      VisibilityTimeout: 30 # because\n"
    other = tree(tmp_path, basket=lambda text: text.replace("VisibilityTimeout: 30\n", commented))
    assert all(finding.ok for finding in examine(aws, other))


def test_missing_stacks_are_named_with_the_command_that_creates_them() -> None:
    faults = faults_of_stacks(FakeCloudFormation())
    assert [fault.text for fault in faults] == [f"{name} does not exist" for name in STACKS]
    assert faults[1].advice == "`.venv/bin/shop stack up basket`"


@pytest.mark.parametrize(
    ("status", "text"),
    [("UPDATE_ROLLBACK_COMPLETE", "last deployment failed"), ("UPDATE_IN_PROGRESS", "UPDATE_IN_PROGRESS")],
)
def test_the_status_of_a_stack_that_is_not_complete_is_named(status: str, text: str) -> None:
    assert text in faults_of_stacks(FakeCloudFormation(status=status))[0].text


def test_a_planned_stack_and_a_lost_one_are_distinguished() -> None:
    planned, lost = FakeCloudFormation(), FakeCloudFormation(held=["shop-order"])
    for cloudformation in (planned, lost):
        cloudformation.happened(("", "REVIEW_IN_PROGRESS", ""))
    assert "never created" in faults_of_stacks(planned)[0].text
    assert "--force" in faults_of_stacks(lost)[0].advice
