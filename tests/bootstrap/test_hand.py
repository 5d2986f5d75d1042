"""Messages are looked at without harm, whatever happens meanwhile."""

from typing import Any, cast

import pytest

from bootstrap.hand import Selection, in_hand
from tests.bootstrap.fake_sqs import FakeSqs, message

URL = "dlq"


def queue_of(count: int) -> FakeSqs:
    return FakeSqs({URL: [message(f"m-{n}", str(n)) for n in range(count)]})


def found(sqs: FakeSqs, *names: str, most: int = 1000) -> list[str]:
    with in_hand(cast("Any", sqs), URL) as hand:
        return [letter.id for batch in hand.search(Selection(names), most) for letter in batch]


def test_every_message_is_seen_once_and_visible_again() -> None:
    sqs = queue_of(25)
    assert found(sqs) == [f"m-{n}" for n in range(25)]
    assert sqs.hidden == set()
    assert sqs.calls.count("show") == 3


def test_no_more_are_taken_than_were_asked_for() -> None:
    sqs = queue_of(25)
    assert len(found(sqs, most=12)) == 12
    assert sqs.calls.count("receive") == 2


def test_a_search_for_one_ends_when_it_is_found() -> None:
    sqs = queue_of(25)
    assert found(sqs, "m-3") == ["m-3"]
    assert sqs.calls.count("receive") == 1


def test_a_message_is_also_found_by_the_id_in_the_consumers_log() -> None:
    assert found(FakeSqs({URL: [message("m-1", messageId="logged")]}), "logged") == ["m-1"]


def test_what_is_not_found_is_known_to_be_missing() -> None:
    selection = Selection(["m-1", "m-99"])
    with in_hand(cast("Any", queue_of(3)), URL) as hand:
        list(hand.search(selection))
    assert selection.missing == {"m-99"}


def test_messages_that_do_not_stay_hidden_make_no_endless_search() -> None:
    sqs = queue_of(3)
    sqs.forgetful = True
    assert found(sqs) == ["m-0", "m-1", "m-2"]


def test_an_error_meanwhile_leaves_them_visible() -> None:
    sqs = queue_of(3)
    with pytest.raises(IndexError), in_hand(cast("Any", sqs), URL) as hand:
        next(hand.search(Selection()))[99]
    assert sqs.hidden == set()


def test_what_cannot_be_deleted_is_asked_for_three_times_and_then_told() -> None:
    sqs = queue_of(3)
    sqs.stuck = {"m-1"}
    with in_hand(cast("Any", sqs), URL) as hand:
        left = [letter.id for letter in hand.delete(next(hand.search(Selection())))]
    assert left == ["m-1"]
    assert sqs.calls == ["receive", "delete", "delete", "delete", "show"]
    assert sqs.bodies(URL) == ["1"]
