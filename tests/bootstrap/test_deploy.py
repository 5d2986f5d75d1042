"""Up and plan from every state a stack can be in; `fakes.py` plays CloudFormation."""

import pytest
from botocore.exceptions import ClientError

from bootstrap.clock import Clock
from bootstrap.deploy import Deployment
from bootstrap.errors import Failed
from bootstrap.names import Names
from bootstrap.templates import load
from tests.bootstrap.fakes import UNCHANGED, FakeCloudFormation, aws_of, client_error, quick_clock

CREATED = [("", "CREATE_IN_PROGRESS", ""), ("", "CREATE_COMPLETE", "")]
UPDATED = [("", "UPDATE_IN_PROGRESS", ""), ("", "UPDATE_COMPLETE", "")]
LOST = client_error("InternalError", "No deployed instances of resource 'X' were found")


def deployment(
    cloudformation: FakeCloudFormation,
    said: list[str] | None = None,
    clock: Clock | None = None,
    *,
    emulator: bool = True,
) -> Deployment:
    clock = clock or quick_clock()
    aws = aws_of(cloudformation, emulator=emulator)
    (ordering,) = [template for template in load(Names("shop")) if template.service == "ordering"]
    return Deployment(aws, ordering, (said if said is not None else []).append, clock)


def up(
    cloudformation: FakeCloudFormation,
    *,
    may_lose_rows: bool = True,
    said: list[str] | None = None,
    clock: Clock | None = None,
    emulator: bool = True,
) -> str | None:
    return deployment(cloudformation, said, clock, emulator=emulator).up(may_lose_rows=may_lose_rows)


def existing(status: str, *history: tuple[str, str, str]) -> FakeCloudFormation:
    cloudformation = FakeCloudFormation(held=["shop-order"])
    cloudformation.happened(*(history or CREATED))
    cloudformation.status = status
    return cloudformation


def table(action: str, replacement: str = "False") -> dict[str, str]:
    return {
        "Action": action,
        "LogicalResourceId": "OrderTable",
        "ResourceType": "AWS::DynamoDB::Table",
        "Replacement": replacement,
    }


def test_a_first_up_creates() -> None:
    cloudformation = FakeCloudFormation(after_execution=CREATED)
    assert up(cloudformation) == "CREATE_COMPLETE"
    assert "create CREATE" in cloudformation.called


def test_up_shows_what_it_changes() -> None:
    cloudformation = existing("CREATE_COMPLETE")
    cloudformation.changes, cloudformation.after_execution = [table("Modify"), table("Add")], UPDATED
    said: list[str] = []
    assert up(cloudformation, said=said) == "UPDATE_COMPLETE"
    assert said == ["  ~ OrderTable  AWS::DynamoDB::Table", "  + OrderTable  AWS::DynamoDB::Table"]


def test_an_unchanged_template_changes_nothing_and_leaves_no_change_set() -> None:
    cloudformation = existing("CREATE_COMPLETE")
    cloudformation.change_set_status, cloudformation.change_set_reason = "FAILED", UNCHANGED
    assert up(cloudformation) is None
    assert "discard" in cloudformation.called
    assert "delete" not in cloudformation.called


def test_a_change_set_takes_its_time() -> None:
    cloudformation = FakeCloudFormation(after_execution=CREATED, pending=["CREATE_PENDING", "CREATE_IN_PROGRESS"])
    assert up(cloudformation) == "CREATE_COMPLETE"


def test_a_change_set_that_cannot_be_made_says_why_and_leaves_no_empty_stack() -> None:
    cloudformation = FakeCloudFormation(change_set_status="FAILED", change_set_reason="Circular dependency")
    with pytest.raises(Failed, match="Circular dependency"):
        up(cloudformation)
    assert cloudformation.called[-2:] == ["delete", "describe_stacks"]


def test_a_refused_template_says_why() -> None:
    cloudformation = FakeCloudFormation(errors={"create CREATE": [client_error("ValidationError", "Unresolved Ref")]})
    with pytest.raises(Failed, match="cannot be deployed: Unresolved Ref"):
        up(cloudformation)


def test_other_errors_of_aws_pass_through() -> None:
    cloudformation = FakeCloudFormation(errors={"create CREATE": [client_error("AccessDenied")]})
    with pytest.raises(ClientError):
        up(cloudformation)


@pytest.mark.parametrize("end", ["ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "UPDATE_ROLLBACK_COMPLETE", "CREATE_FAILED"])
def test_every_rollback_is_a_failure_and_names_the_resource(end: str) -> None:
    cloudformation = FakeCloudFormation(
        after_execution=[("OrderQueue", "CREATE_FAILED", "Bad\n  value"), ("", end, "stack's own words")]
    )
    with pytest.raises(Failed, match=r"OrderQueue \(AWS::SQS::Queue\) CREATE_FAILED: Bad value$"):
        up(cloudformation)


def test_a_failure_of_an_earlier_deployment_is_not_reported_again() -> None:
    cloudformation = existing("UPDATE_ROLLBACK_COMPLETE", *CREATED, ("Old", "UPDATE_FAILED", "long ago"))
    cloudformation.after_execution = [
        ("", "UPDATE_IN_PROGRESS", ""),
        ("First", "UPDATE_FAILED", "the cause"),
        ("Second", "UPDATE_FAILED", "Resource update cancelled"),
        ("", "UPDATE_ROLLBACK_COMPLETE", ""),
    ]
    with pytest.raises(Failed) as failure:
        up(cloudformation)
    assert "the cause" in str(failure.value)
    assert "long ago" not in str(failure.value)
    assert "cancelled" not in str(failure.value)


ROLLED_BACK = ("", "ROLLBACK_COMPLETE", "")
SENTENCE = "You must wait 60 seconds after deleting a queue before you can create another with the same name."


@pytest.mark.parametrize(
    "reason", [f"Resource handler returned message: {SENTENCE}", "AWS.SimpleQueueService.QueueDeletedRecently"]
)
def test_up_waits_until_the_names_of_deleted_queues_are_free_and_tries_once_more(reason: str) -> None:
    cloudformation, clock, said = FakeCloudFormation(after_execution=CREATED), quick_clock(), list[str]()
    cloudformation.first_executions = [[("OrderQueue", "CREATE_FAILED", reason), ROLLED_BACK]]
    assert up(cloudformation, said=said, clock=clock) == "CREATE_COMPLETE"
    assert clock.now() >= 60
    assert any("SQS blocks the names of deleted queues" in line for line in said)
    assert cloudformation.called.count("execute") == 2
    assert cloudformation.called.count("delete") == 1


def test_up_does_not_wait_for_ever_for_a_queues_name() -> None:
    cloudformation = FakeCloudFormation(after_execution=[("OrderQueue", "CREATE_FAILED", SENTENCE), ROLLED_BACK])
    with pytest.raises(Failed, match="60 seconds after deleting a queue"):
        up(cloudformation)
    assert cloudformation.called.count("execute") == 2


def test_another_failure_is_reported_at_once() -> None:
    cloudformation = FakeCloudFormation(after_execution=[("OrderQueue", "CREATE_FAILED", "Bad value"), ROLLED_BACK])
    with pytest.raises(Failed, match="Bad value"):
        up(cloudformation)
    assert cloudformation.called.count("execute") == 1


def test_a_failed_first_creation_is_deleted_before_the_next() -> None:
    cloudformation = existing("ROLLBACK_COMPLETE", ("", "CREATE_IN_PROGRESS", ""), ("", "ROLLBACK_COMPLETE", ""))
    cloudformation.after_execution = CREATED
    assert up(cloudformation) == "CREATE_COMPLETE"
    assert cloudformation.called.index("delete") < cloudformation.called.index("create CREATE")


def test_a_stack_that_worked_once_is_never_deleted_whatever_its_status_says() -> None:
    cloudformation = existing("ROLLBACK_COMPLETE")
    cloudformation.after_execution = UPDATED
    assert up(cloudformation) == "UPDATE_COMPLETE"
    assert "delete" not in cloudformation.called


@pytest.mark.parametrize("status", ["ROLLBACK_COMPLETE", "REVIEW_IN_PROGRESS"])
def test_a_stack_the_emulator_lost_is_left_alone_and_force_is_named(status: str) -> None:
    cloudformation = existing(status)
    cloudformation.errors = {"describe_change_set": [LOST]}
    with pytest.raises(Failed, match="up --force"):
        up(cloudformation)
    assert "create UPDATE" in cloudformation.called
    assert "discard" in cloudformation.called
    assert "delete" not in cloudformation.called


def test_a_left_over_empty_stack_is_created() -> None:
    cloudformation = FakeCloudFormation(after_execution=CREATED)
    cloudformation.happened(("", "REVIEW_IN_PROGRESS", ""))
    assert up(cloudformation) == "CREATE_COMPLETE"
    assert "create CREATE" in cloudformation.called


def test_up_waits_for_a_deployment_under_way() -> None:
    cloudformation = existing("UPDATE_IN_PROGRESS")
    cloudformation.change_set_status, cloudformation.change_set_reason = "FAILED", UNCHANGED
    looks = []

    def finish(fake: FakeCloudFormation) -> None:
        looks.append(fake.status)
        fake.status = "UPDATE_COMPLETE" if len(looks) > 3 else fake.status

    cloudformation.on_describe = finish
    said: list[str] = []
    assert up(cloudformation, said=said) is None
    assert "waiting" in said[0]


def test_a_deployment_that_never_ends_is_not_waited_for_for_ever() -> None:
    with pytest.raises(Failed, match=r"does not end. CloudFormation goes on: .* `up` waits again"):
        up(existing("UPDATE_IN_PROGRESS"))
    with pytest.raises(Failed, match=r"is not finished after 30 minutes. CloudFormation goes on"):
        up(FakeCloudFormation(after_execution=[("", "CREATE_IN_PROGRESS", "")]))
    with pytest.raises(Failed, match="did not finish a change set"):
        up(FakeCloudFormation(pending=["CREATE_PENDING"] * 999))


def test_a_status_from_before_the_execution_is_not_taken_for_its_end() -> None:
    cloudformation = existing("CREATE_COMPLETE")
    looks = []

    def lag(fake: FakeCloudFormation) -> None:
        looks.append(fake.status)
        if "execute" in fake.called and len(looks) == 4:
            fake.happened(("Queue", "UPDATE_FAILED", "late"), ("", "UPDATE_ROLLBACK_COMPLETE", ""))

    cloudformation.on_describe = lag
    with pytest.raises(Failed, match="late"):
        up(cloudformation)


@pytest.mark.parametrize("call", ["create CREATE", "execute"])
def test_a_faster_deployment_of_somebody_else_is_no_failure(call: str) -> None:
    cloudformation = FakeCloudFormation(after_execution=CREATED)
    cloudformation.errors = {call: [client_error("InvalidChangeSetStatus", "obsolete")]}
    said: list[str] = []
    assert up(cloudformation, said=said) == "CREATE_COMPLETE"
    assert "was faster" in said[0]


@pytest.mark.parametrize("status", [None, "CREATE_COMPLETE"])
def test_a_stack_that_another_deployment_is_changing_is_left_alone(status: str | None) -> None:
    """LocalStack would execute both change sets."""
    cloudformation = existing(status) if status else FakeCloudFormation()
    cloudformation.after_execution = UPDATED
    other = iter(["UPDATE_IN_PROGRESS", "UPDATE_IN_PROGRESS", "UPDATE_COMPLETE"])

    def overtake(fake: FakeCloudFormation) -> None:
        if "describe_change_set" in fake.called and "execute" not in fake.called:
            fake.status = next(other, "UPDATE_COMPLETE")

    cloudformation.on_describe = overtake
    said: list[str] = []
    assert up(cloudformation, said=said) == "UPDATE_COMPLETE"
    assert "was faster" in said[0]
    assert cloudformation.called.count("execute") == 1


def test_a_change_set_that_somebody_swept_away_is_made_again() -> None:
    cloudformation = FakeCloudFormation(after_execution=CREATED)
    cloudformation.errors = {"describe_change_set": [client_error("ChangeSetNotFound", "does not exist")]}
    assert up(cloudformation) == "CREATE_COMPLETE"


def test_up_gives_up_where_others_always_come_first() -> None:
    cloudformation = FakeCloudFormation()
    cloudformation.errors = {"create CREATE": [client_error("ValidationError", "is in CREATE_IN_PROGRESS")] * 5}
    with pytest.raises(Failed, match="others keep deploying"):
        up(cloudformation)


@pytest.mark.parametrize("change", [table("Remove"), table("Modify", "True"), table("Modify", "Conditional")])
def test_up_does_not_throw_rows_away_unasked(change: dict[str, str]) -> None:
    cloudformation = existing("CREATE_COMPLETE")
    cloudformation.changes, cloudformation.after_execution = [change], UPDATED
    with pytest.raises(Failed, match=r"may lose the rows of OrderTable: .*--really-aws"):
        up(cloudformation, may_lose_rows=False)
    assert "execute" not in cloudformation.called
    assert "discard" in cloudformation.called
    assert up(cloudformation, may_lose_rows=True) == "UPDATE_COMPLETE"


@pytest.mark.parametrize("status", ["DELETE_FAILED", "UPDATE_ROLLBACK_FAILED"])
def test_a_stuck_stack_is_told_what_helps(status: str) -> None:
    for act in (up, lambda fake: deployment(fake).plan()):
        with pytest.raises(Failed, match=f"{status}: run `"):
            act(existing(status))


def test_plan_executes_nothing_and_removes_the_stack_it_made() -> None:
    cloudformation = FakeCloudFormation(changes=[table("Add")] * 3)
    assert len(deployment(cloudformation).plan()) == 3
    assert "execute" not in cloudformation.called
    assert cloudformation.status is None


def test_plan_keeps_an_empty_stack_in_which_somebody_elses_change_set_waits() -> None:
    cloudformation = FakeCloudFormation(others=["mine", "theirs"])
    deployment(cloudformation).plan()
    assert "delete" not in cloudformation.called


def test_plan_never_deletes_a_stack_with_resources_though_it_looks_empty() -> None:
    cloudformation = existing("REVIEW_IN_PROGRESS")
    deployment(cloudformation).plan()
    assert "discard" in cloudformation.called
    assert "delete" not in cloudformation.called


def test_plan_does_not_touch_a_stack_whose_last_deployment_failed() -> None:
    cloudformation = existing("ROLLBACK_COMPLETE")
    with pytest.raises(Failed, match="ROLLBACK_COMPLETE"):
        deployment(cloudformation).plan()
    assert cloudformation.called == ["describe_stacks"]


def test_plan_of_an_unchanged_template_is_empty() -> None:
    cloudformation = existing("CREATE_COMPLETE")
    cloudformation.change_set_status, cloudformation.change_set_reason = "FAILED", UNCHANGED
    assert deployment(cloudformation).plan() == []


def test_a_deployment_passes_the_shops_name_its_tags_and_the_right_to_make_roles() -> None:
    cloudformation = FakeCloudFormation(after_execution=CREATED)
    up(cloudformation)
    asked = cloudformation.asked
    assert asked["StackName"] == "shop-ordering"
    assert asked["Parameters"] == [{"ParameterKey": "Shop", "ParameterValue": "shop"}]
    assert asked["Tags"] == [{"Key": "shop", "Value": "shop"}, {"Key": "service", "Value": "ordering"}]
    assert asked["Capabilities"] == ["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM"]


def refused(cloudformation: FakeCloudFormation) -> str:
    """Why neither plan nor up does it. Nothing is executed."""
    cloudformation.changes, cloudformation.after_execution = [table("Add")], CREATED
    for act in (up, lambda fake: deployment(fake).plan()):
        with pytest.raises(Failed, match="would create what exists already") as refusal:
            act(cloudformation)
    assert "execute" not in cloudformation.called
    return str(refusal.value)


@pytest.mark.parametrize("status", [None, "CREATE_COMPLETE"])
def test_a_table_that_exists_is_not_created_again_neither_by_a_new_stack_nor_by_an_update(status: str | None) -> None:
    cloudformation = existing(status) if status else FakeCloudFormation()
    cloudformation.tables = {"shop-order"}
    why = refused(cloudformation)
    assert "shop-order (AWS::DynamoDB::Table) exists already and was not made by a stack of this shop" in why
    assert cloudformation.status == status


def test_a_name_that_another_stack_owns_is_refused_and_the_owner_named() -> None:
    """Also where the table itself is gone: both stacks would have the new one."""
    why = refused(FakeCloudFormation(owned=[("AWS::DynamoDB::Table", "shop-order")]))
    assert "shop-order (AWS::DynamoDB::Table) exists already and belongs to the stack shop-other" in why


def test_a_table_that_another_deployment_of_the_same_stack_has_made_means_to_try_again() -> None:
    cloudformation = FakeCloudFormation(after_execution=CREATED, changes=[table("Add")], tables={"shop-order"})
    said: list[str] = []

    def overtake(fake: FakeCloudFormation) -> None:
        if "describe_change_set" in fake.called and not fake.held:
            fake.held = ["shop-order"]
            fake.happened(*CREATED)
            fake.change_set_status, fake.change_set_reason = "FAILED", UNCHANGED

    cloudformation.on_describe = overtake
    assert up(cloudformation, said=said) is None
    assert "was faster" in " ".join(said)


def test_a_queue_that_aws_still_shows_after_its_deletion_is_waited_for() -> None:
    clock, cloudformation = quick_clock(), FakeCloudFormation(after_execution=CREATED, queues={"shop-order"})
    cloudformation.changes = [table("Add") | {"LogicalResourceId": "OrderQueue"}]
    cloudformation.on_describe = lambda fake: fake.queues.clear() if clock.now() > 60 else None
    assert up(cloudformation, clock=clock, emulator=False) == "CREATE_COMPLETE"
