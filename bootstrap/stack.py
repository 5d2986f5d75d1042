"""One CloudFormation stack: its status, its resources, its events, its deletion."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from bootstrap.clock import Clock
from bootstrap.errors import Failed

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient
    from mypy_boto3_cloudformation.type_defs import (
        StackEventTypeDef,
        StackResourceSummaryTypeDef,
        StackTypeDef,
    )

# Every other final status, such as a rollback, means that the last deployment failed.
SUCCESS = frozenset({"CREATE_COMPLETE", "UPDATE_COMPLETE", "IMPORT_COMPLETE"})
# The stack has a change set that was not executed. Only `holds_nothing` tells whether it has anything else.
EMPTY = "REVIEW_IN_PROGRESS"
GONE = "DELETE_COMPLETE"
_STACK = "AWS::CloudFormation::Stack"
_LONGEST_DEPLOYMENT = 1800.0
_GOES_ON = (
    "CloudFormation goes on: an index of a large table takes hours to fill. `status` shows the state, and `up` waits "
    "again before it changes anything"
)


class Stack:
    """The stack of one name. Reads are paged and waits are bounded."""

    def __init__(self, cloudformation: CloudFormationClient, name: str, clock: Clock) -> None:
        self._cloudformation = cloudformation
        self._clock = clock
        self.name = name

    def describe(self, stack_id: str | None = None) -> StackTypeDef | None:
        """None where there is no stack. By its id, CloudFormation also finds a deleted one."""
        try:
            answer = self._cloudformation.describe_stacks(StackName=stack_id or self.name)
        except ClientError as error:
            if "does not exist" in error.response["Error"].get("Message", ""):
                return None
            raise
        return next((s for s in answer["Stacks"] if s["StackStatus"] != GONE), None)

    def status(self) -> str | None:
        found = self.describe()
        return found["StackStatus"] if found else None

    def resources(self) -> list[StackResourceSummaryTypeDef]:
        pages = self._cloudformation.get_paginator("list_stack_resources").paginate(StackName=self.name)
        return [resource for page in pages for resource in page["StackResourceSummaries"]]

    def template(self) -> str:
        """The text of the template from which it was last deployed."""
        return str(self._cloudformation.get_template(StackName=self.name)["TemplateBody"])

    def newest_event(self) -> str | None:
        """A mark. `settle` and `reasons` look at what happened after it."""
        return next((event["EventId"] for event in self._events(self.name)), None)

    def settle(self, stack_id: str, after: str | None) -> str:
        """Waits for the end of the operation that began after the mark, and returns the status of the stack.

        The status alone is not enough, because right after a request it may still be the previous one.
        """
        for _ in self._clock.polls(_LONGEST_DEPLOYMENT):
            found = self.describe(stack_id)
            if found is None:
                return GONE
            if not _moving(found["StackStatus"]) and self._ended(stack_id, after):
                return found["StackStatus"]
        raise Failed(f"{self.name} is not finished after {_LONGEST_DEPLOYMENT / 60:.0f} minutes. {_GOES_ON}")

    def wait_for_others(self) -> None:
        """Returns when no deployment is under way."""
        for _ in self._clock.polls(_LONGEST_DEPLOYMENT):
            status = self.status()
            if status in (None, EMPTY) or not _moving(str(status)):
                return
        raise Failed(f"another deployment of {self.name} does not end. {_GOES_ON}")

    def ever_completed(self, stack_id: str) -> bool:
        """True if the stack was once complete, so that its tables may hold rows.

        LocalStack reports ROLLBACK_COMPLETE after a failed *update* too, AWS only after a failed creation.
        """
        return any(
            event["ResourceType"] == _STACK and event["ResourceStatus"] in SUCCESS for event in self._events(stack_id)
        )

    def holds_nothing(self) -> bool:
        """True of the empty stack that a first change set creates.

        The status alone is not enough: on LocalStack a stack full of tables has the same status when a change set
        follows a failed update.
        """
        found = self.describe()
        return (
            found is not None
            and found["StackStatus"] == EMPTY
            and not self.ever_completed(found["StackId"])
            and not self.resources()
        )

    def reasons(self, stack_id: str, after: str | None) -> list[str]:
        """Why the operation after the mark failed, the first cause first. The stack itself never says why."""
        failed = [event for event in self._since(stack_id, after) if event["ResourceStatus"].endswith("FAILED")]
        own = [_reason(e) for e in reversed(failed) if e["ResourceType"] != _STACK and _is_cause(e)]
        return own or [_reason(event) for event in reversed(failed)] or ["no reason was given"]

    def delete(self) -> str | None:
        """Deletes the stack and everything in it. Returns the id it had, or None where there was none."""
        found = self.describe()
        if found is None:
            return None
        stack_id, mark = found["StackId"], self.newest_event()
        self._cloudformation.delete_stack(StackName=stack_id)
        if self.settle(stack_id, mark) != GONE:
            why = "\n  ".join(self.reasons(stack_id, mark))
            raise Failed(f"{self.name} could not be deleted. Repair this and try again:\n  {why}")
        return stack_id

    def _ended(self, stack_id: str, after: str | None) -> bool:
        own = (e for e in self._since(stack_id, after) if e["ResourceType"] == _STACK)
        newest = next(own, None)
        return newest is not None and not _moving(newest["ResourceStatus"])

    def _since(self, stack_id: str, after: str | None) -> Iterator[StackEventTypeDef]:
        for event in self._events(stack_id):
            if event["EventId"] == after:
                return
            yield event

    def _events(self, stack_id: str) -> Iterator[StackEventTypeDef]:
        """The newest first. A page is fetched when it is reached."""
        pages = self._cloudformation.get_paginator("describe_stack_events").paginate(StackName=stack_id)
        for page in pages:
            yield from page["StackEvents"]


def created(resources: Iterable[StackResourceSummaryTypeDef], kind: str) -> list[str]:
    """The names of the resources of a type. One whose creation failed has none."""
    return [it["PhysicalResourceId"] for it in resources if it["ResourceType"] == kind and it.get("PhysicalResourceId")]


def _moving(status: str) -> bool:
    return status.endswith("_IN_PROGRESS")


def _is_cause(event: StackEventTypeDef) -> bool:
    """The first failure cancels other operations, which then are reported as failed too."""
    return "cancelled" not in event.get("ResourceStatusReason", "")


def _reason(event: StackEventTypeDef) -> str:
    why = " ".join(event.get("ResourceStatusReason", "").split()) or "no reason was given"
    return f"{event['LogicalResourceId']} ({event['ResourceType']}) {event['ResourceStatus']}: {why}"
