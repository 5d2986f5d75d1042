import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from chassis.core import strictjson
from chassis.core.fields import Amount, Input, Model, PageQuery


class Price(Input):
    value: Amount


class Stored(Model):
    value: Amount


AMOUNTS = st.decimals(0, Decimal(999999999999), places=2)


@given(AMOUNTS)
def test_amount_survives_a_round_trip(amount: Decimal) -> None:
    written = json.dumps(Price(value=amount).model_dump(mode="json"))
    assert Price.model_validate(strictjson.loads(written)).value == amount
    assert isinstance(json.loads(written)["value"], float)
    assert Stored(value=amount).model_dump()["value"] == amount


@given(AMOUNTS, st.integers(1, 999))
def test_sum_of_amounts_is_exact(amount: Decimal, quantity: int) -> None:
    assert sum([Price(value=amount).value] * quantity, Decimal(0)) == amount * quantity


@pytest.mark.parametrize(
    "value",
    ["1.10", 1.1, True, None, [], -1, Decimal("-0.01"), Decimal("0.001"), Decimal("NaN"), 10**12],
)
def test_invalid_amounts_are_rejected(value: Any) -> None:
    with pytest.raises(ValidationError):
        Price(value=value)


def test_schema_of_an_amount_is_a_number() -> None:
    assert Price.model_json_schema()["properties"]["value"]["type"] == "number"


def test_validation_error_does_not_contain_the_value() -> None:
    with pytest.raises(ValidationError) as raised:
        Price.model_validate({"value": "4111111111113322"})
    assert "4111111111113322" not in str(raised.value)


def test_input_rejects_unknown_fields_and_model_ignores_them() -> None:
    with pytest.raises(ValidationError):
        Price.model_validate({"value": 1, "more": 2})
    assert Stored.model_validate({"value": 1, "more": 2}) == Stored(value=Decimal(1))


def test_models_are_immutable() -> None:
    with pytest.raises(ValidationError):
        Stored(value=Decimal(1)).value = Decimal(2)  # type: ignore[misc] # mypy knows too


def test_default_page_has_20_rows() -> None:
    assert PageQuery() == PageQuery(limit=20, cursor=None)


@pytest.mark.parametrize("query", [{"limit": 0}, {"limit": 101}, {"cursor": ""}, {"cursor": "x" * 2049}, {"more": 1}])
def test_page_query_out_of_bounds_is_rejected(query: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        PageQuery.model_validate(query)
