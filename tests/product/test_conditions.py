import pytest
from pydantic import ValidationError

from services.product.conditions import Conditions


@pytest.mark.parametrize(
    ("if_match", "met"),
    [
        (None, True),
        ("*", True),
        ('"3"', True),
        ('"2", "3"', True),
        (', "3" ,,', True),
        ('"2"', False),
        ('W/"3"', False),  # weak tags are never equal in a strong comparison
        ("", False),
    ],
)
def test_if_match_needs_one_strong_tag_of_the_version(if_match: str | None, met: bool) -> None:
    assert Conditions(if_match=if_match).meets_if_match(3) is met


@pytest.mark.parametrize(
    ("if_none_match", "met"),
    [(None, True), ("*", False), ('"3"', False), ('W/"3"', False), ('"2", W/"3"', False), ('"2"', True), ("", True)],
)
def test_if_none_match_needs_no_tag_of_the_version(if_none_match: str | None, met: bool) -> None:
    assert Conditions(if_none_match=if_none_match).meets_if_none_match(3) is met


@pytest.mark.parametrize(
    ("if_match", "if_none_match", "met"),
    [('"3"', '"2"', True), ('"3"', '"3"', False), ('"2"', '"2"', False), (None, None, True)],
)
def test_both_conditions_must_be_met(if_match: str | None, if_none_match: str | None, met: bool) -> None:
    assert Conditions(if_match=if_match, if_none_match=if_none_match).are_met(3) is met


@pytest.mark.parametrize("text", ["3", '"3', '"3" "4"', "*, *", '"a b"'])
def test_invalid_list_of_tags_is_rejected_with_an_example(text: str) -> None:
    with pytest.raises(ValidationError, match='such as "3" or "3", "4"'):
        Conditions(if_match=text)
