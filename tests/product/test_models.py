from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from services.product.models import ProductChanges, ProductFields
from tests.samples import PHONE


@given(st.decimals(0, 1_000_000, places=2))
def test_price_with_two_decimals_is_exact(price: Decimal) -> None:
    assert ProductFields.model_validate(PHONE | {"price": price}).price == price


@pytest.mark.parametrize("price", [Decimal("0.001"), -1, Decimal("1000000.01"), "1.10", 1.1, True, None])
def test_price_is_an_exact_number_from_0_to_a_million(price: Any) -> None:
    with pytest.raises(ValidationError):
        ProductFields.model_validate(PHONE | {"price": price})


@pytest.mark.parametrize(
    "wrong", [{"name": ""}, {"name": "x" * 201}, {"category": ""}, {"description": "x" * 2001}, {"colour": "Red"}]
)
def test_fields_have_maximum_lengths_and_unknown_ones_are_rejected(wrong: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        ProductFields.model_validate(PHONE | wrong)
    with pytest.raises(ValidationError):
        ProductChanges.model_validate(wrong)


@pytest.mark.parametrize("field", ["name", "description", "imageFile", "category", "price"])
def test_change_cannot_set_a_field_to_null(field: str) -> None:
    with pytest.raises(ValidationError):
        ProductChanges.model_validate({field: None})


def test_schema_of_changes_has_no_defaults() -> None:
    fields = ProductChanges.model_json_schema()["properties"].values()
    assert all("default" not in field for field in fields)
