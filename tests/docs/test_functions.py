"""The templates of the functions have the processes, the actions and the settings of the manifests."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from bootstrap.manifests import Manifest, Process, manifests
from docs import functions
from tests.bootstrap.template import of_type, resources_of
from tests.environment import ROOT

MANIFESTS = manifests()
PROCESSES = [(manifest, process) for manifest in MANIFESTS for process in manifest.process]
# What Lambda itself does with the role: it writes the log, and polls the queue.
OF_LAMBDA = {"logs:CreateLogStream", "logs:PutLogEvents"}
OF_THE_MAPPING = {"sqs:GetQueueAttributes"}
# By chassis/functions/secrets.py, before the process is built.
OF_THE_START = {"secretsmanager:GetSecretValue"}
every_process = pytest.mark.parametrize(("manifest", "process"), PROCESSES, ids=lambda it: getattr(it, "name", ""))


def read(service: str) -> Mapping[str, Any]:
    return resources_of(functions.FOLDER / f"{service}.yaml")


def function_of(manifest: Manifest, process: Process) -> tuple[str, Mapping[str, Any]]:
    """The beginning of its logical ids, and its properties."""
    [(name, found)] = [
        (name, it)
        for name, it in of_type(read(manifest.service), "AWS::Lambda::Function")
        if it["FunctionName"] == f"shop-{process.name}"
    ]
    return name.removesuffix("Function"), found


def granted(role: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for policy in role["Properties"]["Policies"]:
        for statement in policy["PolicyDocument"]["Statement"]:
            for action in listed(statement["Action"]):
                for resource in listed(statement["Resource"]):
                    arn = resource if isinstance(resource, str) else resource["Fn::If"][0]
                    yield action, re.sub(r"^arn:aws:(\w+):eu-west-1:123456789012:", r"\1:", arn)


def listed(given: Any) -> list[Any]:
    return given if isinstance(given, list) else [given]


def test_templates_match_the_manifests() -> None:
    """`make docs` updates the templates."""
    assert {path: path.read_text() for path in functions.templates()} == functions.templates()
    assert {path.stem for path in functions.FOLDER.glob("*.yaml")} == {*(it.service for it in MANIFESTS), "code"}


@every_process
def test_role_of_a_function_allows_the_actions_of_its_manifest_and_nothing_else(
    manifest: Manifest, process: Process
) -> None:
    own, function = function_of(manifest, process)
    assert function["Role"] == f"{own}Role.Arn"
    found = [*granted(read(manifest.service)[f"{own}Role"])]
    expected = {
        (f"{key.partition(':')[0]}:{action}", key) for key, actions in process.allow.items() for action in actions
    }
    named = {(action, arn.replace("shop-", "", 1)) for action, arn in found}
    extra, queue = named - expected, [key for key, actions in process.allow.items() if "ReceiveMessage" in actions]
    assert expected - named == set()
    more = (OF_THE_MAPPING if queue else set()) | (OF_THE_START if process.pages else set())
    assert {action for action, _ in extra} == OF_LAMBDA | more
    assert {arn for action, arn in extra if action in OF_THE_START} <= {"SessionKey", "WithLoginSecret"}
    assert [arn for action, arn in extra if action in OF_THE_MAPPING] == queue
    assert {arn for action, arn in extra if action in OF_LAMBDA} == {f"{own}Logs.Arn"}


@every_process
def test_function_runs_the_module_of_its_process_with_its_settings(manifest: Manifest, process: Process) -> None:
    _, function = function_of(manifest, process)
    variables = function["Environment"]["Variables"]
    assert variables["SHOP_FUNCTION"] == process.module
    assert variables["SHOP_NAME"] == "shop"
    assert process.urls.keys() <= variables.keys()
    assert ("AUTH_ISSUER" in variables) == bool(process.serve)
    assert variables.get("SHOP_SESSION_KEY_SECRET") == ("SessionKey" if process.pages else None)
    assert "SHOP_SESSION_KEY" not in variables
    login = {f"SHOP_LOGIN_{name}" for name in ("CLIENT", "PARAMETERS", "ADDRESS", "PASSWORD_SECRET")}
    assert login & variables.keys() == (login if process.pages else set())
    assert "SHOP_LOGIN_PASSWORD" not in variables


@every_process
def test_log_of_a_function_is_kept_for_a_month_and_made_before_it(manifest: Manifest, process: Process) -> None:
    own, function = function_of(manifest, process)
    assert function["LoggingConfig"] == {"LogGroup": f"{own}Logs"}
    assert read(manifest.service)[f"{own}Logs"]["Properties"] == {
        "LogGroupName": f"/aws/lambda/shop-{process.name}",
        "RetentionInDays": 30,
    }


def test_each_queue_has_one_mapping_that_reports_failed_messages_and_limits_its_concurrency() -> None:
    read_queues = {
        key for _, process in PROCESSES for key, actions in process.allow.items() if "ReceiveMessage" in actions
    }
    mappings = [
        it
        for manifest in MANIFESTS
        for it in read(manifest.service).values()
        if it["Type"] == "AWS::Lambda::EventSourceMapping"
    ]
    sources = [it["Properties"]["EventSourceArn"].rpartition(":shop-")[2] for it in mappings]
    assert sorted(f"sqs:{name}" for name in sources) == sorted(read_queues)
    for mapping in mappings:
        assert mapping["Properties"]["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
        assert mapping["Properties"]["BatchSize"] == 10
        assert mapping["Properties"]["ScalingConfig"] == {"MaximumConcurrency": 2}
        assert "DestinationConfig" not in mapping["Properties"], "the queue has a dead-letter queue"


def test_time_out_of_a_consumer_is_shorter_than_the_visibility_timeout_of_its_queue() -> None:
    """Otherwise a message is delivered again while it is being handled, and Lambda refuses the mapping."""
    queues = {
        it["QueueName"]: it["VisibilityTimeout"]
        for path in ROOT.glob("services/*/template.yaml")
        for it in (each["Properties"] for each in resources_of(path).values() if each["Type"] == "AWS::SQS::Queue")
        if "VisibilityTimeout" in it
    }
    for manifest in MANIFESTS:
        found = read(manifest.service)
        for mapping in (it["Properties"] for it in found.values() if it["Type"] == "AWS::Lambda::EventSourceMapping"):
            timeout = found[mapping["FunctionName"]]["Properties"]["Timeout"]
            assert timeout < queues[f"shop-{mapping['EventSourceArn'].rpartition(':shop-')[2]}"]


@pytest.mark.parametrize("manifest", MANIFESTS, ids=lambda it: it.service)
def test_every_worker_is_invoked_every_minute_by_a_rule_that_may_and_is_not_retried(manifest: Manifest) -> None:
    workers = {function_of(manifest, process)[0] for process in manifest.process if process.run}
    found = read(manifest.service)
    if not workers:
        assert "EveryMinute" not in found
        return
    rule = found["EveryMinute"]["Properties"]
    assert (rule["ScheduleExpression"], rule["State"]) == ("rate(1 minute)", "ENABLED")
    assert {target["Arn"] for target in rule["Targets"]} == {f"{own}Function.Arn" for own in workers}
    assert len(rule["Targets"]) <= 5
    for own in workers:
        permission = found[f"{own}Permission"]["Properties"]
        assert (permission["Principal"], permission["SourceArn"]) == ("events.amazonaws.com", "EveryMinute.Arn")
        assert found[f"{own}Retries"]["Properties"]["MaximumRetryAttempts"] == 0


@every_process
def test_url_is_open_to_everyone_only_if_requests_need_a_token(manifest: Manifest, process: Process) -> None:
    own, _ = function_of(manifest, process)
    found = read(manifest.service)
    if not process.serve:
        assert [it for it in found.values() if it["Type"] == "AWS::Lambda::Url" and own in str(it)] == []
        return
    assert found[f"{own}Address"]["Properties"]["AuthType"] == {"Fn::If": ["WithTokens", "NONE", "AWS_IAM"]}
    public = [it for it in found.values() if it["Properties"].get("Principal") == "*"]
    assert {it["Properties"]["Action"] for it in public} == {"lambda:InvokeFunctionUrl", "lambda:InvokeFunction"}
    assert {it["Condition"] for it in public} == {"WithTokens"}
