"""A CloudFormation with planned results, and a clock that never waits."""

from argparse import Namespace
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, cast

from botocore.exceptions import ClientError

from bootstrap.aws import Aws
from bootstrap.clock import Clock
from bootstrap.context import Context
from bootstrap.names import Names

STACK = "AWS::CloudFormation::Stack"
UNCHANGED = "The submitted information didn't contain changes. Submit different information to create a change set."


def client_error(code: str, message: str = "", operation: str = "Operation") -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": message}}, operation)


def aws_of(client: object, *, region: str = "", emulator: bool = True) -> Aws:
    """All clients are this one."""
    clients = [field.name for field in fields(Aws) if field.name not in ("region", "emulator")]
    return Aws(**dict.fromkeys(clients, cast("Any", client)), region=region, emulator=emulator)


def context(
    cloudformation: "FakeCloudFormation", root: Path, *services: str, force: bool = False, really_aws: bool = False
) -> Context:
    cloudformation.meta = type("Meta", (), {"endpoint_url": "https://cloudformation.eu-west-1.amazonaws.com"})
    args = Namespace(services=services, force=force, really_aws=really_aws)
    aws = aws_of(cloudformation, region="eu-west-1", emulator=False)
    return Context(args, aws, Names("shop"), quick_clock(), out=lambda _: None, say=lambda _: None, root=root)


def quick_clock() -> Clock:
    """Every sleep is over at once, but counts."""
    now = [0.0]

    def sleep(seconds: float) -> None:
        now[0] += seconds

    return Clock(now=lambda: now[0], sleep=sleep)


@dataclass
class FakeCloudFormation:
    """One stack under every name. `first_executions` is what executing the first change sets does, `after_execution`
    all others. `tables` and `queues` exist in the account, `owned` are the resources of another stack, `shop-other`.
    A tag of the stack names its `shop`.
    """

    status: str | None = None
    changes: list[Mapping[str, Any]] = field(default_factory=list)
    change_set_status: str = "CREATE_COMPLETE"
    change_set_reason: str = ""
    after_execution: list[tuple[str, str, str]] = field(default_factory=list)
    first_executions: list[list[tuple[str, str, str]]] = field(default_factory=list)
    events: list[dict[str, str]] = field(default_factory=list)
    held: list[str] = field(default_factory=list)
    called: list[str] = field(default_factory=list)
    errors: dict[str, list[ClientError]] = field(default_factory=dict)
    pending: list[str] = field(default_factory=list)
    on_describe: Callable[["FakeCloudFormation"], None] | None = None
    others: list[str] = field(default_factory=list)
    tables: set[str] = field(default_factory=set)
    queues: set[str] = field(default_factory=set)
    owned: list[tuple[str, str]] = field(default_factory=list)
    asked: dict[str, Any] = field(default_factory=dict)
    shop: str = "shop"
    kind: str = "Held"
    rules: list[dict[str, str]] = field(default_factory=list)
    parameters: dict[str, str] = field(default_factory=dict)
    outputs: Mapping[str, str] = field(default_factory=dict)
    meta: Any = None

    def _call(self, name: str) -> None:
        self.called.append(name)
        if self.errors.get(name):
            raise self.errors[name].pop(0)

    def happened(self, *entries: tuple[str, str, str]) -> None:
        """Appends events (resource, status, reason); the resource "" is the stack itself, which takes the status."""
        for resource, status, reason in entries:
            kind = "AWS::SQS::Queue" if resource else STACK
            self.events.insert(0, {
                "EventId": f"e{len(self.events)}", "LogicalResourceId": resource or "shop", "ResourceType": kind,
                "ResourceStatus": status, "ResourceStatusReason": reason,
            })  # fmt: skip
            if not resource:
                self.status = status

    def describe_stacks(self, **asked: str) -> dict[str, Any]:
        self._call("describe_stacks")
        if self.on_describe:
            self.on_describe(self)
        if self.status is None:
            raise client_error("ValidationError", f"Stack with id {asked['StackName']} does not exist")
        its = {"Tags": [{"Key": "shop", "Value": self.shop}, {"Key": "service", "Value": "any"}]}
        known = [{"ParameterKey": name, "ParameterValue": value} for name, value in self.parameters.items()]
        its["Outputs"] = [{"OutputKey": name, "OutputValue": value} for name, value in self.outputs.items()]
        return {
            "Stacks": [{"StackId": "id", "StackName": "shop", "StackStatus": self.status, "Parameters": known} | its]
        }

    def create_change_set(self, **asked: Any) -> dict[str, str]:
        self._call(f"create {asked['ChangeSetType']}")
        self.asked = asked
        if self.status is None:
            self.happened(("", "REVIEW_IN_PROGRESS", ""))
        return {"Id": "mine", "StackId": "id"}

    def describe_change_set(self, **asked: str) -> dict[str, Any]:
        self._call("describe_change_set")
        if self.pending:
            return {"Status": self.pending.pop(0)}
        return {"Status": self.change_set_status, "StatusReason": self.change_set_reason}

    def execute_change_set(self, **asked: str) -> None:
        self._call("execute")
        self.happened(*(self.first_executions.pop(0) if self.first_executions else self.after_execution))

    def delete_change_set(self, **asked: str) -> None:
        self._call("discard")

    def list_change_sets(self, **asked: str) -> dict[str, Any]:
        return {"Summaries": [{"ChangeSetId": other} for other in self.others]}

    def delete_stack(self, **asked: str) -> None:
        self._call("delete")
        self.status, self.held = None, []

    def describe_table(self, **asked: str) -> dict[str, str]:
        return self._there(asked["TableName"] in self.tables)

    def get_queue_url(self, **asked: str) -> dict[str, str]:
        return self._there(asked["QueueName"] in self.queues)

    def describe_event_bus(self, **asked: str) -> dict[str, str]:
        return self._there(self.status is not None)

    def describe_rule(self, **asked: str) -> dict[str, str]:
        return self._there(False)

    def get_role(self, **asked: str) -> dict[str, str]:
        return self._there(False)

    def describe_alarms(self, **asked: Any) -> dict[str, Any]:
        return {"MetricAlarms": []}

    def list_rules(self, **asked: str) -> dict[str, Any]:
        return {"Rules": self.rules}

    def _there(self, there: bool) -> dict[str, str]:
        if not there:
            raise client_error("ResourceNotFoundException")
        return {"there": "yes"}

    def get_paginator(self, operation: str) -> "FakePages":
        return FakePages(self, operation)


@dataclass
class FakePages:
    """Pages of two, so that a reader of the first page alone fails."""

    source: FakeCloudFormation
    operation: str

    def paginate(self, **asked: str) -> Iterator[dict[str, Any]]:
        if asked.get("StackName") == "shop-other":
            owned = self.source.owned
            yield {
                "StackResourceSummaries": [
                    {"ResourceType": kind, "PhysicalResourceId": name, "LogicalResourceId": "Theirs"}
                    for kind, name in owned
                ]
            }
            return
        answers: dict[str, tuple[str, list[Any]]] = {
            "describe_stack_events": ("StackEvents", self.source.events),
            "describe_change_set": ("Changes", [{"ResourceChange": c} for c in self.source.changes]),
            "list_stacks": ("StackSummaries", [{"StackName": "shop-other", "StackStatus": "CREATE_COMPLETE"}]),
            "list_topics": ("Topics", []),
            "list_state_machines": ("stateMachines", []),
            "list_stack_resources": (
                "StackResourceSummaries",
                [
                    {"PhysicalResourceId": name, "LogicalResourceId": name, "ResourceType": self.source.kind}
                    for name in self.source.held
                ],
            ),
        }
        key, items = answers[self.operation]
        for start in range(0, max(len(items), 1), 2):
            yield {key: items[start : start + 2]}
