"""Error messages, log messages and comments: no regular expressions, and no words that writing rules forbid."""

import ast
import io
import json
import re
import tokenize
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from services.basket import consumer as basket_consumer
from services.ordering import consumer as ordering_consumer
from tests.documents import DOCUMENTS
from tests.environment import ROOT
from tests.fakes import FakeCatalogueItems, FakeDeadLetters, FakeOrders, FakeReplies, order_service
from tests.puzzling import WORDS
from tests.samples import golden_message
from tests.test_documents import MODELS

REGEX = re.compile(r"[\^\\{}*$]|\[[^\]]|\(\?|regex|pattern")
WRONG = ["", "\n", "a b", "..", "?" * 3000, "2026-99"]
CODE = [
    path for folder in ("chassis", "services", "bootstrap", "shop", "tests") for path in (ROOT / folder).rglob("*.py")
]
SAYS_STAR = "must be * or"  # the syntax of the header


def core_schemas(part: Any) -> Iterator[Mapping[str, Any]]:
    """The text schemas within pydantic's core schema."""
    if isinstance(part, dict):
        if part.get("type") == "str":
            yield part
        for value in part.values():
            yield from core_schemas(value)
    elif isinstance(part, list | tuple):
        for value in part:
            yield from core_schemas(value)


def messages(model: type[BaseModel], name: str, value: str) -> Iterator[str]:
    try:
        model.model_validate({name: value})
    except ValidationError as error:
        yield from (each["msg"] for each in error.errors(include_url=False))


def test_models_are_found() -> None:
    assert len(MODELS) > 30
    assert set(DOCUMENTS) >= {"product", "basket", "ordering", "stock"}


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_no_model_uses_pydantics_pattern(model: type[BaseModel]) -> None:
    assert [part for part in core_schemas(model.__pydantic_core_schema__) if "pattern" in part] == []


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_error_of_an_invalid_value_has_no_regular_expression(model: type[BaseModel]) -> None:
    fields = {field.alias or name for name, field in model.model_fields.items()}
    said = {text for name in fields for value in WRONG for text in messages(model, name, value)}
    assert {text for text in said if REGEX.search(text.replace(SAYS_STAR, ""))} == set()


@pytest.mark.parametrize("value", ["", "a b", "..", "?"])
@pytest.mark.parametrize("event", ["checkout_basket", "product_created", "product_deleted"])
def test_dead_letter_reason_has_no_regular_expression(event: str, value: str) -> None:
    """Makes each text of the event invalid in turn."""
    for name, text in golden_message(event)["detail"]["data"].items():
        if isinstance(text, str):
            message = golden_message(event)
            message["detail"]["data"][name] = value
            assert [reason for reason in reasons(message) if REGEX.search(reason) or "Value error" in reason] == []


def reasons(message: dict[str, Any]) -> list[str]:
    dead = FakeDeadLetters()
    if message["detail-type"] == "CheckoutBasket":
        consumer = ordering_consumer.make_consumer(order_service(FakeOrders()), dead, FakeReplies())
    else:
        consumer = basket_consumer.make_consumer(FakeCatalogueItems(), dead, FakeReplies())
    consumer.handle_batch({"Records": [{"messageId": "m-1", "body": json.dumps(message, default=float)}]})
    return [sent["reason"] for sent in dead.sent]


def texts(source: str) -> Iterator[str]:
    """The comments, docstrings and other strings of a module. Strings without a space are names, not texts."""
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            yield token.string
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and " " in node.value:
            yield node.value


def test_texts_in_code_have_no_word_that_puzzles() -> None:
    sources = {path: path.read_text(encoding="utf-8") for path in CODE if path.name != "puzzling.py"}
    wrong = {(path.name, text) for path, source in sources.items() for text in texts(source) if WORDS.search(text)}
    assert len(sources) > 100
    assert wrong == set()
