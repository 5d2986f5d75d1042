"""Real clients of AWS against an endpoint that sends the responses that a test gives it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from botocore.exceptions import BotoCoreError, ClientError

from chassis.aws import clients
from chassis.aws.clients import Clients
from chassis.core.errors import Refused, Unavailable
from chassis.core.events import Event
from chassis.messaging.bus import EventBus
from chassis.messaging.outbox import Outbox
from chassis.messaging.queue import Queue
from services.basket.models import Basket
from services.basket.store import BasketStore, CatalogueStore
from services.ordering.store import OrderStore
from services.product.store import ProductStore
from tests import scripted
from tests.samples import order, product
from tests.scripted import Script, answer, refusal

ENV = {"AWS_DEFAULT_REGION": "us-east-1"}
ROW = b'{"Item":{"id":{"S":"1"}}}'
PAGE = b"<html><body>Sign in to the hotel's network</body></html>"
EVENT = Event("1", "s", "d", "{}")
NOT_AWS = {
    "a web page": answer(PAGE, Content_Type="text/html", x_amz_crc32=""),
    "a web page with the media type of AWS": answer(PAGE, x_amz_crc32=""),
    "a redirect to a web page": answer(PAGE, 302, Content_Type="text/html", Location="http://portal/", x_amz_crc32=""),
    "a redirect without a body": answer(b"", 307, Content_Type="", Location="http://portal/", x_amz_crc32=""),
    "an error of a proxy": answer(PAGE, 403, Content_Type="text/html", x_amz_crc32=""),
    "another service": answer(b'{"status":"ok"}', Content_Type="application/json", x_amz_crc32=""),
    "an error of another shape": answer(b'"busy"', 503, x_amz_crc32=""),
    "another service's error": answer(b'{"message":"Forbidden"}', 403, Content_Type="application/json", x_amz_crc32=""),
    "an empty body": answer(b"", x_amz_crc32=""),
    "a JSON list": answer(b"[]", x_amz_crc32=""),
    "incomplete": answer(ROW[:9], length=len(ROW), x_amz_crc32=""),
    "incomplete, but JSON": answer(b"{}", length=len(ROW), x_amz_crc32=""),
    "incomplete with a corrected length": answer(ROW[:9], x_amz_crc32=""),
    "altered": answer(ROW, x_amz_crc32="12345"),
}


@pytest.fixture(autouse=True, params=["fast", "boto3"])
def transport(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(ENV, "SHOP_TRANSPORT", request.param)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")


@pytest.fixture
def playing(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """`with playing(responses) as script`: boto3's clients use that endpoint."""

    @contextmanager
    def play(*answers: bytes) -> Iterator[Script]:
        with scripted.playing(*answers) as script:
            monkeypatch.setenv("AWS_ENDPOINT_URL", script.url)
            yield script

    return play


def client(service: str = "dynamodb") -> Any:
    """Two attempts as for a request, but long time-outs, so that a slow machine does not cause one."""
    return Clients(ENV).of(service, clients.REQUEST._replace(connect=30, read=30))


def baskets() -> BasketStore:
    dynamodb = client()
    return BasketStore(dynamodb, Outbox(dynamodb, "outbox"), "basket", "receipt")


def products() -> ProductStore:
    dynamodb = client()
    return ProductStore(dynamodb, Outbox(dynamodb, "outbox"), "product")


def orders() -> OrderStore:
    return OrderStore(client(), Outbox(client(), "outbox"), "order")


def catalogue() -> CatalogueStore:
    return CatalogueStore(client(), "catalogue")


CALLS: dict[str, Callable[[], object]] = {
    "a basket is read": lambda: baskets().get("swn"),
    "baskets are listed": lambda: baskets().page(20, None),
    "a basket is written": lambda: baskets().save(Basket(userName="swn", items=[], version="1"), None),
    "a basket is deleted": lambda: baskets().remove("swn"),
    "a product is read": lambda: products().get("p-1"),
    "a product is written": lambda: products().save(product("p-1"), None, EVENT),
    "prices are read": lambda: catalogue().get_many(["p-1"]),
    "an order is read": lambda: orders().get("swn", "o-1"),
    "an order is written": lambda: orders().put_once(order(), "hash"),
    "an event is marked as published": lambda: Outbox(client(), "outbox").mark_published(EVENT),
    "an event is published": lambda: EventBus(client("events"), "bus").publish([EVENT]),
}


@pytest.mark.parametrize("response", NOT_AWS.values(), ids=NOT_AWS)
def test_response_that_is_not_from_aws_is_unavailable(playing: Callable[..., Any], response: bytes) -> None:
    with playing(response) as script, pytest.raises(Unavailable, match="does not answer") as raised:
        baskets().get("swn")
    assert not isinstance(raised.value, Refused)
    assert script.calls == ["GetItem", "GetItem"]  # the second attempt may reach AWS


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
@pytest.mark.parametrize("kind", ["a web page", "incomplete", "an empty body"])
def test_no_store_reads_it_as_a_missing_row_or_a_success(
    playing: Callable[..., Any], call: Callable[[], object], kind: str
) -> None:
    with playing(NOT_AWS[kind]), pytest.raises(Unavailable):
        call()


@pytest.mark.parametrize("kind", ["a web page", "incomplete", "an empty body", "a redirect to a web page"])
def test_no_queue_reads_it_as_an_empty_queue(playing: Callable[..., Any], kind: str) -> None:
    with playing(answer(b'{"QueueUrl":"http://queue/1/orders"}'), NOT_AWS[kind]):
        queue = Queue.of(Clients(ENV), "orders")
        with pytest.raises(BotoCoreError, match="response with status"):
            queue.receive()


def test_second_attempt_may_succeed_after_an_invalid_response(playing: Callable[..., Any]) -> None:
    row = b'{"Item":{"userName":{"S":"swn"},"items":{"L":[]},"version":{"S":"1"}}}'
    with playing(NOT_AWS["a web page"], answer(row)):
        assert baskets().get("swn") == Basket(userName="swn", items=[], version="1")


@pytest.mark.parametrize("first", [NOT_AWS["incomplete"], refusal("InternalServerError", 500)])
def test_refusal_after_unanswered_attempt_is_unavailable_not_refused(playing: Callable[..., Any], first: bytes) -> None:
    with playing(first, refusal("ThrottlingException")), pytest.raises(Unavailable) as raised:
        CALLS["a basket is written"]()
    assert not isinstance(raised.value, Refused)


def test_refusal_after_refusal_is_refused(playing: Callable[..., Any]) -> None:
    with playing(refusal("ThrottlingException")) as script, pytest.raises(Refused):
        CALLS["a basket is written"]()
    assert script.calls == ["PutItem", "PutItem"]


def test_error_with_another_media_type_is_accepted(playing: Callable[..., Any]) -> None:
    """LocalStack sends `application/json`."""
    response = answer(b'{"__type":"ExpiredTokenException"}', 400, Content_Type="application/json", x_amz_crc32="")
    with playing(response), pytest.raises(Refused):
        CALLS["a basket is written"]()


def test_validation_exception_passes_unchanged(playing: Callable[..., Any]) -> None:
    with playing(refusal("ValidationException")), pytest.raises(ClientError, match="ValidationException"):
        CALLS["a basket is written"]()


def test_malformed_parts_of_a_response_are_unavailable(playing: Callable[..., Any]) -> None:
    with playing(answer(b'{"Item":"none"}')), pytest.raises(Unavailable):
        baskets().get("swn")
