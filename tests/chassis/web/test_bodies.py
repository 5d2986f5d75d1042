"""Models as the bodies of responses."""

import json
from decimal import Decimal

from chassis.core.fields import MAX_AMOUNT, Amount, Model
from chassis.web.bodies import json_of


class Thing(Model):
    name: str
    price: Amount
    note: str | None = None


def test_a_model_becomes_the_same_json_as_before_it_was_written_by_pydantic() -> None:
    thing = Thing(name='Café "été" \u2028 🫖', price=Decimal("12.30"))

    answer = json_of(thing)

    assert answer.content_type == "application/json"
    assert json.loads(answer.data) == json.loads(json.dumps(thing.model_dump(mode="json")))
    assert answer.data.endswith(b"}\n")


def test_amounts_keep_their_cents_up_to_the_largest() -> None:
    for price in (Decimal("0.01"), Decimal("0.10"), Decimal(1000000), MAX_AMOUNT - Decimal("0.01")):
        read = json.loads(json_of(Thing(name="x", price=price)).data, parse_float=Decimal, parse_int=Decimal)

        assert read["price"] == price


def test_options_leave_fields_out() -> None:
    assert json_of(Thing(name="x", price=Decimal(1)), exclude_none=True).json == {"name": "x", "price": 1}
