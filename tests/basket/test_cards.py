import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.basket.cards import APPROVED, TEST_CARDS, Card

numbers = st.text("0123456789", min_size=8, max_size=19)


@pytest.mark.parametrize(
    ("number", "token"),
    [
        ("4000000000000002", "tok_declined"),
        ("4000 0000 0000 9995", "tok_insufficient_funds"),
        ("4000-0000-0000-0119", "tok_silent"),
        ("4000000000000127", "tok_late"),
        ("4000000000000069", "tok_twice"),
        ("4000000000000101", "tok_down"),
        ("4242424242424242", "tok_approved"),
        ("5554443322", "tok_approved"),
    ],
)
def test_each_documented_card_has_its_token(number: str, token: str) -> None:
    card = Card.read(number)
    assert (card, card.token) == ("".join(filter(str.isdigit, number))[-4:], token)


@given(numbers.filter(lambda number: number not in TEST_CARDS))
def test_token_of_any_other_card_says_nothing_about_its_number(number: str) -> None:
    assert Card.read(number).token == APPROVED


@given(numbers)
def test_only_four_digits_of_the_number_are_in_the_card(number: str) -> None:
    card = Card.read(number)
    assert card == number[-4:]
    assert number not in f"{card!r} {card.token}"
