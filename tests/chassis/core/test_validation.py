import pytest
from pydantic import BaseModel, Field, ValidationError, field_validator

from chassis.core.validation import faults, invalid_fields


class Item(BaseModel):
    price: int = Field(ge=0)


class Order(BaseModel):
    items: list[Item]
    card: str

    @field_validator("card")
    @classmethod
    def check_card(cls, card: str) -> str:
        raise ValueError("must be a card")


def test_faults_have_the_path_and_the_message_but_not_the_value() -> None:
    with pytest.raises(ValidationError) as raised:
        Order.model_validate({"items": [{"price": 1}, {"price": -4111}], "card": "4222"})
    assert faults(raised.value) == [
        ("items.1.price", "Input should be greater than or equal to 0"),
        ("card", "must be a card"),
    ]
    assert invalid_fields(raised.value) == ["items.1.price", "card"]


def test_fault_of_the_whole_value_has_an_empty_path() -> None:
    with pytest.raises(ValidationError) as raised:
        Order.model_validate([])
    assert invalid_fields(raised.value) == [""]
