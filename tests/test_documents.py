"""The OpenAPI documents and event schemas match the models and suffice for generated clients."""

import ast
import json
import re
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any, TypeVar

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator
from pydantic import TypeAdapter, ValidationError
from pydantic.fields import FieldInfo

from chassis.core import strictjson
from chassis.core.errors import DomainError
from chassis.core.fields import Input, Model
from services.product.seed import catalogue
from tests.documents import DOCUMENTS, operations, schemas

ROOT = Path(__file__).parent.parent
EVENT_SCHEMAS = sorted((ROOT / "docs" / "schemas").glob("*.json"))
# The keywords of JSON Schema 2020-12 that are used here. Readers of a schema ignore unknown keywords.
KEYWORDS = {
    "$defs", "$ref", "$schema", "additionalProperties", "anyOf", "const", "default", "description", "enum", "examples",
    "format", "items", "maxItems", "maxLength", "maximum", "minItems", "minLength", "minimum", "pattern", "properties",
    "required", "title", "type",
}  # fmt: skip
MODES: Any = ("validation", "serialization")


ORDER_ID = "01a1fd70-f23b-7c6e-9f43-2d8b8f0f6c55"  # no real order has this ID
T = TypeVar("T")


def subclasses(parent: type[T]) -> Iterator[type[T]]:
    for child in parent.__subclasses__():
        yield child
        yield from subclasses(child)


MODELS = sorted({m for m in subclasses(Model) if m.__module__.startswith(("services.", "chassis."))}, key=repr)


def all_schemas() -> Iterator[tuple[str, dict[str, Any]]]:
    """The schemas from pydantic, from the OpenAPI documents and from the event pages."""
    for model in MODELS:
        for mode in MODES:
            yield from schemas(model.model_json_schema(mode=mode), model.__name__)
    for service, document in DOCUMENTS.items():
        for name, schema in document["components"]["schemas"].items():
            yield from schemas(schema, f"{service}: {name}")
    for operation in operations():
        for parameter in operation.content.get("parameters", []):
            if "schema" in parameter:
                yield from schemas(parameter["schema"], f"{operation}: {parameter['name']}")
    for path in EVENT_SCHEMAS:
        yield from schemas(json.loads(path.read_text()), path.name)


@pytest.mark.parametrize("service", DOCUMENTS)
def test_document_is_valid_openapi(service: str) -> None:
    OpenAPIV31SpecValidator(DOCUMENTS[service]).validate()


def test_schemas_have_only_keywords_of_json_schema() -> None:
    strange = {(place, word) for place, schema in all_schemas() for word in schema.keys() - KEYWORDS}
    assert strange == set()
    assert len(MODELS) > 20


def test_every_amount_is_a_double_within_bounds() -> None:
    """Go's generator uses 32 bits for a number without a format, and 199999.99 becomes 199999.98."""
    numbers = [(place, schema) for place, schema in all_schemas() if schema.get("type") == "number"]
    assert [place for place, schema in numbers if schema.get("format") != "double"] == []
    money = [(place, schema) for place, schema in numbers if "/changePercent" not in place]
    assert {(schema["minimum"], schema["maximum"]) for _, schema in money} == {(0, 1_000_000), (0, 999_999_999_999)}
    assert {place.split(":")[0] for place, _ in money} > {"product", "basket", "ordering", "payment"}


def test_operations_have_readable_names() -> None:
    assert {f"{operation.content['tags']} {operation.content['operationId']}" for operation in operations()} == {
        "['Products'] listProducts",
        "['Products'] createProduct",
        "['Products'] getProduct",
        "['Products'] replaceProduct",
        "['Products'] changeProduct",
        "['Products'] deleteProduct",
        "['Baskets'] listBaskets",
        "['Baskets'] replaceBasket",
        "['Baskets'] getBasket",
        "['Baskets'] deleteBasket",
        "['Baskets'] addItem",
        "['Baskets'] removeItem",
        "['Baskets'] checkout",
        "['Orders'] listOrders",
        "['Orders'] listOrdersOfUser",
        "['Orders'] getOrder",
        "['Orders'] cancelOrder",
        "['Payments'] getPayment",
        "['Stock'] getStock",
        "['Stock'] setStock",
    }


def test_every_operation_has_a_summary_and_a_description() -> None:
    assert [str(o) for o in operations() if not (o.content.get("summary") and o.content.get("description"))] == []


def test_no_schema_describes_two_kinds_of_objects() -> None:
    unions = [(place, schema["anyOf"]) for place, schema in all_schemas() if "anyOf" in schema]
    assert [place for place, choices in unions if len([each for each in choices if "$ref" in each]) > 1] == []


@pytest.mark.parametrize("service", DOCUMENTS)
def test_problem_schema_has_the_members_that_the_service_adds(service: str) -> None:
    files = [*(ROOT / "services" / service).glob("*.py"), *(ROOT / "chassis").rglob("*.py")]
    raised = {member for path in files for member in members_of_problems(path)}
    documented = DOCUMENTS[service]["components"]["schemas"]["Problem"]["properties"]
    assert documented.keys() - {"type", "title", "status", "detail"} == raised
    assert [name for name in raised if not documented[name].get("description")] == []


def members_of_problems(path: Path) -> Iterator[str]:
    """The members with which the code creates domain errors."""
    errors = {error.__name__ for error in subclasses(DomainError)}
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in errors:
            yield from (keyword.arg for keyword in node.keywords if keyword.arg)


def test_examples_are_valid_and_use_demo_products() -> None:
    names = set(re.findall(r"schemas/(\w+)", str([operation.content.get("requestBody") for operation in operations()])))
    bodies = [model for model in MODELS if model.__name__ in names]
    assert len(bodies) == len(names) == 6
    examples = [(model, example) for model in bodies for example in model.model_json_schema()["examples"]]
    for model, example in examples:
        model.model_validate(strictjson.loads(json.dumps(example)))
    named = set(re.findall(r'"(?:productId|example)": "([0-9a-f-]{36})"', json.dumps([*DOCUMENTS.values()])))
    assert named - {product.id for product in catalogue()} == {ORDER_ID}
    assert {model for model, _ in examples} == set(bodies)


def test_path_parameters_have_examples() -> None:
    parameters = [p for operation in operations() for p in operation.content["parameters"] if p.get("in") == "path"]
    assert [p["name"] for p in parameters if not p.get("example")] == []
    assert len(parameters) > 10


def inputs() -> Iterator[Any]:
    """Each field of a request with its schema."""
    for model in (m for m in MODELS if issubclass(m, Input)):
        documented = model.model_json_schema()["properties"]
        for name, field in model.model_fields.items():
            yield pytest.param(field, documented[field.alias or name], id=f"{model.__name__}.{name}")


@pytest.mark.parametrize(("field", "schema"), list(inputs()))
def test_field_accepts_exactly_its_documented_range(field: FieldInfo, schema: dict[str, Any]) -> None:
    takes = TypeAdapter(field.rebuild_annotation())
    for each in chain([schema], schema.get("anyOf", [])):
        if each.get("type") in {"integer", "number"}:
            low, high = each["minimum"], each["maximum"]
            assert [takes.validate_python(good) for good in (low, high)] == [low, high]
            assert [bad for bad in (low - 1, high + 1) if accepts(takes, bad)] == []
        if "enum" in each:
            assert [value for value in each["enum"] if not accepts(takes, value)] == []
            assert not accepts(takes, "another")
        elif each.get("type") == "string" and "pattern" not in each:
            low, high = each.get("minLength", 0), each["maxLength"]
            assert [length for length in (low, high) if not accepts(takes, "x" * length)] == []
            assert [length for length in (low - 1, high + 1) if length >= 0 and accepts(takes, "x" * length)] == []


def accepts(takes: TypeAdapter[Any], value: object) -> bool:
    try:
        takes.validate_python(value)
    except ValidationError:
        return False
    return True
