"""What CDK makes of the shop's templates. No account is asked."""

import json
import os
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from bootstrap import fargate, front, lambdas
from bootstrap.lambdas.stacks import addresses
from bootstrap.names import Names
from bootstrap.settings import settings
from bootstrap.templates import ROOT, Template, load
from tests.bootstrap.template import template_with
from tests.environment import CDK

pytestmark = pytest.mark.cdk
NAMES = Names("shop2")
SERVICES = [it.parent.name for it in ROOT.glob("services/*/service.toml")]
ENV = {
    "SHOP_NAME": NAMES.shop,
    "SHOP_AUTH": "off",
    "SHOP_RUN_CERTIFICATE": "none",
    "SHOP_ALARM_TOPIC": "arn:aws:sns:eu-west-1:123456789012:on-call",
    "SHOP_FRONT_SERVICES": "https://{service}.example.com",
    "SHOP_IMAGES": " ".join(f"{it}=example.com/{it}@sha256:{'a' * 64}" for it in SERVICES),
}
COMMON = {**settings(ENV), "Where": "aws"}
RUN = fargate.templates(NAMES, ROOT, COMMON | fargate.settings(ENV))
TEMPLATES = [*load(NAMES, ROOT, COMMON), *RUN, front.template(NAMES, ROOT, COMMON | front.settings(ENV))]
FUNCTIONS = lambdas.templates(NAMES, ROOT, COMMON | lambdas.settings(ENV))[1:]
OF_NETWORK = {
    it: f"shop2-network-{it}" for it in ("Vpc", "Cidr", "Subnets", "TaskGroup", "Listener", "Namespace", "Address")
}


def synthesize(engine: str, **more: str) -> subprocess.CompletedProcess[str]:
    """As `cdk synth -c run=…` does it."""
    its = {"PYTHONPATH": str(ROOT), "AWS_ENDPOINT_URL": "", "CDK_CONTEXT_JSON": json.dumps({"run": engine})}
    known, folder = os.environ | ENV | its | more, ROOT / "cdk"
    return subprocess.run(
        [CDK, "app.py"], cwd=folder, env=known, capture_output=True, text=True, timeout=240, check=False
    )


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with everything that `cdk deploy` would deploy."""
    folder = tmp_path_factory.mktemp("cdk")
    done = synthesize("fargate", CDK_OUTDIR=str(folder))
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture(scope="module")
def stacks(made: Path) -> Mapping[str, Any]:
    """The stacks in CDK's manifest, by name."""
    artifacts = json.loads((made / "manifest.json").read_text())["artifacts"]
    return {name: it for name, it in artifacts.items() if it["type"] == "aws:cloudformation:stack"}


def comparable(node: Any) -> Any:
    """CDK sorts `DependsOn` and writes numbers where the template has text. Imports become the names of exports."""
    match node:
        case {"Fn::Join": ["", ["https://", host]]}:
            return f"https://{comparable(host)}"
        case (
            {"Fn::ImportValue": name}
            | {"Fn::Split": [",", {"Fn::ImportValue": name}]}
            | {"Fn::Select": [2, {"Fn::Split": ["/", {"Fn::ImportValue": name}]}]}
        ):
            return name
        case {"DependsOn": str() | [*_] as before}:
            rest = comparable({key: it for key, it in node.items() if key != "DependsOn"})
            return rest | {"DependsOn": sorted([before] if isinstance(before, str) else before)}
        case dict():
            return {key: comparable(it) for key, it in node.items()}
        case list():
            return [comparable(it) for it in node]
    return str(node)


def imports(node: Any) -> Iterator[str]:
    if isinstance(node, dict | list):
        for item in node.values() if isinstance(node, dict) else node:
            yield from imports(item)
    if isinstance(node, dict) and "Fn::ImportValue" in node:
        yield node["Fn::ImportValue"]


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda it: it.service)
def test_a_stack_has_the_resources_of_its_template(template: Template, made: Path) -> None:
    network = OF_NETWORK if template in RUN[1:] else {}
    ours = template_with(network | template.parameters(), template.path)
    found = template_with({}, made / f"{template.stack}.template.json")
    assert comparable(found["Resources"]) == comparable(ours["Resources"])
    assert comparable({name: found["Conditions"][name] for name in ours.get("Conditions", {})}) == comparable(
        ours.get("Conditions", {})
    )


def test_stacks_have_the_names_order_and_tags_of_bootstrap(stacks: Mapping[str, Any]) -> None:
    order = [it.stack for it in TEMPLATES]
    assert [*stacks] == [*order, "shop2-analysts"]
    before = {name: [it for it in stacks[name]["dependencies"] if it in stacks] for name in order}
    assert before == {name: order[max(0, at - 1) : at] for at, name in enumerate(order)}
    tags = [stacks[it.stack]["properties"]["tags"] for it in TEMPLATES]
    assert tags == [{"service": it.service, "shop": "shop2"} for it in TEMPLATES]


def test_a_value_that_a_stack_imports_is_exported_by_an_earlier_one(made: Path, stacks: Mapping[str, Any]) -> None:
    exported: set[str] = set()
    for name in stacks:
        stack = template_with({}, made / f"{name}.template.json")
        assert set(imports(stack)) <= exported
        exported |= {it["Export"]["Name"] for it in stack.get("Outputs", {}).values() if "Export" in it}
    assert {*OF_NETWORK.values()} <= exported


def test_an_analyst_may_only_read_the_orders(made: Path) -> None:
    resources = template_with({}, made / "shop2-analysts.template.json")["Resources"]
    (policy,) = [it["Properties"]["PolicyDocument"] for it in resources.values() if it["Type"] == "AWS::IAM::Policy"]
    (statement,) = policy["Statement"]
    assert statement["Action"] == ["dynamodb:GetItem", "dynamodb:Query", "dynamodb:Scan"]
    (table,) = imports(statement["Resource"])
    assert table.startswith("shop2-ordering:ExportsOutputFnGetAttOrderTableArn")


def test_the_validation_of_cdk_finds_nothing(made: Path) -> None:
    (report,) = json.loads((made / "validation-report.json").read_text())["pluginReports"]
    assert (report["conclusion"], report["violations"]) == ("success", [])


@pytest.fixture(scope="module")
def functions(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What is made with `-c run=lambda`, of zips that have the name of their service."""
    folder, zips = tmp_path_factory.mktemp("cdk"), tmp_path_factory.mktemp("var") / "functions"
    zips.mkdir()
    for service in SERVICES:
        (zips / f"{service}-x86_64.zip").write_text(service)
    more = {"SHOP_VAR": str(zips.parent), "SHOP_FRONT_SERVICES": "functions"}
    done = synthesize("lambda", CDK_OUTDIR=str(folder), **more)
    assert done.returncode == 0, done.stderr
    return folder


@pytest.mark.parametrize("template", FUNCTIONS, ids=lambda it: it.service)
def test_functions_have_the_resources_of_their_template_and_their_zip_as_an_asset(
    template: Template, functions: Path
) -> None:
    found = template_with({}, functions / f"{template.stack}.template.json")["Resources"]
    [code, *_] = [it["Properties"]["Code"] for it in found.values() if it["Type"] == "AWS::Lambda::Function"]
    assert (functions / f"asset.{code['S3Key']}").read_text() == template.service.removesuffix("-functions")
    urls = {name: f"https://shop2-{stack}-Url" for name, stack in addresses(template).items()}
    own = {"CodeBucket": code["S3Bucket"], "CodeKey": code["S3Key"], "Architecture": "x86_64", **urls}
    ours = template_with(template.parameters() | own, template.path)
    assert comparable(found) == comparable(ours["Resources"])


def test_gateway_calls_the_functions(functions: Path) -> None:
    stage = template_with({}, functions / "shop2-front.template.json")["Resources"]["Stage"]["Properties"]
    assert comparable(stage["Variables"]) == {it: f"shop2-{it}-functions-Url" for it in front.services()}


@pytest.mark.parametrize(
    ("engine", "services", "why"),
    [
        ("swarm", "", "-c run=swarm is not known: choose from fargate, lambda"),
        ("fargate", "functions", "SHOP_FRONT_SERVICES=functions needs -c run=lambda"),
    ],
)
def test_what_cannot_be_made_is_refused(engine: str, services: str, why: str) -> None:
    done = synthesize(engine, SHOP_FRONT_SERVICES=services)
    assert (done.returncode, done.stderr.splitlines()[-1]) == (1, f"error: {why}")
