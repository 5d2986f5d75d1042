"""What is taken for an answer of AWS: by real clients, of an endpoint that sends what a test wrote down."""

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
    "a page": answer(PAGE, Content_Type="text/html", x_amz_crc32=""),
    "a page that says it is AWS's": answer(PAGE, x_amz_crc32=""),
    "a redirect to a page": answer(PAGE, 302, Content_Type="text/html", Location="http://portal/", x_amz_crc32=""),
    "a redirect without a word": answer(b"", 307, Content_Type="", Location="http://portal/", x_amz_crc32=""),
    "a proxy's refusal": answer(PAGE, 403, Content_Type="text/html", x_amz_crc32=""),
    "another service": answer(b'{"status":"ok"}', Content_Type="application/json", x_amz_crc32=""),
    "an error of another shape": answer(b'"busy"', 503, x_amz_crc32=""),
    "another service's error": answer(b'{"message":"Forbidden"}', 403, Content_Type="application/json", x_amz_crc32=""),
    "nothing": answer(b"", x_amz_crc32=""),
    "a list": answer(b"[]", x_amz_crc32=""),
    "cut short": answer(ROW[:9], length=len(ROW), x_amz_crc32=""),
    "cut short, but JSON": answer(b"{}", length=len(ROW), x_amz_crc32=""),
    "cut short by something that counted again": answer(ROW[:9], x_amz_crc32=""),
    "altered": answer(ROW, x_amz_crc32="12345"),
}


@pytest.fixture(autouse=True)
def keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")


@pytest.fixture
def playing(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """`with playing(answers) as script`: boto3 takes the endpoint for AWS."""

    @contextmanager
    def play(*answers: bytes) -> Iterator[Script]:
        with scripted.playing(*answers) as script:
            monkeypatch.setenv("AWS_ENDPOINT_URL", script.url)
            yield script

    return play


def client(service: str = "dynamodb") -> Any:
    """Two attempts, as for a request, and the time of a busy machine: a time-out is no answer either."""
    return Clients(ENV).of(service, clients.REQUEST._replace(connect=30, read=30))


def baskets() -> BasketStore:
    dynamodb = client()
    return BasketStore(dynamodb, Outbox(dynamodb, "outbox"), "basket", "receipt")


def products() -> ProductStore:
    dynamodb = client()
    return ProductStore(dynamodb, Outbox(dynamodb, "outbox"), "product")


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
    "an order is read": lambda: OrderStore(client(), "order").get("swn", "o-1"),
    "an order is written": lambda: OrderStore(client(), "order").put_once(order(), "hash"),
    "an event is forgotten": lambda: Outbox(client(), "outbox").mark_published(EVENT),
    "an event is published": lambda: EventBus(client("events"), "bus").publish([EVENT]),
}


@pytest.mark.parametrize("told", NOT_AWS.values(), ids=NOT_AWS)
def test_what_is_not_an_answer_of_aws_is_no_answer(playing: Callable[..., Any], told: bytes) -> None:
    with playing(told) as script, pytest.raises(Unavailable, match="does not answer") as raised:
        baskets().get("swn")
    assert not isinstance(raised.value, Refused)
    assert script.calls == ["GetItem", "GetItem"]  # the second try may reach AWS


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
@pytest.mark.parametrize("told", ["a page", "cut short", "nothing"])
def test_no_store_takes_it_for_an_absent_row_or_for_a_success(
    playing: Callable[..., Any], call: Callable[[], object], told: str
) -> None:
    with playing(NOT_AWS[told]), pytest.raises(Unavailable):
        call()


@pytest.mark.parametrize("told", ["a page", "cut short", "nothing", "a redirect to a page"])
def test_no_queue_takes_it_for_an_absence_of_messages(playing: Callable[..., Any], told: str) -> None:
    with playing(answer(b'{"QueueUrl":"http://queue/1/orders"}'), NOT_AWS[told]):
        queue = Queue.of(Clients(ENV), "orders")
        with pytest.raises(BotoCoreError, match="answer"):
            queue.receive()


def test_a_proper_answer_after_one_that_was_none_is_taken(playing: Callable[..., Any]) -> None:
    row = b'{"Item":{"userName":{"S":"swn"},"items":{"L":[]},"version":{"S":"1"}}}'
    with playing(NOT_AWS["a page"], answer(row)):
        assert baskets().get("swn") == Basket(userName="swn", items=[], version="1")


@pytest.mark.parametrize("first", [NOT_AWS["cut short"], refusal("InternalServerError", 500)])
def test_a_refusal_after_a_try_without_an_answer_leaves_open_what_happened(
    playing: Callable[..., Any], first: bytes
) -> None:
    with playing(first, refusal("ThrottlingException")), pytest.raises(Unavailable) as raised:
        CALLS["a basket is written"]()
    assert not isinstance(raised.value, Refused)


def test_a_refusal_after_a_refusal_says_that_nothing_happened(playing: Callable[..., Any]) -> None:
    with playing(refusal("ThrottlingException")) as script, pytest.raises(Refused):
        CALLS["a basket is written"]()
    assert script.calls == ["PutItem", "PutItem"]


def test_an_error_of_aws_is_one_whatever_type_its_body_has(playing: Callable[..., Any]) -> None:
    """LocalStack's are `application/json`."""
    told = answer(b'{"__type":"ExpiredTokenException"}', 400, Content_Type="application/json", x_amz_crc32="")
    with playing(told), pytest.raises(Refused):
        CALLS["a basket is written"]()


def test_a_bug_of_ours_stays_one(playing: Callable[..., Any]) -> None:
    with playing(refusal("ValidationException")), pytest.raises(ClientError, match="ValidationException"):
        CALLS["a basket is written"]()


def test_an_answer_whose_parts_have_a_wrong_shape_is_no_answer(playing: Callable[..., Any]) -> None:
    with playing(answer(b'{"Item":"none"}')), pytest.raises(Unavailable):
        baskets().get("swn")
