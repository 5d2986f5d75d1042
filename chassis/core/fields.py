"""Pydantic building blocks: base models, text of a form, exact decimals, and the query of a paged list."""

import re
from decimal import Decimal
from typing import Annotated, Any, NamedTuple

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, WithJsonSchema
from pydantic.json_schema import SkipJsonSchema

Absent = SkipJsonSchema[None]  # what a parameter left out is: no text that a client could send means null


class Model(BaseModel):
    """What we wrote or someone else sends: immutable, unknown fields are left aside."""

    model_config = ConfigDict(frozen=True, hide_input_in_errors=True)


class Input(Model):
    """What a client writes: an unknown field is a mistake to be told; errors never repeat a value."""

    model_config = ConfigDict(extra="forbid")


class Matching(NamedTuple):
    """Annotates text that matches `pattern` as a whole. Whoever sends other text is told `words`.

    Pydantic's own `pattern` would show the regular expression. Here only the JSON schema does.
    """

    pattern: str
    words: str

    def check(self, text: str) -> str:
        if re.fullmatch(self.pattern, text) is None:
            raise ValueError(self.words)
        return text

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> Any:
        return AfterValidator(self.check).__get_pydantic_core_schema__(source, handler)

    def __get_pydantic_json_schema__(self, schema: Any, handler: Any) -> Any:
        return {**handler(schema), "pattern": f"^(?:{self.pattern})$"}


def _number(value: Any) -> Any:
    """Pydantic would also take the text "1.10" for a decimal, `true` for 1, and a float that is already inexact."""
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        raise ValueError("must be a number")  # noqa: TRY004 pydantic reports a ValueError, and lets a TypeError through
    return value


def documented_amount(maximum: int) -> WithJsonSchema:
    """`double` holds each of these amounts exactly. Without a format some generators take 32 bits, which do not."""
    bounds = {"minimum": 0, "maximum": maximum}
    return WithJsonSchema({"type": "number", "format": "double", **bounds, "description": "at most two decimals"})


MAX_AMOUNT = 999_999_999_999
EXACT = BeforeValidator(_number)  # after a `Field` with bounds: before it, pydantic leaves the bounds undocumented
Amount = Annotated[
    Decimal,
    Field(ge=0, le=MAX_AMOUNT, decimal_places=2),
    EXACT,
    PlainSerializer(float, return_type=float, when_used="json"),  # exact: a float holds 15 digits, and this has 14
    documented_amount(MAX_AMOUNT),
]


def _spelt(pattern: str, words: str) -> BeforeValidator:
    spelling = Matching(pattern, words)
    return BeforeValidator(lambda value: spelling.check(value) if isinstance(value, str) else value)


# Texts of a query. Pydantic would also take 1_0, +5, 5.0, spaces and other scripts' digits; on, t and y.
INTEGER = _spelt("0|-?[1-9][0-9]*", "must be a whole number in decimal digits, such as 20")
BOOLEAN = _spelt("true|false", "must be true or false")


class PageQuery(Input):
    """Without a cursor the list starts at its beginning."""

    limit: Annotated[int, Field(ge=1, le=100), INTEGER] = Field(
        20, description="a maximum: a page may be shorter; follow `nextCursor`"
    )
    cursor: Annotated[str, Field(min_length=1, max_length=2048)] | Absent = Field(
        None, description="the `nextCursor` of the page before; null there means that the list has ended"
    )
