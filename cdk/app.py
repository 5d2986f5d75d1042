"""The shop as an app of AWS CDK, from the templates and the settings of `python -m bootstrap`.

`-c run=fargate` or `-c run=lambda` adds the stacks that run the services, and SHOP_FRONT_SERVICES that of API Gateway.
All stacks have the names that `bootstrap` gives them.
"""

import os
import sys
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from aws_cdk import Acknowledgment, App, Duration, Fn, Stack, Validations
from aws_cdk.aws_cloudwatch_actions import SnsAction
from aws_cdk.aws_dynamodb import Table
from aws_cdk.aws_iam import AccountRootPrincipal, Role
from aws_cdk.aws_s3_assets import Asset
from aws_cdk.aws_sns import Topic
from aws_cdk.cloudformation_include import CfnInclude

from bootstrap import fargate, front
from bootstrap.aws import endpoint
from bootstrap.engines import ENGINES
from bootstrap.errors import Misused
from bootstrap.lambdas import stacks as functions
from bootstrap.names import FRONT, PLATFORM, Names
from bootstrap.settings import settings
from bootstrap.templates import ROOT, Template, load

CONSTANT = "CDK puts values in the place of parameters, so a condition is always true or always false"
CONDITIONS = ("CloudFormation-Validate::W1028", "CloudFormation-Validate::W8003")
NETWORK_OUTPUTS = ("Vpc", "Cidr", "Subnets", "TaskGroup", "Listener", "Namespace", "Address")
UNLESS_GIVEN = {"Protect": "off", "Tables": "", "ArchiveDays": "0"}  # as parameters they would keep an earlier value
READS_OF_A_DOLLAR = 8_000_000  # read units, on demand, us-east-1 (DynamoDB pricing, since November 2024)


def main(env: Mapping[str, str]) -> None:
    app, names = App(), Names.from_env(env)
    shop = include(app, chosen(names, env, app.node.try_get_context("run")))
    add_your_own(app, names, shop)
    Validations.of(app).acknowledge(*(Acknowledgment(id=it, reason=CONSTANT) for it in CONDITIONS))
    app.synth()


def chosen(names: Names, env: Mapping[str, str], engine: str | None) -> list[Template]:
    """In the order in which they are deployed. Raises Misused for an engine that this app does not know."""
    if engine not in (None, *ENGINES):
        raise Misused(f"-c run={engine} is not known: choose from {', '.join(ENGINES)}")
    common = {**UNLESS_GIVEN, **settings(env), "Where": "emulator" if endpoint(env) else "aws"}
    run = ENGINES[engine].templates(names, ROOT, common | ENGINES[engine].settings(env)) if engine else []
    address = front.settings(env)
    gateway = [front.template(names, ROOT, common | address)] if address else []
    if front.FUNCTIONS in address and engine != "lambda":
        raise Misused(f"{front.SERVICES}={front.FUNCTIONS} needs -c run=lambda")
    return [*load(names, ROOT, common), *(it for it in run if it.service != functions.CODE), *gateway]


def include(app: App, templates: Iterable[Template]) -> dict[str, CfnInclude]:
    """A stack for each template, by service. Each depends on the one before."""
    shop: dict[str, CfnInclude] = {}
    before: Stack | None = None
    for template in templates:
        stack = Stack(app, template.stack, tags={"shop": template.names.shop, "service": template.service})
        values = replace(template, settings={**template.settings, **completed(stack, template, shop)}).parameters()
        shop[template.service] = CfnInclude(stack, "Shop", template_file=str(template.path), parameters=values)
        if before:
            stack.add_stack_dependency(before)
        before = stack
    return shop


def completed(stack: Stack, template: Template, shop: Mapping[str, CfnInclude]) -> dict[str, Any]:
    """What `bootstrap` adds while it deploys: outputs of earlier stacks, and code, which CDK uploads as an asset."""
    if fargate.NETWORK in shop:
        return exported(shop[fargate.NETWORK])
    if template.service == FRONT and front.FUNCTIONS in template.settings:
        return {it.capitalize(): host_of(shop[functions.stack_of(it)]) for it in front.services()}
    if not functions.has(template):
        return {}
    path = functions.zip_of(template, emulator=template.settings["Where"] == "emulator")
    code = Asset(stack, "Code", path=str(path))
    urls = {
        name: Fn.join("", ["https://", host_of(shop[other])]) for name, other in functions.addresses(template).items()
    }
    its = {"CodeBucket": code.s3_bucket_name, "CodeKey": code.s3_object_key}
    return {**its, "Architecture": functions.processor_of(path), **urls}


def host_of(included: CfnInclude) -> str:
    """Of the URL of a function, which ends in a slash."""
    url = included.get_output("Url")
    url.export_name = f"{Stack.of(included).stack_name}-Url"
    return str(Fn.select(2, Fn.split("/", url.import_value)))


def exported(network: CfnInclude) -> dict[str, Any]:
    """Its outputs as values of parameters of other stacks."""
    outputs = {name: network.get_output(name) for name in NETWORK_OUTPUTS}
    for name, output in outputs.items():
        output.export_name = f"{Stack.of(network).stack_name}-{name}"
    values = {name: output.import_value for name, output in outputs.items()}
    return values | {"Subnets": Fn.split(",", values["Subnets"])}


def add_your_own(app: App, names: Names, shop: Mapping[str, CfnInclude]) -> None:
    """An example. Analysts may read the orders, and an alarm fires if that costs a dollar within an hour."""
    stack = Stack(app, names.stack_of("analysts"))
    orders = Table.from_table_arn(stack, "Orders", shop["ordering"].get_resource("OrderTable").attr_arn)
    analyst = Role(stack, "Analyst", assumed_by=AccountRootPrincipal())
    orders.grant(analyst, "dynamodb:GetItem", "dynamodb:Query", "dynamodb:Scan")
    reads = orders.metric_consumed_read_capacity_units(period=Duration.hours(1))
    alarm = reads.create_alarm(stack, "ManyReads", threshold=READS_OF_A_DOLLAR, evaluation_periods=1)
    topic = Topic.from_topic_arn(stack, "Alarms", shop[PLATFORM].get_resource("AlarmsTopic").ref)
    alarm.add_alarm_action(SnsAction(topic))


if __name__ == "__main__":
    try:
        main(os.environ)
    except Misused as error:
        sys.exit(f"error: {error}")
