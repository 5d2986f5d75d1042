"""Plan and up of one stack, from any state that it can be in."""

from __future__ import annotations

import random
from typing import Literal

from botocore.exceptions import ClientError

from bootstrap.aws import Aws, Say
from bootstrap.changes import Change, ChangeSet, ChangeSets, Overtaken
from bootstrap.clock import Clock
from bootstrap.collisions import Collisions
from bootstrap.errors import Failed
from bootstrap.failures import TooSoon, failure
from bootstrap.remains import Remains
from bootstrap.stack import EMPTY, GONE, SUCCESS, Stack
from bootstrap.templates import Template

# Such a stack can only be deleted if it never worked. LocalStack also reports these of stacks that did.
_UNUSABLE = ("ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "CREATE_FAILED")
_STUCK = {
    "DELETE_FAILED": "run `down` again, or `up --force`",
    "UPDATE_ROLLBACK_FAILED": "run `aws cloudformation continue-update-rollback`, or `up --force`",
}
_ANEW = "`up --force` deletes it with its data and creates it again"
# SQS refuses the name of a deleted queue for 60 s ("DeleteQueue", Amazon SQS API Reference). Ten seconds more, because
# others have seen it take a little longer.
_NAME_BLOCKED_SECONDS = 70.0

_LOSES = (
    "the shop may lose the rows of {}: CloudFormation would remove the table or put an empty one in its place. Save "
    "the rows first. `up --really-aws` allows it. CloudFormation itself does not replace a table that keeps its name: "
    "then only `up --force --really-aws`, which deletes the whole stack, creates the new one"
)
_COLLIDES = (
    "refused, because {} would create what exists already:\n  {}\nRename it in the template, delete the other one, or "
    "choose another SHOP_NAME"
)


def threatened(changes: list[Change]) -> str:
    """The tables whose rows the changes may lose, or nothing."""
    return ", ".join(change.logical_id for change in changes if change.may_lose_rows)


class Deployment:
    """Brings one stack to the state that its template describes."""

    def __init__(self, aws: Aws, template: Template, say: Say, clock: Clock) -> None:
        self._aws = aws
        self._template = template
        self._stack = stack = Stack(aws.cloudformation, template.stack, clock)
        self._say = say
        self._clock = clock
        self._change_sets = ChangeSets(aws.cloudformation, stack, clock)
        self._collisions = Collisions(aws)

    def plan(self) -> list[Change]:
        """What `up` would change. Leaves nothing behind."""
        status = self._stack.status()
        self._check_stuck(status)
        if status in _UNUSABLE:
            # A change set here would be refused, or on LocalStack spoil the stack further.
            raise Failed(f"{self._stack.name} is {status}: `up` repairs it, or says what would")
        prepared = self._prepare(status)
        if prepared is None:
            return []
        self._check_collisions(prepared)
        self._change_sets.discard(prepared.arn)
        return prepared.changes

    def up(self, *, may_lose_rows: bool) -> str | None:
        """The status it reached, which is always a success. None where there was nothing to change."""
        for attempt in range(1, 6):
            try:
                return self._patiently(may_lose_rows=may_lose_rows)
            except (Overtaken, ClientError) as error:
                if isinstance(error, ClientError) and not _vanished(error):
                    raise
            self._say(f"another deployment of {self._stack.name} was faster: trying again")
            self._clock.sleep(random.uniform(0, attempt))  # noqa: S311 two deployments must not try in step
        raise Failed(f"others keep deploying {self._stack.name} first: try again later")

    def _patiently(self, *, may_lose_rows: bool) -> str | None:
        """Tries once more after the names of deleted queues are free again. The first attempt was rolled back."""
        try:
            return self._once(may_lose_rows=may_lose_rows)
        except TooSoon:
            self._say(f"SQS blocks the names of deleted queues for a minute: waiting {_NAME_BLOCKED_SECONDS:.0f} s")
            self._clock.sleep(_NAME_BLOCKED_SECONDS)
        return self._once(may_lose_rows=may_lose_rows)

    def _once(self, *, may_lose_rows: bool) -> str | None:
        prepared = self._prepare(self._cleared())
        if prepared is None:
            return None
        self._check_collisions(prepared)
        for change in prepared.changes:
            self._say(f"  {change}")
        self._check_losses(prepared, may_lose_rows=may_lose_rows)
        return self._execute(prepared)

    def _cleared(self) -> str | None:
        """The status to start from, after other deployments have ended and a failed creation is deleted."""
        status = self._stack.status()
        if _at_work(status):
            self._say(f"{self._stack.name} is {status}: waiting for that deployment to end")
            self._stack.wait_for_others()
            status = self._stack.status()
        self._check_stuck(status)
        if status not in _UNUSABLE or self._ever_completed():
            return status
        self._say(f"{self._stack.name} was never completed ({status}): deleting the remains")
        left = self._stack.resources()
        self._stack.delete()
        if self._aws.emulator:
            Remains(self._aws, self._template.names.bus).clear(left)
        return None

    def _prepare(self, status: str | None) -> ChangeSet | None:
        try:
            return self._change_sets.prepare(self._template, self._kind(status))
        except ClientError as error:
            if "No deployed instances" not in str(error):
                raise
            lost = f"the emulator lost track of {self._stack.name} at a failed update"
            raise Failed(f"{lost}: {_ANEW}") from error

    def _kind(self, status: str | None) -> Literal["CREATE", "UPDATE"]:
        if status is None or (status == EMPTY and not self._ever_completed()):
            return "CREATE"
        return "UPDATE"

    def _ever_completed(self) -> bool:
        found = self._stack.describe()
        return found is not None and self._stack.ever_completed(found["StackId"])

    def _check_stuck(self, status: str | None) -> None:
        if status in _STUCK:
            raise Failed(f"{self._stack.name} is {status}: {_STUCK[status]}")

    def _check_losses(self, prepared: ChangeSet, *, may_lose_rows: bool) -> None:
        lost = threatened(prepared.changes)
        if lost and not may_lose_rows:
            self._change_sets.discard(prepared.arn)
            raise Failed(f"refused: {_LOSES.format(lost)}")

    def _check_collisions(self, prepared: ChangeSet) -> None:
        added = [change.logical_id for change in prepared.changes if change.action == "Add"]
        found = self._collisions.of(self._template, added)
        if self._is_overtaken(prepared):
            self._change_sets.discard(prepared.arn)
            raise Overtaken(f"another deployment of {self._stack.name} is under way: try again when it has ended")
        if not found:
            return
        self._change_sets.discard(prepared.arn)
        may_be_going = not self._aws.emulator and all(each.may_be_going for each in found)
        why = _COLLIDES.format(self._stack.name, "\n  ".join(map(str, found)))
        raise (TooSoon if may_be_going else Failed)(why)

    def _is_overtaken(self, prepared: ChangeSet) -> bool:
        """Emulators would execute two change sets at once. MiniStack replaces an empty stack by one with another id."""
        found = self._stack.describe()
        if found is None or found["StackId"] != prepared.stack_id:
            return True
        return not self._stack.holds_nothing() if prepared.creates else _at_work(found["StackStatus"])

    def _execute(self, prepared: ChangeSet) -> str:
        mark = self._stack.newest_event()
        self._change_sets.execute(prepared)
        status = self._stack.settle(prepared.stack_id, mark)
        if status == GONE:
            raise Overtaken(f"another run deleted {self._stack.name}")
        if status not in SUCCESS:
            raise failure(self._aws, self._template, status, self._stack.reasons(prepared.stack_id, mark))
        return status


def _at_work(status: str | None) -> bool:
    return status is not None and status != EMPTY and status.endswith("_IN_PROGRESS")


def _vanished(error: ClientError) -> bool:
    """Another run replaced or deleted what this run had just made."""
    found = error.response["Error"]
    return found["Code"] == "ChangeSetNotFound" or "does not exist" in found.get("Message", "")
