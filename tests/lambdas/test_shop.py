"""The shop as Lambda functions on a MiniStack of its own: a purchase, a poison message, its redrive, and the end."""

import json
import os
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

import boto3
import pytest
import urllib3
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from bootstrap.__main__ import main
from bootstrap.aws import connect
from bootstrap.names import Names
from chassis.aws.emulator import REGION
from shop import environment
from shop.connection import Connection
from shop.dlq import operations
from shop.package import emulated
from shop.settings import Settings
from tests.processes import eventually
from tests.samples import CHECKOUT, golden_message

pytestmark = [pytest.mark.integration, pytest.mark.ministack]
PATIENCE = 150  # seconds: a cold start takes two on an idle machine, and thirty on a busy one


class Response(NamedTuple):
    status: int
    headers: Mapping[str, str]
    body: Any


class Shop:
    def __init__(self, env: Mapping[str, str]) -> None:
        self.env, self.aws, self.names = env, connect(env, lambda _: None), Names("shop")
        self._session = boto3.Session(environment.FAKE_KEY, environment.FAKE_KEY, region_name=REGION)
        self._sign = SigV4Auth(Credentials(environment.FAKE_KEY, environment.FAKE_KEY), "lambda", REGION)
        self.functions, self.logs, self.secrets = (
            self._session.client(name, endpoint_url=env["AWS_ENDPOINT_URL"])
            for name in ("lambda", "logs", "secretsmanager")
        )

    def call(self, service: str, method: str, path: str, body: Any = None, **headers: str) -> Response:
        """By the function's URL, at the emulator's address for it, and signed, as the guard and the URL demand."""
        own = self.functions.get_function_url_config(FunctionName=f"shop-{service}")["FunctionUrl"]
        url = f"{self.env['AWS_ENDPOINT_URL']}/_aws/lambda-url/{own.removeprefix('https://').partition('.')[0]}{path}"
        data = None if body is None else json.dumps(body)
        request = AWSRequest(method, url, {"Content-Type": "application/json", **headers}, data)
        self._sign.add_auth(request)
        answer = urllib3.request(method, url, body=data, headers=dict(request.headers), timeout=60, retries=False)
        return Response(answer.status, answer.headers, json.loads(answer.data) if answer.data else None)

    def invoke(self, process: str, event: Any, kind: str = "RequestResponse") -> dict[str, Any]:
        return dict(
            self.functions.invoke(FunctionName=f"shop-{process}", Payload=json.dumps(event), InvocationType=kind)
        )

    def queue(self, name: str) -> str:
        return self.aws.sqs.get_queue_url(QueueName=f"shop-{name}")["QueueUrl"]

    def dead_letters(self, queue: str) -> list[Any]:
        """They stay in the queue, and are visible again at once."""
        return self.aws.sqs.receive_message(
            QueueUrl=self.queue(f"{queue}-dlq"),
            VisibilityTimeout=0,
            MaxNumberOfMessages=10,
            MessageAttributeNames=["All"],
        ).get("Messages", [])

    def order(self, user: str) -> Any:
        """The user's only order, or None."""
        items = self.call("ordering", "GET", f"/order/{user}").body["items"]
        return items[0] if items else None

    def final_order(self, user: str) -> Any:
        def found() -> Any:
            order = self.order(user)
            return order if order and order["status"] in ("CONFIRMED", "REJECTED", "CANCELLED") else None

        return eventually(found, PATIENCE)

    def logged(self, process: str) -> list[dict[str, Any]]:
        """The JSON lines of a function's log."""
        pages = self.logs.get_paginator("filter_log_events").paginate(logGroupName=f"/aws/lambda/shop-{process}")
        lines = [event["message"] for page in pages for event in page["events"]]
        return [json.loads(line) for line in lines if line.startswith("{")]


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    settings = Settings(name="shop", var=tmp_path_factory.mktemp("lambda"))
    with emulated.running(settings, os.environ, print) as env:
        yield Shop(env)


def in_catalogue(shop: Shop, product: Any) -> Callable[[], bool]:
    def is_there() -> bool:
        item = {"productId": product["id"], "quantity": 2}
        return shop.call("basket", "POST", "/basket/ann/items", item).status == 200

    return is_there


def test_checkout_by_function_urls_becomes_a_confirmed_order(shop: Shop) -> None:
    phone = {"name": "Phone", "category": "Phone", "price": 950}
    product = shop.call("product", "POST", "/product", phone)
    assert product.status == 201
    eventually(in_catalogue(shop, product.body), PATIENCE)
    placed = shop.call(
        "basket", "POST", "/basket/checkout", CHECKOUT | {"userName": "ann"}, **{"X-Correlation-Id": "c-7"}
    )
    assert (placed.status, placed.headers["X-Correlation-Id"]) == (202, "c-7")
    order = shop.final_order("ann")
    assert (order["status"], order["orderId"]) == ("CONFIRMED", placed.body["orderId"])
    handled = [line for line in shop.logged("ordering-consumer") if line.get("correlation_id") == "c-7"]
    assert {line["process"] for line in handled} == {"ordering-consumer"}
    assert [line for line in shop.logged("ordering-commands") if line.get("OrdersConfirmed")] != []


def test_wrong_request_gets_the_services_problem_document(shop: Shop) -> None:
    answer = shop.call("basket", "POST", "/basket/checkout", {"userName": "ann"})
    assert (answer.status, answer.headers["Content-Type"]) == (422, "application/problem+json")
    assert answer.body["errors"]


def test_storefront_starts_with_the_key_of_its_secret(shop: Shop) -> None:
    assert shop.call("storefront", "GET", "/health/live").status == 200
    found = shop.functions.get_function_configuration(FunctionName="shop-storefront")["Environment"]["Variables"]
    assert "SHOP_SESSION_KEY" not in found
    assert len(shop.secrets.get_secret_value(SecretId=found["SHOP_SESSION_KEY_SECRET"])["SecretString"]) == 48


def test_unsigned_request_does_not_reach_a_function(shop: Shop) -> None:
    url = f"{shop.env['AWS_ENDPOINT_URL']}/_aws/lambda-url/any/product"
    assert urllib3.request("GET", url, retries=False).status == 403


def test_poison_message_goes_to_the_dead_letter_queue_with_its_reason(shop: Shop) -> None:
    shop.aws.sqs.send_message(QueueUrl=shop.queue("order"), MessageBody="{")
    [letter] = eventually(lambda: shop.dead_letters("order"), PATIENCE)
    assert letter["MessageAttributes"]["reason"]["StringValue"].startswith("not JSON: ")
    assert letter["Body"] == "{"


def test_redriven_message_becomes_an_order(shop: Shop) -> None:
    body = json.dumps(golden_message(), default=float)
    sent = shop.aws.sqs.send_message(QueueUrl=shop.queue("order-dlq"), MessageBody=body)
    said: list[str] = []
    done = operations.redrive(
        Connection(shop.aws, shop.names, said.append, said.append), "order-dlq", [sent["MessageId"]], None
    )
    assert done == 0, said
    assert shop.final_order("swn")["status"] == "CONFIRMED"


def test_relay_publishes_what_is_left_in_the_outbox(shop: Shop) -> None:
    """As after a crash between commit and publish. A rule invokes the relay every minute. Here the test does."""
    event = golden_message("product_created")
    row = {
        "id": {"S": "left-behind"},
        "source": {"S": event["source"]},
        "detail_type": {"S": event["detail-type"]},
        "detail": {"S": json.dumps(event["detail"], default=float)},
        "createdAt": {"N": "1764000000000"},
    }
    shop.aws.dynamodb.put_item(TableName="shop-product-outbox", Item=row)
    answer = shop.invoke("product-relay", {"Records": []})
    assert ("FunctionError" in answer, json.loads(answer["Payload"].read())) == (False, {"published": 1})
    assert shop.aws.dynamodb.scan(TableName="shop-product-outbox")["Count"] == 0
    key = {"productId": {"S": event["detail"]["data"]["productId"]}}
    eventually(lambda: "Item" in shop.aws.dynamodb.get_item(TableName="shop-catalogue", Key=key))


def test_asynchronous_invocation_is_accepted_at_once(shop: Shop) -> None:
    assert shop.invoke("stock-consumer", {"Records": []}, "Event")["StatusCode"] == 202
    eventually(lambda: [line for line in shop.logged("stock-consumer") if line.get("ConsumerLoops")])


def test_shop_is_up_to_date_until_its_code_changes(shop: Shop, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["up", "--run", "lambda"], shop.env) == 0
    assert "no changes: shop is up to date" in capsys.readouterr().out


def test_down_deletes_the_functions_and_keeps_the_data(shop: Shop, capsys: pytest.CaptureFixture[str]) -> None:
    """It runs last."""
    assert main(["down", "--run", "lambda"], shop.env) == 0
    stacks = [it["StackName"] for it in shop.aws.cloudformation.describe_stacks()["Stacks"]]
    assert [name for name in stacks if name.endswith("functions")] == []
    assert shop.functions.list_functions()["Functions"] == []
    assert shop.aws.s3.list_buckets()["Buckets"] == []
    assert shop.aws.dynamodb.scan(TableName="shop-order")["Count"] >= 2
