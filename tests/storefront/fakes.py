"""The services' APIs in memory, and a browser without JavaScript that sends forms as they are on a page."""

import re
from collections.abc import Callable, Mapping
from html.parser import HTMLParser
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlencode, urlsplit
from urllib.request import HTTPCookieProcessor, Request, build_opener

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from chassis.core.errors import Unavailable
from services.storefront.models import Refusal, Visitor

PHONE = {"id": "p-1", "name": "IPhone X", "description": "A phone.", "category": "Phone", "price": 950, "version": 3}
LINE = {"productId": "p-1", "productName": "IPhone X", "color": "red", "quantity": 2, "addedPrice": 900, "price": 950}
BASKET = {"userName": "ann", "items": [LINE], "totalPrice": 1900}
RECEIPT = {"orderId": "o-1", "orderDate": "2026-11-26T10:15:30.123Z", "totalPrice": 1900, "status": "PENDING"}
BUYER = {"firstName": "Ann", "lastName": "Lee", "email": "ann@example.com", "address": "1 Harbour Street"}
ORDER = {
    "orderId": "o-1",
    "orderDate": "2026-11-26T10:15:30.123Z",
    "status": "PLACED",
    "items": [{"productId": "p-1", "productName": "IPhone X", "color": "red", "price": 950, "quantity": 2}],
    "totalPrice": 1900,
    "address": "1 Harbour Street",
    "cardLast4": "1111",
    "history": [{"status": "PLACED", "at": "2026-11-26T10:15:30.223Z"}],
}


def refusal(status: int, detail: str = "No.", **members: Any) -> Refusal:
    return Refusal(status, {"title": "Refused", "detail": detail, **members})


class FakeApi:
    """Answers by method and path without its query. An answer may be an error, or a function of the body."""

    def __init__(self, **answers: Any) -> None:
        self.calls: list[tuple[str, str, Any, Mapping[str, str]]] = []
        self.visitors: list[Visitor] = []
        self.answers: dict[str, Any] = {
            "GET /product": {"items": [PHONE], "nextCursor": None},
            "GET /product/p-1": PHONE,
            "GET /stock/p-1": refusal(404),
            "GET /health/ready": {"status": "ready"},
        } | answers

    def ask(
        self,
        visitor: Visitor,
        service: str,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Any:
        self.calls.append((method, path, body, headers or {}))
        self.visitors.append(visitor)
        answer = self.answers.get(f"{method} {path.partition('?')[0]}", refusal(404))
        if isinstance(answer, Exception):
            raise answer
        return answer(body) if callable(answer) else answer

    def sent(self, method: str, path: str) -> list[tuple[Any, Mapping[str, str]]]:
        return [(body, headers) for verb, where, body, headers in self.calls if (verb, where) == (method, path)]


DOWN = Unavailable("The service product does not answer.")


class _Forms(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.forms: list[tuple[str, dict[str, str]]] = []
        self._in = ""  # the textarea that is being read

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        its = {name: value or "" for name, value in attrs}
        if tag == "form":
            assert its["method"] == "post"
            self.forms.append((its.get("action", ""), {}))
        elif tag in {"input", "textarea", "select"}:
            self.forms[-1][1][its["name"]] = its.get("value", "")
            self._in = its["name"] if tag == "textarea" else ""

    def handle_endtag(self, tag: str) -> None:
        self._in = ""

    def handle_data(self, data: str) -> None:
        if self._in:
            self.forms[-1][1][self._in] += data


def forms(page: str) -> list[tuple[str, dict[str, str]]]:
    """The action of each form, "" for the page itself, and its fields with their values."""
    parser = _Forms()
    parser.feed(page)
    return parser.forms


class Browser:
    """Shows one page at a time, follows redirects and keeps cookies. It knows no JavaScript."""

    def __init__(self, send: Callable[[str, str, Mapping[str, str] | None], tuple[int, str, str]]) -> None:
        self._send = send
        self.status, self.path, self.page = 0, "", ""

    def open(self, path: str) -> str:
        return self._show("GET", path)

    def submit(self, action: str, **fields: str) -> str:
        """Sends the first form of the page whose action begins so, with some fields filled in."""
        where, given = next((at, its) for at, its in forms(self.page) if (at or self.path).startswith(action))
        return self._show("POST", where or self.path, given | fields)

    def says(self, kind: str) -> list[str]:
        """The text of each element of a class."""
        found = re.findall(rf'class="{kind}"[^>]*>(.*?)</(?:p|div|li)>', self.page, flags=re.DOTALL)
        return [" ".join(re.sub("<[^>]+>", " ", each).split()) for each in found]

    def _show(self, method: str, path: str, fields: Mapping[str, str] | None = None) -> str:
        self.status, self.path, self.page = self._send(method, path, fields)
        return self.page


def visiting(url: str) -> Browser:
    """The browser of a storefront that runs."""
    opener = build_opener(HTTPCookieProcessor())

    def send(method: str, path: str, fields: Mapping[str, str] | None) -> tuple[int, str, str]:
        data = urlencode(fields).encode() if fields is not None else None
        asked = Request(url + path, data, {"Accept": "text/html"}, method=method)  # noqa: S310 http
        try:
            answer = opener.open(asked, timeout=30)
        except HTTPError as error:
            answer = error
        with answer:
            return answer.status, urlsplit(answer.geturl()).path, answer.read().decode()

    return Browser(send)


def browser(client: FlaskClient) -> Browser:
    def send(method: str, path: str, fields: Mapping[str, str] | None) -> tuple[int, str, str]:
        answer: TestResponse = client.open(path, method=method, data=fields, follow_redirects=True)
        return answer.status_code, answer.request.path, answer.text

    return Browser(send)
