"""What is kept of a card number: its last four digits, and the token that payment's provider knows the card by.

A shop with a real provider gets the token from the provider's form in the browser. This function takes its place: the
numbers are the provider's test numbers, so a checkout can choose how its payment ends. See docs/services.md.
"""

import re
from typing import Self

APPROVED = "tok_approved"
TEST_CARDS = {
    "4000000000000002": "tok_declined",
    "4000000000009995": "tok_insufficient_funds",
    "4000000000000119": "tok_silent",
    "4000000000000127": "tok_late",
    "4000000000000069": "tok_twice",
    "4000000000000101": "tok_down",
}


class Card(str):
    """The last four digits of a card number. No code after `read` sees the other digits."""

    __slots__ = ("token",)
    token: str

    @classmethod
    def read(cls, number: str) -> Self:
        """`number` may contain spaces and hyphens."""
        digits = re.sub("[^0-9]", "", number)
        card = cls(digits[-4:])
        card.token = TEST_CARDS.get(digits, APPROVED)
        return card
