import math
from typing import Any

import pytest

from services.storefront.models import Visitor
from services.storefront.service import Storefront, _number
from services.storefront.shown import drawing, money, paint
from tests.storefront.fakes import BASKET, FakeApi, refusal


@pytest.mark.parametrize(
    ("typed", "sent"),
    [("2", 2), (" 2 ", 2), ("2.0", 2), ("12.30", 12.3), ("", ""), ("two", "two"), ("NaN", "NaN"), ("1e400", "1e400")],
)
def test_numbers_are_sent_as_numbers_and_anything_else_as_typed(typed: str, sent: Any) -> None:
    found = _number(typed)
    assert (found, type(found)) == (sent, type(sent))


def test_no_number_is_infinite() -> None:
    assert not any(isinstance(it, float) and math.isinf(it) for it in map(_number, ("1e400", "-1e999", "inf")))


@pytest.mark.parametrize("typed", ["1e999999", "-1e1000000", "1e999999999", "0e999999999", "NaN", "sNaN", "Infinity"])
def test_number_that_no_field_has_is_sent_and_shown_as_it_was_typed(typed: str) -> None:
    assert (_number(typed), money(typed)) == (typed, typed)


@pytest.mark.parametrize(("user", "path"), [("auth0|5/7", "/basket/auth0%7C5%2F7"), ("..", "/basket/%20")])
def test_user_is_one_part_of_a_path(user: str, path: str) -> None:
    api = FakeApi()
    Storefront(api).basket(Visitor(user))
    assert api.calls[0][1] == path


def test_user_without_a_basket_has_an_empty_one() -> None:
    assert Storefront(FakeApi()).basket(Visitor("ann")).items == []


def test_line_that_another_window_removed_is_no_error() -> None:
    Storefront(FakeApi()).remove(Visitor("ann"), "p-1", "")


def test_line_that_cannot_be_removed_is_an_error() -> None:
    api = FakeApi(**{"DELETE /basket/ann/items/p-1": refusal(503)})
    with pytest.raises(Exception, match="No"):
        Storefront(api).remove(Visitor("ann"), "p-1", "")


def test_basket_counts_its_pieces() -> None:
    assert Storefront(FakeApi(**{"GET /basket/ann": BASKET})).basket(Visitor("ann")).pieces == 2


def test_every_category_has_a_drawing_and_every_product_a_colour() -> None:
    assert [drawing(name) for name in ("Phone", "Book", "Kitchen", "")] == ["phone", "book", "other", "other"]
    assert {paint(f"p-{n}") for n in range(50)} == {*range(6)}


def test_amounts_have_two_decimals_and_other_text_stays() -> None:
    assert [money(1234.5), money("1850.5"), money("x")] == ["1,234.50", "1,850.50", "x"]
