"""Base models and field types for pydantic: patterns, exact decimals, and the query of a paged list."""

import re
from decimal import Decimal
from typing import Annotated, Any, NamedTuple

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, WithJsonSchema
from pydantic.json_schema import SkipJsonSchema

Absent = SkipJsonSchema[None]  # the type of an omitted parameter, for which a client cannot send null


class Model(BaseModel):
    """Base of rows, events and responses: immutable, and unknown fields are ignored."""

    model_config = ConfigDict(frozen=True, hide_input_in_errors=True)


class Input(Model):
    """Base of what clients send: an unknown field is an error. Errors never contain a value."""

    model_config = ConfigDict(extra="forbid")


class Matching(NamedTuple):
    """Annotates text that must match `pattern` as a whole. For other text, the error says `message`.

    Pydantic's own `pattern` would put the regular expression into the error. Here it is only in the JSON schema.
    """

    pattern: str
    message: str

    def check(self, text: str) -> str:
        if re.fullmatch(self.pattern, text) is None:
            raise ValueError(self.message)
        return text

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> Any:
        return AfterValidator(self.check).__get_pydantic_core_schema__(source, handler)

    def __get_pydantic_json_schema__(self, schema: Any, handler: Any) -> Any:
        return {**handler(schema), "pattern": f"^(?:{self.pattern})$"}


def _number(value: Any) -> Any:
    """Rejects what pydantic also accepts as a number: the text "1.10", `true`, and floats, which are inexact."""
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        raise ValueError("must be a number")  # noqa: TRY004 pydantic does not catch a TypeError
    return value


def documented_amount(maximum: int) -> WithJsonSchema:
    """The format `double` holds each amount exactly. Without a format, some generators use 32 bits, which do not."""
    bounds = {"minimum": 0, "maximum": maximum}
    return WithJsonSchema({"type": "number", "format": "double", **bounds, "description": "at most two decimals"})


MAX_AMOUNT = 999_999_999_999
EXACT = BeforeValidator(_number)  # put it after the `Field`: before it, pydantic omits the bounds from the schema
Amount = Annotated[
    Decimal,
    Field(ge=0, le=MAX_AMOUNT, decimal_places=2),
    EXACT,
    PlainSerializer(float, return_type=float, when_used="json"),  # exact: a float holds 15 digits, and an amount has 14
    documented_amount(MAX_AMOUNT),
]


def _text(pattern: str, message: str) -> BeforeValidator:
    matching = Matching(pattern, message)
    return BeforeValidator(lambda value: matching.check(value) if isinstance(value, str) else value)


# For query parameters. Pydantic also accepts 1_0, +5, 5.0, spaces, digits of other scripts, and on, t and y for true.
INTEGER = _text("0|-?[1-9][0-9]*", "must be a whole number in decimal digits, such as 20")
BOOLEAN = _text("true|false", "must be true or false")


class PageQuery(Input):
    """The query of a paged list. Without a cursor, it starts at the first page."""

    limit: Annotated[int, Field(ge=1, le=100), INTEGER] = Field(
        20, description="the most items to return; a page may have fewer, so follow `nextCursor`"
    )
    cursor: Annotated[str, Field(min_length=1, max_length=2048)] | Absent = Field(
        None, description="the `nextCursor` of the previous page; null there means that it was the last page"
    )
