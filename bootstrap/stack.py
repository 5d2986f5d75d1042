"""One CloudFormation stack as it is: its status, its events, its end."""

from __future__ import annotations

from collections.abc import Iterator
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

# Every other status that settles, ROLLBACK or FAILED, means that the last deployment did not work.
SUCCESS = frozenset({"CREATE_COMPLETE", "UPDATE_COMPLETE", "IMPORT_COMPLETE"})
# The stack has an unexecuted change set. Only `holds_nothing` says whether that is all it has.
EMPTY = "REVIEW_IN_PROGRESS"
GONE = "DELETE_COMPLETE"
_STACK = "AWS::CloudFormation::Stack"
_LONGEST_DEPLOYMENT = 1800.0


class Stack:
    """What is there under one name; the reads are paged, the waits are bounded."""

    def __init__(self, cloudformation: CloudFormationClient, name: str, clock: Clock) -> None:
        self._cloudformation = cloudformation
        self._clock = clock
        self.name = name

    def describe(self, stack_id: str | None = None) -> StackTypeDef | None:
        """None where there is no stack; asked by id, CloudFormation also remembers deleted ones."""
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
        """The template it was last deployed from, as it was sent."""
        return str(self._cloudformation.get_template(StackName=self.name)["TemplateBody"])

    def newest_event(self) -> str | None:
        """A mark: `settle` and `reasons` look at what happened after it."""
        return next((event["EventId"] for event in self._events(self.name)), None)

    def settle(self, stack_id: str, after: str | None) -> str:
        """Waits for the end of what began after the mark, and returns the stack's status then.

        The status alone would not do: right after a request it may still be the one from before.
        """
        for _ in self._clock.polls(_LONGEST_DEPLOYMENT):
            found = self.describe(stack_id)
            if found is None:
                return GONE
            if not _moving(found["StackStatus"]) and self._ended(stack_id, after):
                return found["StackStatus"]
        minutes = _LONGEST_DEPLOYMENT / 60
        raise Failed(f"{self.name} is still at work after {minutes:.0f} minutes: see `status`")

    def wait_for_others(self) -> None:
        """Returns when nobody's deployment is under way."""
        for _ in self._clock.polls(_LONGEST_DEPLOYMENT):
            status = self.status()
            if status in (None, EMPTY) or not _moving(str(status)):
                return
        raise Failed(f"another deployment of {self.name} does not end: see `status`")

    def ever_completed(self, stack_id: str) -> bool:
        """True if the stack has worked once, so that its tables may hold rows.

        LocalStack says ROLLBACK_COMPLETE after a failed *update* too, AWS only of a creation.
        """
        return any(
            event["ResourceType"] == _STACK and event["ResourceStatus"] in SUCCESS for event in self._events(stack_id)
        )

    def holds_nothing(self) -> bool:
        """True of the shell that a first change set makes.

        The status alone would be deadly: on LocalStack a stack full of tables has the same one
        when a change set follows a failed update.
        """
        found = self.describe()
        return (
            found is not None
            and found["StackStatus"] == EMPTY
            and not self.ever_completed(found["StackId"])
            and not self.resources()
        )

    def reasons(self, stack_id: str, after: str | None) -> list[str]:
        """Why what began after the mark failed, first cause first; the stack itself never says."""
        failed = [event for event in self._since(stack_id, after) if event["ResourceStatus"].endswith("FAILED")]
        own = [_reason(e) for e in reversed(failed) if e["ResourceType"] != _STACK and _is_cause(e)]
        return own or [_reason(event) for event in reversed(failed)] or ["no reason was given"]

    def delete(self) -> str | None:
        """Deletes the stack and everything in it; the id it had, or None where there was none."""
        found = self.describe()
        if found is None:
            return None
        stack_id, mark = found["StackId"], self.newest_event()
        self._cloudformation.delete_stack(StackName=stack_id)
        if self.settle(stack_id, mark) != GONE:
            why = "\n  ".join(self.reasons(stack_id, mark))
            raise Failed(f"{self.name} could not be deleted; mend this and try again:\n  {why}")
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
        """Newest first, as everywhere; a page is fetched when it is reached."""
        pages = self._cloudformation.get_paginator("describe_stack_events").paginate(StackName=stack_id)
        for page in pages:
            yield from page["StackEvents"]


def _moving(status: str) -> bool:
    return status.endswith("_IN_PROGRESS")


def _is_cause(event: StackEventTypeDef) -> bool:
    """The first failure cancels its neighbours, which then fail as well."""
    return "cancelled" not in event.get("ResourceStatusReason", "")


def _reason(event: StackEventTypeDef) -> str:
    why = " ".join(event.get("ResourceStatusReason", "").split()) or "no reason was given"
    return f"{event['LogicalResourceId']} ({event['ResourceType']}) {event['ResourceStatus']}: {why}"
