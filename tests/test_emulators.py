"""Differences between the emulators and AWS, tested on the running one. docs/emulators.md lists them."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Thread
from typing import Any, NamedTuple

import pytest
import urllib3
from botocore.exceptions import ClientError

from bootstrap.__main__ import main
from tests import aws_clients
from tests.emulators import new_account
from tests.environment import ROOT, free_port
from tests.stacks import tree

PAGE = ROOT / "docs" / "emulators.md"


class Difference(NamedTuple):
    """`probe` returns one of the two results. The page also has the result of AWS."""

    what: str
    probe: Callable[[], str]
    ministack: str
    localstack: str


def publish(detail: str, bus: str = "shop-bus") -> str:
    entry = {"EventBusName": bus, "Source": "com.example", "DetailType": "Tried", "Detail": detail}
    try:
        answer = aws_clients.client("events").put_events(Entries=[entry])
    except ClientError as error:
        return f"error {error.response['ResponseMetadata']['HTTPStatusCode']}"
    return "entry refused" if answer["FailedEntryCount"] else "accepted"


def time_to_live() -> str:
    answer = aws_clients.client("dynamodb").describe_time_to_live(TableName="shop-receipt")
    return str(answer["TimeToLiveDescription"]["TimeToLiveStatus"]).lower()


def recovery() -> str:
    answer = aws_clients.client("dynamodb").describe_continuous_backups(TableName="shop-order")
    recovery = answer["ContinuousBackupsDescription"]["PointInTimeRecoveryDescription"]
    return str(recovery["PointInTimeRecoveryStatus"]).lower()


def protection() -> str:
    main(["up", "payment"], os.environ | {"SHOP_PROTECT": "on"})
    table = aws_clients.client("dynamodb").describe_table(TableName="shop-payment")["Table"]
    return "enabled" if table.get("DeletionProtectionEnabled") else "disabled"


def subscription() -> str:
    sns = aws_clients.client("sns")
    found, *_ = sns.list_subscriptions()["Subscriptions"]
    attributes = sns.get_subscription_attributes(SubscriptionArn=found["SubscriptionArn"])["Attributes"]
    return "present" if "Endpoint" in attributes else "missing"


def rule_identity() -> str:
    answer = aws_clients.client("cloudformation").describe_stack_resource(
        StackName="shop-ordering", LogicalResourceId="CheckoutBasketRule"
    )
    return "bus and name" if "|" in answer["StackResourceDetail"]["PhysicalResourceId"] else "name"


def move_task() -> str:
    sqs = aws_clients.client("sqs")
    url = sqs.get_queue_url(QueueName="shop-order-dlq")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    try:
        sqs.start_message_move_task(SourceArn=arn)
    except ClientError as error:
        return "unknown" if "Invalid" in error.response["Error"]["Code"] else "error"
    return "known"


def refused_sender() -> str:
    sqs = aws_clients.client("sqs")
    url = sqs.get_queue_url(QueueName="shop-order")["QueueUrl"]
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": json.dumps(DENY)})
    try:
        sqs.send_message(QueueUrl=url, MessageBody="{}")
    except ClientError:
        return "refused"
    return "accepted"


def switched_off() -> str:
    """Publishes an event for a disabled rule. AWS never delivers it, so the probe waits only a while."""
    events, sqs = aws_clients.client("events"), aws_clients.client("sqs")
    events.disable_rule(Name="shop-product-changes", EventBusName="shop-bus")
    golden = json.loads((ROOT / "tests" / "events" / "product_deleted.json").read_text())
    entry = {"Source": golden["source"], "DetailType": golden["detail-type"], "Detail": json.dumps(golden["detail"])}
    events.put_events(Entries=[{"EventBusName": "shop-bus", **entry}])
    queue = sqs.get_queue_url(QueueName="shop-catalogue")["QueueUrl"]
    return "delivered" if sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=10).get("Messages") else "not delivered"


def queue_made_again() -> str:
    sqs = aws_clients.client("sqs")
    sqs.delete_queue(QueueUrl=sqs.create_queue(QueueName="again")["QueueUrl"])
    try:
        sqs.create_queue(QueueName="again")
    except ClientError:
        return "refused"
    return "accepted"


def bare_subscription() -> str:
    sns = aws_clients.client("sns")
    found, *_ = sns.list_subscriptions()["Subscriptions"]
    arn = found["SubscriptionArn"]
    try:
        sns.set_subscription_attributes(SubscriptionArn=arn, AttributeName="RedrivePolicy", AttributeValue="{}")
    except ClientError:
        return "refused"
    return "accepted"


def quoted() -> str:
    """Publishes an order with a quotation mark in it, which the transformer of the notifications takes as a whole."""
    golden = json.loads((ROOT / "tests" / "events" / "order_confirmed.json").read_text())
    golden["detail"]["data"]["email"] = '"ann"@example.com'
    entry = {"Source": golden["source"], "DetailType": golden["detail-type"], "Detail": json.dumps(golden["detail"])}
    aws_clients.client("events").put_events(Entries=[{"EventBusName": "shop-bus", **entry}])
    sqs = aws_clients.client("sqs")
    queue = sqs.get_queue_url(QueueName="shop-notifications")["QueueUrl"]
    return "delivered" if sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=10).get("Messages") else "not delivered"


def condition_that_becomes_true() -> str:
    done = main(["up", "notification"], os.environ | {"SHOP_NOTIFY_EMAIL": "ann@example.com"})
    return "refused" if done else "accepted"


def repeated_transaction() -> str:
    """The SDK sends the same bytes again, because the first answer was lost."""
    item = {"id": {"S": "p"}, "price": {"N": "12.30"}}
    again = {"TransactItems": [{"Put": {"TableName": "shop-product", "Item": item}}], "ClientRequestToken": "token"}
    dynamodb = aws_clients.client("dynamodb")
    dynamodb.transact_write_items(**again)
    try:
        dynamodb.transact_write_items(**again)
    except ClientError as error:
        return (
            "a different one" if error.response["Error"]["Code"] == "IdempotentParameterMismatchException" else "error"
        )
    return "the same"


def updated(old: str, new: str) -> str:
    """The result of an update in which one resource, `new`, is invalid and another one is valid."""

    def change(text: str) -> str:
        return text.replace("VisibilityTimeout: 30\n", "VisibilityTimeout: 31\n").replace(old, new)

    with TemporaryDirectory() as folder:
        main(["up", "ordering"], os.environ, root=tree(Path(folder), ordering=change))
    (stack,) = aws_clients.client("cloudformation").describe_stacks(StackName="shop-ordering")["Stacks"]
    if stack["StackStatus"] == "UPDATE_COMPLETE":
        return "accepted"
    sqs = aws_clients.client("sqs")
    url = sqs.get_queue_url(QueueName="shop-order")["QueueUrl"]
    attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["VisibilityTimeout"])["Attributes"]
    return f"`{stack['StackStatus']}`, {'undone' if attributes['VisibilityTimeout'] == '30' else 'half done'}"


def update_of_a_setting() -> str:
    other = "      QueueName: !Sub ${Shop}-checkout-basket-dlq\n"
    return updated(other, f"{other}      VisibilityTimeout: 999999\n")


def update_with_a_lost_rule() -> str:
    lost = "{Name: lost, EventBusName: nowhere, EventPattern: {source: [x]}}"
    rule = f"  LostRule:\n    Type: AWS::Events::Rule\n    Properties: {lost}\n"
    return updated("Resources:\n", f"Resources:\n{rule}")


def saga(name: str) -> dict[str, Any]:
    """The start of an execution whose first command is to void a payment."""
    [machine] = aws_clients.client("stepfunctions").list_state_machines()["stateMachines"]
    facts = {"status": "CANCELLING", "metadata": {}, "orderId": name, "userName": "ann", "items": []}
    return {"stateMachineArn": machine["stateMachineArn"], "name": name, "input": json.dumps(facts)}


def started_again() -> str:
    """The answer to a second start with the same name and input."""
    states = aws_clients.client("stepfunctions")
    states.start_execution(**saga("o-1-1"))
    try:
        states.start_execution(**saga("o-1-1"))
    except ClientError as error:
        return f"`{error.response['Error']['Code']}`"
    return "accepted"


def token(queue: str) -> str:
    sqs = aws_clients.client("sqs")
    url = sqs.get_queue_url(QueueName=queue)["QueueUrl"]
    (message,) = sqs.receive_message(QueueUrl=url, WaitTimeSeconds=20)["Messages"]
    return str(json.loads(message["Body"])["detail"]["task"]["token"])


def answered_twice() -> str:
    """The answer to a second answer, while the execution waits in another step."""
    states = aws_clients.client("stepfunctions")
    states.start_execution(**saga("o-1-1"))
    answered = token("shop-payment")
    states.send_task_success(taskToken=answered, output="{}")
    token("shop-stock")
    try:
        states.send_task_success(taskToken=answered, output="{}")
    except ClientError as error:
        return f"`{error.response['Error']['Code']}`"
    return "accepted"


def next_state_that_does_not_exist() -> str:
    [machine] = aws_clients.client("stepfunctions").list_state_machines()["stateMachines"]
    definition = json.dumps({"StartAt": "A", "States": {"A": {"Type": "Pass", "Next": "B"}}})
    states = aws_clients.client("stepfunctions")
    role = states.describe_state_machine(stateMachineArn=machine["stateMachineArn"])["roleArn"]
    try:
        states.create_state_machine(name="shop-broken", definition=definition, roleArn=role)
    except ClientError:
        return "refused"
    return "accepted"


DENY = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Deny", "Principal": "*", "Action": "sqs:*", "Resource": "*"}],
}
DIFFERENCES = (
    Difference("an event whose detail is not JSON", lambda: publish("{"), "accepted", "entry refused"),
    Difference("an event of 300 KB", lambda: publish(json.dumps("x" * 300_000)), "accepted", "error 400"),
    Difference("an event for a bus that does not exist", lambda: publish("{}", "no-such-bus"), "accepted", "accepted"),
    Difference("time to live, set by the template", time_to_live, "disabled", "enabled"),
    Difference("point-in-time recovery, set by the template", recovery, "disabled", "disabled"),
    Difference("protection from deletion, set by the template", protection, "enabled", "disabled"),
    Difference("the endpoint among a subscription's attributes", subscription, "missing", "present"),
    Difference("a rule's physical id in CloudFormation", rule_identity, "name", "bus and name"),
    Difference("`StartMessageMoveTask`", move_task, "unknown", "known"),
    Difference("a message against the queue's policy", refused_sender, "accepted", "accepted"),
    Difference(
        "an update to a time-out of 12 days", update_of_a_setting, "`UPDATE_ROLLBACK_COMPLETE`, undone", "accepted"
    ),
    Difference(
        "an update with a rule on no bus", update_with_a_lost_rule, "accepted", "`ROLLBACK_COMPLETE`, half done"
    ),
    Difference("an event for a rule that is switched off", switched_off, "not delivered", "delivered"),
    Difference("an empty `RedrivePolicy` for a subscription", bare_subscription, "accepted", "refused"),
    Difference("a repeated transaction with a number like 12.30", repeated_transaction, "a different one", "the same"),
    Difference("a quotation mark in an object that a transformer takes", quoted, "delivered", "not delivered"),
    Difference("an update in which a condition becomes true", condition_that_becomes_true, "accepted", "refused"),
    Difference("a `Next` to a state that does not exist", next_state_that_does_not_exist, "accepted", "accepted"),
    Difference("a second start of a running execution", started_again, "`ExecutionAlreadyExists`", "accepted"),
    Difference("a second answer to a task", answered_twice, "`TaskDoesNotExist`", "accepted"),
    Difference("a queue created again at once", queue_made_again, "accepted", "accepted"),
)


def versions() -> dict[str, str]:
    header = PAGE.read_text().partition("| what |")[2].partition("\n")[0]
    return {version: name.lower() for name, version in re.findall(r"(MiniStack|LocalStack) ([0-9.]+)", header)}


@pytest.fixture
def kind(request: pytest.FixtureRequest, aws_env: Mapping[str, str]) -> str:
    """The page covers the emulators that the tests start, and no other."""
    health = urllib3.request("GET", f"{aws_env['AWS_ENDPOINT_URL']}/_localstack/health").json()
    option, known = request.config.option, versions().get(health.get("version"))
    if known is None and option.emulator != "ministack" and not getattr(option, "emulator_is_ours", False):
        pytest.skip(f"docs/emulators.md has no column for this emulator, version {health.get('version')}")
    assert known, health
    return known


@pytest.mark.integration
@pytest.mark.parametrize("difference", DIFFERENCES, ids=lambda difference: difference.what)
def test_emulator_differs_from_aws_as_documented(stack: Mapping[str, str], kind: str, difference: Difference) -> None:
    assert difference.probe() == getattr(difference, kind)


@pytest.mark.integration
def test_parallel_tests_are_isolated(stack: Mapping[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    assert all(seen().values())
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", new_account())
    assert not any(seen().values())


def seen() -> dict[str, list[Any]]:
    """The resources in the account, of each type in the templates."""
    asked = {
        "stacks": aws_clients.client("cloudformation").describe_stacks()["Stacks"],
        "tables": aws_clients.client("dynamodb").list_tables()["TableNames"],
        "buses": aws_clients.client("events").list_event_buses(NamePrefix="shop")["EventBuses"],
        "queues": aws_clients.client("sqs").list_queues().get("QueueUrls", []),
        "topics": aws_clients.client("sns").list_topics()["Topics"],
        "subscriptions": aws_clients.client("sns").list_subscriptions()["Subscriptions"],
        "alarms": aws_clients.client("cloudwatch").describe_alarms()["MetricAlarms"],
        "state machines": aws_clients.client("stepfunctions").list_state_machines()["stateMachines"],
        "roles": aws_clients.client("iam").list_roles()["Roles"],
    }
    return {kind: [*found] for kind, found in asked.items()}


def test_page_names_the_emulator_versions_of_the_tests() -> None:
    (pinned,) = re.findall(r"ministack==([0-9.]+)", (ROOT / "pyproject.toml").read_text())
    (image,) = re.findall(r"localstack/localstack:([0-9.]+)", (ROOT / "docker-compose.yml").read_text())
    assert versions() == {pinned: "ministack", image: "localstack"}


def test_page_lists_exactly_the_tested_differences() -> None:
    rows: list[Any] = re.findall(r"^\| (.+?) \| (.+?) \| (.+?) \| .+ \|$", PAGE.read_text(), flags=re.MULTILINE)
    told = [row for row in rows if row[0] != "what" and not row[0].startswith("--")]
    assert told == [(each.what, each.ministack, each.localstack) for each in DIFFERENCES]


def run(*arguments: str, **env: str) -> tuple[int, str]:
    """Runs pytest and returns its exit code and output."""
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *arguments]
    done = subprocess.run(command, cwd=ROOT, env=os.environ | env, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


def test_test_run_against_a_non_emulator_ends_after_the_check() -> None:
    asked = set()

    class Stranger(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.add(f"{self.command} {self.path}")
            self.send_error(404)

        do_POST = do_PUT = do_DELETE = do_GET

        def log_message(self, *_: object) -> None: ...

    with HTTPServer(("127.0.0.1", 0), Stranger) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        code, said = run("-m", "integration", "--emulator", f"http://127.0.0.1:{server.server_port}", __file__)
        server.shutdown()
    assert (code, asked) == (2, {"GET /_localstack/health"})
    assert "is not an emulator that answers: no test runs there" in said


def test_test_run_without_docker_reports_skips_and_needs() -> None:
    code, said = run("-m", "docker", "tests/e2e/test_images.py", DOCKER_HOST="unix:///nowhere")
    assert code == 0
    assert re.search(r"^SKIPPED \[\d+\] .*: no Docker engine answers$", said, re.MULTILINE)
    assert " passed" not in said
    code, said = run("-m", "integration", "--emulator", "localstack", __file__, DOCKER_HOST="unix:///nowhere")
    assert code == 2
    assert "no Docker engine answers, and LocalStack needs one" in said


@pytest.mark.integration
def test_local_emulator_is_reached_despite_a_proxy(aws_env: Mapping[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{free_port()}")
    assert aws_clients.client("sqs").create_queue(QueueName="reached")["QueueUrl"].endswith("/reached")
