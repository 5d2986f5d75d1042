"""Each call of a process is one that its manifest, and so its role on AWS, allows. A proxy records the calls."""

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import urllib3

from bootstrap.aws import connect
from bootstrap.clock import Clock
from bootstrap.manifests import Process, processes
from bootstrap.names import Names
from bootstrap.templates import load
from services.basket.checkout import EXAMPLE
from shop.doctor.doctor import Doctor
from shop.doctor.findings import Finding
from tests import aws_clients
from tests.processes import eventually
from tests.resilience.fault_injection import wire
from tests.resilience.fault_injection.proxy import proxy_of
from tests.resilience.processes import Fleet, Member, web, worker
from tests.stacks import deploy

pytestmark = pytest.mark.resilience
Calls = dict[str, set[tuple[str, str]]]  # by process: the IAM action and the end of the ARN, as in a manifest
CALLERS = [process for process in processes() if process.allow]
USER = EXAMPLE["userName"]
TEA = {"name": "Tea", "category": "Kitchen", "price": 3}
IAM = {"DynamoDB_20120810": "dynamodb", "AWSEvents": "events", "AmazonSQS": "sqs", "AWSStepFunctions": "states"}
WRITES = {"Put": "PutItem", "Delete": "DeleteItem", "Update": "UpdateItem", "ConditionCheck": "ConditionCheckItem"}
# What a process calls only after a failure, for a message that must wait, or in a race. `tests/test_docs.py` finds
# those calls in the code.
RARE = {
    "product-relay": {"dynamodb:BatchWriteItem", "events:PutEvents"},
    "basket-relay": {"dynamodb:BatchWriteItem", "events:PutEvents"},
    "ordering-relay": {"dynamodb:BatchWriteItem", "events:PutEvents"},
    "basket": {"dynamodb:PutItem"},  # a product that the catalogue does not have yet
    "basket-consumer": {"sqs:ChangeMessageVisibility"},
    "ordering-consumer": {"sqs:ChangeMessageVisibility"},
    "ordering-commands": {"sqs:ChangeMessageVisibility", "states:SendTaskFailure", "states:StartExecution",
                          "states:DescribeExecution", "dynamodb:DescribeTable", "dynamodb:Query"},
    "stock-consumer": {"sqs:ChangeMessageVisibility", "states:SendTaskFailure"},
    "payment-consumer": {"sqs:ChangeMessageVisibility", "states:SendTaskFailure"},
}  # fmt: skip


def calls(request: wire.Message, shop: str) -> Iterator[tuple[str, str]]:
    """A transaction needs the permissions of its writes. A batch needs that of the single call."""
    target, _, operation = request.operation.partition(".")
    service, given = IAM[target], request.json()
    if operation == "TransactWriteItems":
        for action in given["TransactItems"]:
            [(kind, write)] = action.items()
            yield f"dynamodb:{WRITES[kind]}", f"dynamodb:table/{_own(write['TableName'], shop)}"
        return
    for resource in _resources(service, given):
        yield f"{service}:{operation.removesuffix('Batch')}", f"{service}:{resource.replace(f'{shop}-', '', 1)}"


def _own(name: str, shop: str) -> str:
    return name.removeprefix(f"{shop}-")


def _resources(service: str, given: Mapping[str, Any]) -> Iterator[str]:
    if service == "dynamodb":
        index = f"/index/{given['IndexName']}" if "IndexName" in given else ""
        yield from (f"table/{table}{index}" for table in given.get("RequestItems", [given.get("TableName")]))
    elif service == "events":
        yield from {f"event-bus/{entry['EventBusName']}" for entry in given["Entries"]}
    elif service == "sqs":
        yield given.get("QueueName") or given["QueueUrl"].rpartition("/")[2]
    elif "executionArn" in given:
        yield re.sub(r".*:(execution:[^:]+):.*", r"\1:*", given["executionArn"])
    else:
        yield "stateMachine:" + given.get("stateMachineArn", ":fulfil-order").rpartition(":")[2]


def allowed(process: Process) -> set[tuple[str, str]]:
    return {(f"{arn.partition(':')[0]}:{action}", arn) for arn, actions in process.allow.items() for action in actions}


def member(process: Process, env: Mapping[str, str]) -> Member:
    return web(process.name, env) if process.serve else worker(process.run, process.name, env)


def ask(method: str, url: str, body: Any = None, headers: Mapping[str, str] | None = None) -> Any:
    answer = urllib3.request(method, url, json=body, headers=headers, timeout=20, retries=False)
    assert answer.status < 300, (method, url, answer.status, answer.data)
    return answer.json() if answer.data else None


def use(urls: Mapping[str, str]) -> None:
    """Writes and reads at every service, and an order that is confirmed and cancelled."""
    product, untracked = (ask("POST", f"{urls['product']}/product", TEA)["id"] for _ in range(2))
    ask("PATCH", f"{urls['product']}/product/{product}", {"price": 2})
    for path in ("product", f"product/{product}", "product?category=Kitchen"):
        ask("GET", f"{urls['product']}/{path}")
    for pieces in (4, 5):
        ask("PUT", f"{urls['stock']}/stock/{product}", {"available": pieces})
    ask("GET", f"{urls['stock']}/stock/{product}")
    line, other = ({"productId": name, "quantity": 1} for name in (product, untracked))
    ask("POST", f"{urls['basket']}/basket/{USER}/items", line)
    ask("DELETE", f"{urls['basket']}/basket/{USER}")
    ask("POST", f"{urls['basket']}/basket", {"userName": USER, "items": [line, other]})
    ask("GET", f"{urls['basket']}/basket")
    first, again = (ask("POST", f"{urls['basket']}/basket/checkout", EXAMPLE, {"Idempotency-Key": "k"}) for _ in "12")
    assert first == again
    its = f"{urls['ordering']}/order/{USER}/{first['orderId']}"
    eventually(lambda: status(its) == "CONFIRMED")
    ask("GET", f"{urls['payment']}/payment/{USER}/{first['orderId']}")
    ask("POST", f"{its}/cancel")
    eventually(lambda: status(its) == "CANCELLED")
    for path in ("order", f"order/{USER}"):
        ask("GET", f"{urls['ordering']}/{path}")
    ask("DELETE", f"{urls['product']}/product/{product}")


def status(url: str) -> str:
    answer = urllib3.request("GET", url, timeout=20, retries=False)
    return str(answer.json().get("status")) if answer.status == 200 else ""


def poison(shop: str) -> None:
    """An unreadable message for each consumer, which it passes on to the dead-letter queue."""
    sqs = aws_clients.client("sqs")
    for process in CALLERS:
        for arn, actions in process.allow.items():
            if "ReceiveMessage" in actions:
                url = sqs.get_queue_url(QueueName=f"{shop}-{arn.partition(':')[2]}")["QueueUrl"]
                sqs.send_message(QueueUrl=url, MessageBody="{")


def doctor(env: Mapping[str, str]) -> Iterator[Finding]:
    """Sends a test message to each consumer, and waits for its answer."""
    names = Names.from_env(env)
    return Doctor(connect(env, print), names, load(names), processes(), Clock()).examine(20)


def recorder(seen: set[tuple[str, str]], shop: str) -> Callable[[wire.Message, wire.Message], None]:
    return lambda request, _: seen.update(calls(request, shop))


def test_each_process_calls_only_what_its_role_allows(aws_env: Mapping[str, str], tmp_path: Path) -> None:
    deploy(aws_env)
    shop, seen = aws_env["SHOP_NAME"], Calls({process.name: set() for process in CALLERS})
    with ExitStack() as stack:
        members: list[Member] = []
        for process in CALLERS:
            proxy = stack.enter_context(
                proxy_of(aws_env["AWS_ENDPOINT_URL"], observe=recorder(seen[process.name], shop))
            )
            urls = {f"{it.name.upper()}_URL": it.url for it in members if it.url}
            members.append(member(process, {**aws_env, **urls, "AWS_ENDPOINT_URL": proxy.url}))
        stack.enter_context(Fleet(members, tmp_path).running())
        use({it.name: it.url for it in members if it.url})
        poison(shop)
        assert [it.text for it in doctor(aws_env) if not it.ok] == []
    for process in CALLERS:
        own = seen[process.name]
        unused = {action for action, _ in allowed(process) - own}
        assert own <= allowed(process), process.name
        assert unused <= RARE.get(process.name, set()), process.name
