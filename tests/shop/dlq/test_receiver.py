"""Receiving does no harm to messages, even if something fails meanwhile."""

from typing import Any, cast

import pytest

from shop.dlq.receiver import Selection, receiving
from tests.shop.dlq.fake_sqs import FakeSqs, message

URL = "dlq"


def queue_of(count: int) -> FakeSqs:
    return FakeSqs({URL: [message(f"m-{n}", str(n)) for n in range(count)]})


def found(sqs: FakeSqs, *ids: str, most: int = 1000) -> list[str]:
    with receiving(cast("Any", sqs), URL) as receiver:
        return [letter.id for batch in receiver.search(Selection(ids), most) for letter in batch]


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


def test_ids_that_are_not_found_are_missing() -> None:
    selection = Selection(["m-1", "m-99"])
    with receiving(cast("Any", queue_of(3)), URL) as receiver:
        list(receiver.search(selection))
    assert selection.missing == {"m-99"}


def test_messages_that_do_not_stay_hidden_make_no_endless_search() -> None:
    sqs = queue_of(3)
    sqs.forgetful = True
    assert found(sqs) == ["m-0", "m-1", "m-2"]


def test_after_an_error_messages_are_visible_again() -> None:
    sqs = queue_of(3)
    with pytest.raises(IndexError), receiving(cast("Any", sqs), URL) as receiver:
        next(receiver.search(Selection()))[99]
    assert sqs.hidden == set()


def test_deletion_is_tried_three_times_and_what_stays_is_returned() -> None:
    sqs = queue_of(3)
    sqs.stuck = {"m-1"}
    with receiving(cast("Any", sqs), URL) as receiver:
        left = [letter.id for letter in receiver.delete(next(receiver.search(Selection())))]
    assert left == ["m-1"]
    assert sqs.calls == ["receive", "delete", "delete", "delete", "show"]
    assert sqs.bodies(URL) == ["1"]
