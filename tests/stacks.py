"""Deploys the shop's templates for a test, as they are or with one changed setting."""

import re
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from boto3 import Session

from bootstrap.clock import Clock
from bootstrap.names import Names
from bootstrap.templates import ROOT, choose, load
from tests import aws_clients


def tree(root: Path, **changes: Callable[[str], str]) -> Path:
    """Copies all templates to `root` and changes those of the named services."""
    for template in load(Names("shop")):
        copy = root / template.path.relative_to(ROOT)
        copy.parent.mkdir(parents=True, exist_ok=True)
        change = changes.get(template.service, str)
        copy.write_text(change(template.text))
        assert template.service not in changes or copy.read_text() != template.text, "nothing was changed"
    return root


def deploy(env: Mapping[str, str], setting: str = "", value: int = 0, *, step_timeout: int | None = None) -> None:
    """Sets the number `setting` to `value` in all templates. The services need the platform's bus.

    `step_timeout` is how many seconds the state machine waits for an answer, instead of the template's default.
    """
    bodies = {template.stack: template.text for template in load(Names(env["SHOP_NAME"]))}
    if setting:
        changed = {name: re.subn(rf"{setting}: \d+", f"{setting}: {value}", body) for name, body in bodies.items()}
        assert any(found for _, found in changed.values()), f"no template has {setting}"
        bodies = {name: body for name, (body, _) in changed.items()}
    platform, *services = bodies
    create({platform: bodies[platform]}, env["SHOP_NAME"])
    create({name: bodies[name] for name in services}, env["SHOP_NAME"], step_timeout)


def create_tables(env: Mapping[str, str], service: str) -> Mapping[str, str]:
    """Creates only the tables of one service, as its template describes them. Returns `env`.

    A test of a store needs no more. All stacks of the shop take ten times as long, or longer on LocalStack.
    """
    dynamodb = aws_clients.client("dynamodb")
    for table in _tables(service, env["SHOP_NAME"]):
        dynamodb.create_table(**table)
        dynamodb.get_waiter("table_exists").wait(TableName=table["TableName"], WaiterConfig={"Delay": 1})
    return env


# Settings of a table that do not change what a store reads or writes. CreateTable does not take them.
_AFTERWARDS = {"TimeToLiveSpecification", "PointInTimeRecoverySpecification", "DeletionProtectionEnabled"}


@cache
def _tables(service: str, shop: str) -> list[dict[str, Any]]:
    (template,) = choose(load(Names(shop)), [service])
    tables = [each["Properties"] for _, each in template.resources if each["Type"] == "AWS::DynamoDB::Table"]
    settled = [{key: value for key, value in table.items() if key not in _AFTERWARDS} for table in tables]
    return [table | {"TableName": table["TableName"].replace("${Shop}", shop)} for table in settled]


def silence(env: Mapping[str, str]) -> None:
    """Ends what LocalStack goes on doing for an account. Alarms and ticks of a hundred tests take half a core."""
    session = Session(env["AWS_ACCESS_KEY_ID"], env["AWS_SECRET_ACCESS_KEY"], region_name=env["AWS_DEFAULT_REGION"])
    cloudwatch = session.client("cloudwatch", endpoint_url=env["AWS_ENDPOINT_URL"])
    events = session.client("events", endpoint_url=env["AWS_ENDPOINT_URL"])
    pages = cloudwatch.get_paginator("describe_alarms").paginate()
    for names in ([alarm["AlarmName"] for alarm in page["MetricAlarms"]] for page in [*pages]):
        cloudwatch.delete_alarms(AlarmNames=names)
    for rule in (rule["Name"] for rule in events.list_rules()["Rules"] if "ScheduleExpression" in rule):
        targets = [target["Id"] for target in events.list_targets_by_rule(Rule=rule)["Targets"]]
        events.remove_targets(Rule=rule, Ids=targets)
        events.delete_rule(Name=rule)


def create(bodies: Mapping[str, str], shop: str | None = None, step_timeout: int | None = None) -> None:
    """Creates all stacks at once, without `bootstrap`. Returns when they are complete."""
    cloudformation = aws_clients.client("cloudformation")
    given = {"Shop": shop, "StepTimeout": step_timeout and str(step_timeout)}
    for name, body in bodies.items():
        declared = {key: value for key, value in given.items() if value and f"  {key}:\n    Type:" in body}
        parameters: Any = [{"ParameterKey": key, "ParameterValue": value} for key, value in declared.items()]
        cloudformation.create_stack(
            StackName=name, TemplateBody=body, Parameters=parameters, Capabilities=["CAPABILITY_NAMED_IAM"]
        )
    for name in bodies:
        assert _final(cloudformation, name) == "CREATE_COMPLETE", name


def _final(cloudformation: Any, name: str) -> str:
    for _ in Clock().polls(120, first=0.02, longest=1):
        status = str(cloudformation.describe_stacks(StackName=name)["Stacks"][0]["StackStatus"])
        if status != "CREATE_IN_PROGRESS":
            return status
    return "too slow"
