"""Change sets show what a template would change in a stack, before anything is changed."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from botocore.exceptions import ClientError

from bootstrap.clock import Clock
from bootstrap.errors import Failed
from bootstrap.stack import Stack
from bootstrap.templates import Template

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient
    from mypy_boto3_cloudformation.type_defs import (
        DescribeChangeSetOutputTypeDef,
        ResourceChangeTypeDef,
    )

_UNCHANGED = ("didn't contain changes", "No updates are to be performed")
_OVERTAKEN = ("InvalidChangeSetStatus", "ChangeSetNotFound", "AlreadyExistsException")
_SIGNS = {"Add": "+", "Modify": "~", "Remove": "-"}
_NOTES = {
    "True": "  (replaced: the new one is empty)",
    "Conditional": "  (may be replaced: the new one would be empty)",
}
_LONGEST_PREPARATION = 300.0


class Overtaken(Failed):
    """Another run deployed the stack in the meantime."""


@dataclass(frozen=True)
class Change:
    """What happens to one resource. `replacement` is `True`, `False` or `Conditional`, as CloudFormation says it."""

    action: str
    logical_id: str
    type: str
    replacement: str = "False"

    @property
    def may_lose_rows(self) -> bool:
        """Also true where CloudFormation decides only during the deployment whether it replaces the table."""
        return self.type == "AWS::DynamoDB::Table" and (self.replacement in _NOTES or self.action == "Remove")

    def __str__(self) -> str:
        return f"{_SIGNS.get(self.action, '?')} {self.logical_id}  {self.type}{_NOTES.get(self.replacement, '')}"


@dataclass(frozen=True)
class ChangeSet:
    """Prepared, but not executed. `creates` is true where the stack did not exist."""

    arn: str
    stack_id: str
    changes: list[Change]
    creates: bool


class ChangeSets:
    """Prepares, executes and discards change sets. Each has a fresh name, so that concurrent runs do not collide."""

    def __init__(self, cloudformation: CloudFormationClient, stack: Stack, clock: Clock) -> None:
        self._cloudformation = cloudformation
        self._stack = stack
        self._clock = clock

    def prepare(self, template: Template, kind: Literal["CREATE", "UPDATE"]) -> ChangeSet | None:
        """None where nothing would change. A change set that is not executed must be discarded."""
        try:
            made = self._cloudformation.create_change_set(
                StackName=self._stack.name,
                ChangeSetName=f"bootstrap-{uuid.uuid4().hex}",
                ChangeSetType=kind,
                TemplateBody=template.text,
                Parameters=[{"ParameterKey": k, "ParameterValue": v} for k, v in template.parameters().items()],
                Capabilities=["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM"],
                Tags=[{"Key": "shop", "Value": template.names.shop}, {"Key": "service", "Value": template.service}],
            )
        except ClientError as error:
            raise _translated(error) from error
        try:
            return self._read(made["Id"], made["StackId"], creates=kind == "CREATE")
        except ClientError:
            self.discard(made["Id"])
            raise

    def execute(self, change_set: ChangeSet) -> None:
        try:
            self._cloudformation.execute_change_set(ChangeSetName=change_set.arn)
        except ClientError as error:
            raise _translated(error) from error

    def discard(self, arn: str) -> None:
        """Deletes the change set, and the empty stack that was created to hold it."""
        self._cloudformation.delete_change_set(ChangeSetName=arn)
        if not self._stack.holds_nothing():
            return
        others = self._cloudformation.list_change_sets(StackName=self._stack.name)["Summaries"]
        if not [other for other in others if other.get("ChangeSetId") != arn]:
            self._stack.delete()

    def _read(self, arn: str, stack_id: str, *, creates: bool) -> ChangeSet | None:
        found = self._finished(arn)
        if found["Status"] == "CREATE_COMPLETE":
            return ChangeSet(arn, stack_id, self._changes(arn), creates)
        self.discard(arn)
        why = found.get("StatusReason", "no reason was given")
        if any(sign in why for sign in _UNCHANGED):
            return None
        raise Failed(f"the template cannot be deployed: {why}")

    def _finished(self, arn: str) -> DescribeChangeSetOutputTypeDef:
        for _ in self._clock.polls(_LONGEST_PREPARATION):
            found = self._cloudformation.describe_change_set(ChangeSetName=arn)
            if found["Status"] not in ("CREATE_PENDING", "CREATE_IN_PROGRESS"):
                return found
        raise Failed(f"CloudFormation did not finish a change set of {self._stack.name} in time")

    def _changes(self, arn: str) -> list[Change]:
        pages = self._cloudformation.get_paginator("describe_change_set").paginate(ChangeSetName=arn)
        found = [c["ResourceChange"] for page in pages for c in page["Changes"] if "ResourceChange" in c]
        return sorted(map(_change, found), key=lambda change: change.logical_id)


def _change(found: ResourceChangeTypeDef) -> Change:
    return Change(
        action=found.get("Action", ""),
        logical_id=found.get("LogicalResourceId", ""),
        type=found.get("ResourceType", ""),
        replacement=found.get("Replacement", "False"),
    )


def _translated(error: ClientError) -> Exception:
    code, message = error.response["Error"]["Code"], error.response["Error"].get("Message", "")
    if code in _OVERTAKEN or "_IN_PROGRESS" in message or "already exists" in message:
        return Overtaken(message)
    if code == "ValidationError":
        return Failed(f"the template cannot be deployed: {message}")
    return error
