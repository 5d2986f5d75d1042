"""Converts the parameters and the response of an operation. botocore looks at its model for every value of each call.

These functions are made once from the same model. What they do not know is left to botocore.
"""

from base64 import b64decode
from collections.abc import Callable, Mapping
from decimal import Decimal
from types import NoneType
from typing import Any

from boto3.dynamodb.types import DYNAMODB_CONTEXT, Binary, TypeSerializer

Convert = Callable[[Any], Any]
TYPES = {"string": str, "integer": int, "long": int, "boolean": bool, "list": list, "map": dict}
ELSEWHERE = "EndpointId"  # the member of PutEvents that changes its URL and its signature
TABLE = "TableArn"  # the shape of a table's name or ARN; an ARN may change the URL
ATTRIBUTE = "AttributeValue"  # the shape that boto3's resource converts to and from plain Python values


class Unusual(LookupError):
    """A shape or a value that only botocore converts, or rejects with an error of its own."""


def writer(shape: Any) -> Convert:
    """Converts parameters of `shape` to what the JSON has. Raises LookupError if botocore must convert."""
    if shape.name == ATTRIBUTE:
        return _write_attribute
    if shape.type_name == "structure":
        return _structure_writer(shape)
    convert = _table_name if shape.name == TABLE else _parts(shape, writer) or _same
    return _of_type(shape, TYPES.get(shape.type_name), convert)


def reader(shape: Any) -> Convert:
    """Converts the JSON of a response of `shape`. Drops nulls and unknown members. `reader` itself raises Unusual."""
    if shape.name == ATTRIBUTE:
        return _read_attribute
    if shape.type_name == "structure":
        members = {name: reader(member) for name, member in _members(shape).items()}
        return lambda told: {
            name: members[name](value) for name, value in told.items() if value is not None and name in members
        }
    if shape.type_name == "timestamp":
        raise Unusual
    return b64decode if shape.type_name == "blob" else _parts(shape, reader) or _same


def _parts(shape: Any, converter: Callable[[Any], Convert]) -> Convert | None:
    """Converts the elements of a list or a map."""
    if shape.type_name == "list":
        item = converter(shape.member)
        return lambda given: [item(each) for each in given]
    if shape.type_name == "map":
        key, value = converter(shape.key), converter(shape.value)
        return lambda given: {key(name): value(each) for name, each in given.items()}
    return None


def _same(given: Any) -> Any:
    return given


def _table_name(given: str) -> str:
    if given.startswith("arn:"):
        raise Unusual
    return given


def _structure_writer(shape: Any) -> Convert:
    members = {name: writer(member) for name, member in _members(shape).items() if name != ELSEWHERE}
    tokens = {name for name, member in shape.members.items() if member.metadata.get("idempotencyToken")}
    required = {*shape.required_members, *tokens}

    def write(given: Mapping[str, Any]) -> dict[str, Any]:
        if type(given) is not dict or not required <= given.keys() <= members.keys():
            raise Unusual
        return {name: members[name](value) for name, value in given.items()}

    return write


def _members(shape: Any) -> dict[str, Any]:
    members: dict[str, Any] = shape.members
    if (
        shape.is_tagged_union
        or shape.is_document_type
        or any("name" in each.serialization for each in members.values())
    ):
        raise Unusual
    return members


def _of_type(shape: Any, kind: type | None, convert: Convert) -> Convert:
    least = shape.metadata.get("min", 0)
    size: Convert = len if kind in {str, list, dict} else int

    def write(given: Any) -> Any:
        if type(given) is not kind or size(given) < least:
            raise Unusual
        return convert(given)

    return write


def _write_attribute(given: Any) -> dict[str, Any]:
    tag, write = WRITE[type(given)]
    return {tag: write(given)}


def _write_map(given: dict[Any, Any]) -> dict[str, Any]:
    """JSON would turn another key into text, and botocore rejects it."""
    if not all(type(name) is str for name in given):
        raise Unusual
    return {name: _write_attribute(each) for name, each in given.items()}


def _read_attribute(told: dict[str, Any]) -> Any:
    ((tag, value),) = told.items()
    return READ[tag](value)


def _number(given: int | Decimal) -> str:
    """Raises for a number that DynamoDB cannot store."""
    written: Any = TypeSerializer().serialize(given)
    return str(written["N"])


WRITE: dict[type, tuple[str, Convert]] = {
    str: ("S", str),
    int: ("N", _number),
    Decimal: ("N", _number),
    bool: ("BOOL", bool),
    NoneType: ("NULL", lambda _: True),
    list: ("L", lambda given: [_write_attribute(each) for each in given]),
    dict: ("M", _write_map),
}
READ: dict[str, Convert] = {
    "S": str,
    "N": DYNAMODB_CONTEXT.create_decimal,
    "BOOL": bool,
    "NULL": lambda _: None,
    "B": lambda told: Binary(b64decode(told)),
    "SS": set,
    "NS": lambda told: {DYNAMODB_CONTEXT.create_decimal(each) for each in told},
    "BS": lambda told: {Binary(b64decode(each)) for each in told},
    "L": lambda told: [_read_attribute(each) for each in told],
    "M": lambda told: {name: _read_attribute(each) for name, each in told.items()},
}
