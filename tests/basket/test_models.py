from collections import Counter
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from pydantic import ValidationError

from chassis.core.errors import Invalid, NotFound
from services.basket.models import MAX_LINES, MAX_QUANTITY, Basket, BasketInput, LineInput, Listing

PRODUCTS = ["p-1", "p-2", "p-3"]
prices = st.decimals(0, 1_000_000, places=2)
listings = st.fixed_dictionaries({name: st.builds(Listing, st.just(name.upper()), prices) for name in PRODUCTS})
lines = st.builds(
    LineInput, productId=st.sampled_from(PRODUCTS), quantity=st.integers(1, 99), color=st.sampled_from(["", "Red"])
)


def empty() -> Basket:
    return Basket(userName="swn", items=[], version="v0")


@given(st.lists(lines, max_size=10), listings)
def test_added_lines_sum_the_quantities_per_product_and_colour(
    wanted: list[LineInput], known: dict[str, Listing]
) -> None:
    basket = empty().replaced(wanted, known)
    expected: Counter[tuple[str, str]] = Counter()
    for line in wanted:
        expected[line.productId, line.color] += line.quantity
    assert {line.key: line.quantity for line in basket.items} == expected
    assert len(basket.items) == len(expected)


@given(st.lists(lines, max_size=10), listings)
def test_total_is_the_exact_sum_of_price_times_quantity(wanted: list[LineInput], known: dict[str, Listing]) -> None:
    view = empty().replaced(wanted, known).priced(known)
    cents = sum(int(known[line.productId].price * 100) * line.quantity for line in wanted)
    assert view.totalPrice * 100 == cents
    assert Decimal(repr(view.model_dump(mode="json")["totalPrice"])) == view.totalPrice


def test_line_has_the_added_price_and_the_current_price() -> None:
    wanted = LineInput(productId="p-1", quantity=1)
    old = empty().with_line(wanted, {"p-1": Listing("P", Decimal(10))})
    new = {"p-1": Listing("P2", Decimal("9.90"))}
    (line,) = old.with_line(wanted, new).priced(new).items
    assert (line.quantity, line.addedPrice, line.price) == (2, Decimal(10), Decimal("9.90"))


def test_deleted_product_has_no_price_and_is_not_in_the_total() -> None:
    known = {"p-1": Listing("P", Decimal(10)), "p-2": Listing("Q", Decimal(5))}
    wanted = [LineInput(productId=name, quantity=2) for name in known]
    view = empty().replaced(wanted, known).priced({"p-2": known["p-2"]})
    assert [line.price for line in view.items] == [None, Decimal(5)]
    assert view.totalPrice == 10


@given(st.lists(lines, min_size=1, max_size=10), listings, st.sampled_from([None, "", "Red"]))
def test_removing_takes_one_colour_or_all_and_keeps_the_rest(
    wanted: list[LineInput], known: dict[str, Listing], color: str | None
) -> None:
    basket = empty().replaced(wanted, known)
    dropped = {line.key for line in basket.items if line.productId == "p-1" and color in {None, line.color}}
    assume(dropped)
    after = basket.without("p-1", color)
    assert {line.key for line in after.items} == {line.key for line in basket.items} - dropped
    with pytest.raises(NotFound):
        after.without("p-1", color)


def test_basket_remembers_its_last_ten_writes() -> None:
    basket = empty()
    for number in range(12):
        basket = basket.written_as(f"v{number}")
    assert (basket.version, basket.recent) == ("v11", [f"v{number}" for number in range(1, 11)])
    assert all(basket.contains_write({f"v{number}"}) for number in range(1, 12))
    assert not basket.contains_write({"v0"})
    assert not basket.contains_write(set())


def test_line_has_at_most_999_pieces() -> None:
    known = {"p-1": Listing("P", Decimal(10))}
    full = empty().with_line(LineInput(productId="p-1", quantity=MAX_QUANTITY), known)
    with pytest.raises(Invalid, match="999 pieces"):
        full.with_line(LineInput(productId="p-1", quantity=1), known)


def test_basket_has_at_most_100_lines() -> None:
    known = {"p-1": Listing("P", Decimal(10))}
    colours = [LineInput(productId="p-1", quantity=1, color=str(n)) for n in range(MAX_LINES + 1)]
    full = empty().replaced(colours[:-1], known)
    with pytest.raises(Invalid, match="100 lines"):
        full.with_line(colours[-1], known)
    with pytest.raises(ValidationError):
        BasketInput(userName="swn", items=colours)


@pytest.mark.parametrize(
    "wrong",
    [
        *({"quantity": quantity} for quantity in (0, 1000, 1.5, "3", True)),
        *({"productId": "a/b"}, {"color": "x" * 51}, {"colour": ""}),
    ],
)
def test_invalid_line_is_rejected(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        LineInput.model_validate({"productId": "p-1", "quantity": 1} | wrong)


@pytest.mark.parametrize("name", ["", "a b", "x" * 255, "a/b", "swn\n", "ünal", "..", "a;b"])
def test_invalid_user_name_is_rejected(name: str) -> None:
    with pytest.raises(ValidationError):
        BasketInput(userName=name, items=[])


@given(st.fixed_dictionaries({name: st.floats() | st.text() for name in ("price", "productName", "addedPrice")}))
def test_names_and_prices_of_the_client_are_accepted_and_ignored(theirs: dict[str, Any]) -> None:
    wanted = LineInput.model_validate({"productId": "p-1", "quantity": 1} | theirs)
    (line,) = empty().with_line(wanted, {"p-1": Listing("P", Decimal(10))}).items
    assert (line.productName, line.addedPrice) == ("P", Decimal(10))
