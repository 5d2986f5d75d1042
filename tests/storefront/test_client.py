"""The HTTP client, with a service whose answers the tests set."""

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask import Flask, Response, request

from chassis import tracing
from chassis.core import deadline, logs
from chassis.core.errors import Unavailable
from services.storefront.client import HttpApi
from services.storefront.models import Refusal, Visitor
from tests.environment import free_port
from tests.processes import serving

TRACEPARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
ANN = Visitor("ann", token="a.b.c", address="192.0.2.7")


class Service:
    def __init__(self) -> None:
        self.answer: Callable[[], Any] = lambda: {"name": "Tea", "price": 12.3}
        self.seen: list[Any] = []
        self.app = Flask("service")
        self.app.add_url_rule("/<path:path>", "all", self._handle, methods=["GET", "POST"])

    def _handle(self, path: str) -> Any:
        self.seen.append((request.method, request.full_path.rstrip("?"), dict(request.headers), request.get_data()))
        return self.answer()


def late() -> str:
    time.sleep(1.3)
    return "{}"


@pytest.fixture
def service() -> Service:
    return Service()


@pytest.fixture
def api(service: Service) -> Iterator[HttpApi]:
    with serving(service.app) as url:
        yield HttpApi({"product": f"{url}/"}, timeout=1)


def test_request_carries_who_asks_and_the_correlation_id(api: HttpApi, service: Service) -> None:
    logs.correlate("c-1")
    answer = api.ask(ANN, "product", "POST", "/product?x=%2F", {"price": 1.5}, {"If-Match": '"3"'})
    assert str(answer["price"]) == "12.3"
    [(method, path, headers, body)] = service.seen
    assert (method, path, body) == ("POST", "/product?x=%2F", b'{"price": 1.5}')
    sent = {
        "Authorization": "Bearer a.b.c", "X-Correlation-Id": "c-1", "X-Forwarded-For": "192.0.2.7",
        "Content-Type": "application/json", "If-Match": '"3"',
    }  # fmt: skip
    assert headers.items() >= sent.items()


def test_services_continue_the_trace_of_the_page(api: HttpApi, service: Service) -> None:
    with tracing.begin("request", TRACEPARENT):
        api.ask(ANN, "product", "GET", "/product")
    assert service.seen[0][2]["Traceparent"].startswith(TRACEPARENT[:36])


def test_visitor_without_a_token_sends_none(api: HttpApi, service: Service) -> None:
    api.ask(Visitor(""), "product", "GET", "/product")
    assert {"Authorization", "X-Forwarded-For", "Content-Type"}.isdisjoint(service.seen[0][2])


def test_answer_without_a_body_is_empty(api: HttpApi, service: Service) -> None:
    service.answer = lambda: ("", 204)
    assert api.ask(ANN, "product", "GET", "/x") == {}


def test_problem_document_is_a_refusal_with_its_fields(api: HttpApi, service: Service) -> None:
    errors = [{"pointer": "/price", "detail": "must be a number"}]
    service.answer = lambda: ({"title": "Invalid", "detail": "Some fields are not valid.", "errors": errors}, 422)
    with pytest.raises(Refusal) as refused:
        api.ask(ANN, "product", "GET", "/x")
    it = refused.value
    assert (it.status, it.title, it.detail) == (422, "Invalid", "Some fields are not valid.")
    assert it.fields == {"price": "must be a number"}


@pytest.mark.parametrize(
    "answer",
    [
        lambda: Response("<h1>Bad gateway</h1>", 502),
        lambda: Response("nothing", 200),
        lambda: Response('{"price": NaN}', 200),
        late,
    ],
    ids=["html", "no json", "not a number", "too late"],
)
def test_answer_that_cannot_be_understood_is_no_answer(
    api: HttpApi, service: Service, answer: Callable[[], Any]
) -> None:
    service.answer = answer
    with pytest.raises(Unavailable, match="The service product does not answer"):
        api.ask(ANN, "product", "GET", "/x")


@pytest.mark.parametrize("answer", [lambda: ([], 200), lambda: ("", 302, {"Location": "http://127.0.0.1:9/"})])
def test_list_or_redirect_is_a_refusal(api: HttpApi, service: Service, answer: Callable[[], Any]) -> None:
    service.answer = answer
    with pytest.raises(Refusal):
        api.ask(ANN, "product", "GET", "/x")


def test_service_that_does_not_listen_is_no_answer() -> None:
    with pytest.raises(Unavailable):
        HttpApi({"product": f"http://127.0.0.1:{free_port()}"}).ask(ANN, "product", "GET", "/x")


def test_no_service_is_asked_after_the_deadline_of_the_page(api: HttpApi, service: Service) -> None:
    deadline.start(0)
    with pytest.raises(Unavailable, match="no time left"):
        api.ask(ANN, "product", "GET", "/x")
    assert service.seen == []
