"""Every route through API Gateway on LocalStack returns what the service returns to a direct call."""

import json
import socket
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from functools import cache
from typing import Any, NamedTuple

import boto3
import pytest
import urllib3
from werkzeug.middleware.dispatcher import DispatcherMiddleware
from werkzeug.wrappers import Response

from bootstrap.__main__ import main
from chassis.web.edge import Edge
from services.basket import app as basket
from services.ordering import app as ordering
from services.payment import app as payment
from services.product import app as product
from services.stock import app as stock
from shop.doctor.doors import APIS, Door
from tests import tokens
from tests.documents import operations
from tests.emulators import GATEWAY_TO_HOST, localstack
from tests.fakes import BasketShop, OrderShop, ProductShop
from tests.payment.fakes import PaymentShop, authorize
from tests.processes import serving
from tests.samples import BASKET, CHECKOUT, PHONE, order
from tests.samples import product as product_row
from tests.stock_fakes import FakeStock, StockShop

ORDER = order()
SERVICES = {"order": "ordering"}  # by the first part of the path, where it is not the name
ADMIN, USER, ORIGIN = "root", "swn", "https://shop.example.com"
# What belongs to one connection or server, and what LocalStack adds
NOT_COMPARED = {"connection", "date", "server", "x-localstack"}
ADDED = ("x-amz-", "x-amzn-")


class Request(NamedTuple):
    user: str
    method: str
    path: str
    body: Any = None
    headers: Mapping[str, str] = {}

    def __str__(self) -> str:
        return f"{self.method} {self.path} of {self.user or 'nobody'}"

    @property
    def service(self) -> str:
        first = self.path.split("/")[1].partition("?")[0]
        return SERVICES.get(first, first)


# Each operation with success and with a refusal, in an order in which each finds what it needs
REQUESTS = [
    Request("", "GET", "/product?limit=1"),
    Request("", "GET", "/product?limit=1&limit=2"),
    Request("", "GET", "/product?limit=many&category=a%20b%26c"),
    Request("", "OPTIONS", "/product", headers={"Origin": ORIGIN, "Access-Control-Request-Method": "POST"}),
    Request("", "GET", "/product", headers={"Origin": ORIGIN}),
    Request(ADMIN, "POST", "/product", PHONE),
    Request(ADMIN, "POST", "/product", {"name": "", "price": "NaN"}),
    Request(ADMIN, "POST", "/product", "not an object"),
    Request("", "POST", "/product", PHONE),
    Request(USER, "POST", "/product", PHONE),
    Request("", "GET", "/product/p-1"),
    Request("", "HEAD", "/product/p-1"),
    Request("", "GET", "/product/p-1", headers={"If-None-Match": '"1"'}),
    Request("", "GET", "/product/none"),
    Request("", "GET", "/product/a%20b%2Fc"),
    Request(ADMIN, "PUT", "/product/p-1", PHONE | {"price": 760.5}),
    Request(ADMIN, "PUT", "/product/p-1", {"price": 1}),
    Request(ADMIN, "PATCH", "/product/p-1", {"price": 759}, {"If-Match": '"2"'}),
    Request(ADMIN, "PATCH", "/product/p-1", {"price": 759}, {"If-Match": '"1"'}),
    Request(ADMIN, "DELETE", "/product/p-new-1"),
    Request(USER, "DELETE", "/product/p-1"),
    Request("", "GET", "/stock/p-1"),
    Request("", "GET", "/stock/none"),
    Request(ADMIN, "PUT", "/stock/p-2", {"available": 7}),
    Request(ADMIN, "PUT", "/stock/p-2", {"available": -7}),
    Request(USER, "POST", "/basket", BASKET),
    Request(USER, "POST", "/basket", BASKET | {"items": [{"productId": "phone", "quantity": "4111 1111 1111 3322"}]}),
    Request(ADMIN, "GET", "/basket"),
    Request(USER, "GET", "/basket"),
    Request(USER, "GET", "/basket/swn"),
    Request("bob", "GET", "/basket/swn"),
    Request("auth0|1", "GET", "/basket/auth0%7C1"),
    Request(USER, "POST", "/basket/swn/items", {"productId": "case", "quantity": 1, "color": "Light Blue"}),
    Request(USER, "POST", "/basket/swn/items", {"productId": "case", "quantity": 0}),
    Request(USER, "DELETE", "/basket/swn/items/case?color=Light%20Blue"),
    Request(USER, "DELETE", "/basket/swn/items/case?colour=Red"),
    Request(USER, "POST", "/basket/checkout", CHECKOUT | {"expectedTotal": 1}),
    Request(USER, "POST", "/basket/checkout", CHECKOUT, {"Idempotency-Key": "key-1"}),
    Request(USER, "POST", "/basket/checkout", CHECKOUT, {"Idempotency-Key": "key-1"}),
    Request(USER, "POST", "/basket", BASKET),
    Request(USER, "DELETE", "/basket/swn"),
    Request(USER, "DELETE", "/basket/swn"),
    Request(ADMIN, "GET", "/order"),
    Request("", "GET", "/order"),
    Request(USER, "GET", "/order/swn?orderDate=2026-11"),
    Request(USER, "GET", "/order/swn?limit=0"),
    Request(USER, "GET", f"/order/swn/{ORDER.orderId}"),
    Request(USER, "GET", "/order/swn/none"),
    Request(USER, "POST", f"/order/swn/{ORDER.orderId}/cancel"),
    Request("bob", "POST", f"/order/swn/{ORDER.orderId}/cancel"),
    Request("ann", "GET", "/payment/ann/o-1"),
    Request("ann", "GET", "/payment/ann/none"),
    Request("", "DELETE", "/payment/ann/o-1"),
]  # fmt: skip


class Answer(NamedTuple):
    status: int
    headers: Mapping[str, str]
    body: bytes


def shop() -> DispatcherMiddleware:
    """All services in memory, each below its name. Two shops answer the same requests in the same way."""
    edge = Edge.from_env(tokens.env() | {"SHOP_CORS_ORIGINS": ORIGIN})
    apps = {
        "product": product.create_app(ProductShop(product_row("p-1"), product_row("p-2")).service, ready, edge),
        "basket": basket.create_app(BasketShop(phone="950", case="14.50").service, ready, "", edge),
        "ordering": ordering.create_app(OrderShop(ORDER).service, ready, edge),
        "payment": payment.create_app(paid().service, ready, edge),
        "stock": stock.create_app(StockShop(FakeStock(**{"p-1": 5})).service, ready, edge),
    }
    return DispatcherMiddleware(Response("no service", 404), {f"/{name}": app for name, app in apps.items()})


@cache
def paid() -> PaymentShop:
    """Requests change no payment, so all shops have the same one, with its random id."""
    found = PaymentShop()
    found.service.authorize(authorize())
    return found


def ready() -> None:
    pass


def send(base: str, request: Request, **headers: str) -> Answer:
    given = {"X-Correlation-Id": "test-1", **headers, **request.headers}
    if request.user:
        given |= bearer(request.user)
    body = None if request.body is None else json.dumps(request.body)
    if body:
        given["Content-Type"] = "application/json"
    found = urllib3.request(
        request.method, f"{base}{request.path}", body=body, headers=given, redirect=False, retries=False, timeout=30
    )
    own = {name.lower(): value for name, value in found.headers.items()}
    kept = {name: v for name, v in own.items() if name not in NOT_COMPARED and not name.startswith(ADDED)}
    if request.method == "HEAD":
        kept.pop("content-length", None)  # LocalStack says 0
    return Answer(found.status, kept, found.data)


@cache
def bearer(user: str) -> dict[str, str]:
    return tokens.bearer(user, admin=user == ADMIN)


def direct(base: str) -> Callable[..., Answer]:
    return lambda request, **headers: send(f"{base}/{request.service}", request, **headers)


def test_requests_reach_each_operation_with_success_and_with_a_refusal() -> None:
    with serving(shop()) as base:
        call = direct(base)
        found = {(status < 400, name) for r in REQUESTS for status, name in [(call(r).status, operation_of(r))]}
    every = {str(operation) for operation in operations()}
    assert {name for succeeded, name in found if succeeded} >= every
    assert {name for succeeded, name in found if not succeeded} >= every


def operation_of(request: Request) -> str:
    """As the documents name it. `/basket/checkout` is not a user's basket."""
    parts = request.path.partition("?")[0].split("/")
    for operation in sorted(operations(), key=lambda it: it.path.count("{")):
        own = operation.path.split("/")
        fits = len(own) == len(parts) and all(a == b or a.startswith("{") for a, b in zip(own, parts, strict=True))
        if fits and operation.method == request.method.lower():
            return str(operation)
    return ""


class Front(NamedTuple):
    """API Gateway at `url` in front of one shop, and another shop at `other`."""

    url: str
    other: str
    env: Mapping[str, str]


@pytest.fixture(scope="module")
def front() -> Iterator[Front]:
    with localstack() as endpoint, serving(shop()) as other, serving(shop(), bridge()) as behind:
        port = behind.rpartition(":")[2]
        env = {
            "AWS_ENDPOINT_URL": endpoint,
            "AWS_REGION": "us-east-1",
            "SHOP_NAME": "shop",
            "SHOP_FRONT_SERVICES": f"http://{GATEWAY_TO_HOST}:{port}/{{service}}",
        }
        assert main(["up", "front"], env) == 0
        yield Front(f"{endpoint}{output(env, 'Url')}", other, env)


def bridge() -> str:
    """The address at which containers reach this machine: their bridge's on Linux. Elsewhere they reach loopback."""
    asked = ["docker", "network", "inspect", "bridge", "--format", "{{(index .IPAM.Config 0).Gateway}}"]
    address = subprocess.run(asked, capture_output=True, check=True, text=True).stdout.strip()
    with suppress(OSError), socket.create_server((address, 0)):
        return address
    return "127.0.0.1"


def client(env: Mapping[str, str], service: str) -> Any:
    session = boto3.Session("test", "test", region_name=env["AWS_REGION"])
    return session.client(service, endpoint_url=env["AWS_ENDPOINT_URL"])  # type: ignore[call-overload] # a variable


def output(env: Mapping[str, str], key: str) -> str:
    [stack] = client(env, "cloudformation").describe_stacks(StackName="shop-front")["Stacks"]
    return str(next(it["OutputValue"] for it in stack["Outputs"] if it["OutputKey"] == key))


@pytest.fixture(scope="module")
def answers(front: Front) -> list[tuple[Answer, Answer]]:
    """To each request, through the gateway and directly."""
    call = direct(front.other)
    return [(send(front.url, request), call(request)) for request in REQUESTS]


@pytest.mark.docker
@pytest.mark.parametrize("number", range(len(REQUESTS)), ids=lambda number: str(REQUESTS[number]))
def test_gateway_passes_on_status_headers_and_body(answers: list[tuple[Answer, Answer]], number: int) -> None:
    through, directly = answers[number]
    assert through == directly


@pytest.mark.docker
def test_partner_reads_the_catalogue_with_a_key_only(front: Front) -> None:
    request = Request("", "GET", "/product/p-2?x=1")
    key = client(front.env, "apigateway").get_api_key(apiKey=output(front.env, "PartnerKeyId"), includeValue=True)
    assert send(f"{front.url}/partner", request, **{"x-api-key": "wrong"}).status == 403
    assert send(f"{front.url}/partner", request, **{"x-api-key": key["value"]}) == direct(front.other)(request)


@pytest.mark.docker
def test_doctor_reaches_each_service_through_the_gateway(front: Front) -> None:
    [finding] = Door("front", front.url, APIS, "").findings()
    assert finding.ok, finding


@pytest.mark.docker
def test_gateway_has_the_routes_of_the_template_and_no_other(front: Front) -> None:
    assert send(front.url, Request("", "GET", "/health/live")).status == 403
    assert send(front.url, Request("", "GET", "/openapi.json")).status == 403


@pytest.mark.docker
def test_second_up_changes_nothing_and_down_leaves_nothing(front: Front, capsys: pytest.CaptureFixture[str]) -> None:
    """The last test of this file."""
    assert main(["up", "front"], front.env) == 0
    assert "shop-front: no changes" in capsys.readouterr().out
    assert main(["down"], front.env) == 0
    apigateway = client(front.env, "apigateway")
    assert apigateway.get_rest_apis()["items"] == apigateway.get_api_keys()["items"] == []
