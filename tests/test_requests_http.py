"""`requests.http` uses only syntax that the REST clients of VS Code, JetBrains and httpyac share."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from services.product.seed import catalogue
from tests.documents import operations

TEXT = (Path(__file__).parent.parent / "requests.http").read_text()
PREAMBLE, *BLOCKS = re.split(r"(?m)^### ", TEXT)
VARIABLES = dict(re.findall(r"(?m)^@(\w+) = (.+)$", PREAMBLE))
# A comment may stand only between the title and the request line. JetBrains' client sends a comment inside a body.
BLOCK = re.compile(
    r"(?P<title>.+)\n(?:# .*\n)*(?P<method>[A-Z]+) (?P<url>\S+)\n(?P<headers>(?:[A-Za-z-]+: .+\n)*)"
    r"(?:\n(?P<body>\{[^#<>]+\}\n))?\s*"
)


class Request(NamedTuple):
    title: str
    method: str
    url: str
    headers: str
    body: str | None


def requests() -> Iterator[Request]:
    for block in BLOCKS:
        matched = BLOCK.fullmatch(block)
        assert matched, block
        yield Request(**matched.groupdict())


def filled(text: str) -> str:
    """Replaces the variables of the file. `$timestamp` is the only dynamic variable that all three clients share."""
    return re.sub(r"\{\{([^}]*)\}\}", lambda found: VARIABLES[found[1]] if found[1] != "$timestamp" else "1", text)


def test_file_starts_with_comments_and_variables() -> None:
    lines = [line for line in PREAMBLE.splitlines() if line]
    assert [line for line in lines if not re.fullmatch(r"#.*|@\w+ = [^{}\s]+", line)] == []
    assert len(VARIABLES) == len([line for line in lines if line.startswith("@")])


@pytest.mark.parametrize("request_", list(requests()), ids=lambda request_: request_.title)
def test_request_uses_the_common_syntax(request_: Request) -> None:
    assert filled(request_.url).startswith("http://127.0.0.1:")
    assert "{" not in filled(request_.url + request_.headers)
    assert "Authorization: Bearer {{token}}\n" in request_.headers
    assert ("Content-Type: {{json}}" in request_.headers) == (request_.body is not None)
    if request_.body:
        assert isinstance(json.loads(filled(request_.body)), dict)


def test_titles_are_unique() -> None:
    titles = [request.title for request in requests()]
    assert len(set(titles)) == len(titles)


def test_every_operation_has_a_request() -> None:
    sent = {f"{request.method} {filled(request.url).split('?')[0]}" for request in requests()}
    missing = []
    for operation in operations():
        path = re.escape(VARIABLES[operation.service]) + re.sub(r"\{\w+\}", r"[^/]+", operation.path)
        if not any(re.fullmatch(f"{operation.method.upper()} {path}", each) for each in sent):
            missing.append(str(operation))
    assert missing == []


def test_requests_use_demo_products() -> None:
    ids = {name: VARIABLES[name] for name in ("phone", "other", "sticker")}
    names = {product.id: product.name for product in catalogue()}
    assert {name: names[product_id] for name, product_id in ids.items()} == {
        "phone": "IPhone X",
        "other": "Samsung 10",
        "sticker": "Sticker",
    }
