from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from tests.payment.fakes import authorize, void


@given(st.decimals(0, 999_999_999_999, places=2))
def test_amount_is_exact(amount: Decimal) -> None:
    assert authorize(amount=str(amount)).amount == amount


@pytest.mark.parametrize("text", ["0", "36", "36.9", "36.90", "999999999999.99"])
def test_amount_may_have_up_to_two_decimals(text: str) -> None:
    assert str(authorize(amount=text).amount) == text


@pytest.mark.parametrize(
    "wrong",
    [
        {"amount": 36.9},
        {"amount": 36},
        {"amount": None},
        {"amount": ""},
        {"amount": "-1"},
        {"amount": "1e3"},
        {"amount": "36.905"},
        {"amount": "036.90"},
        {"amount": "1,50"},
        {"amount": "٣"},
        {"amount": "NaN"},
        {"amount": "1" * 13},
        {"orderId": "a/b"},
        {"userName": ".."},
        {"paymentToken": "t" * 65},
    ],
)
def test_command_with_wrong_fields_is_rejected_without_their_values(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError) as caught:
        authorize(**wrong)
    assert "36.905" not in str(caught.value)


def test_command_without_a_token_is_accepted() -> None:
    """Orders of before the token have none."""
    assert authorize(paymentToken="").paymentToken == ""


def test_void_needs_no_amount() -> None:
    assert void().orderId == "o-1"
