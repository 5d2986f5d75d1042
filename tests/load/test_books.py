"""The books find an order that is lost and one that is doubled, and accept what is neither."""

import io
import json

import pytest

from load.books import Books, compare
from load.orders import Order
from load.record import Entry, FileRecord, Written, read


def asked(key: str, user: str = "ann") -> Entry:
    return Entry(1.0, user, key)


def answered(key: str, order_id: str = "", status: int = 202, user: str = "ann") -> Entry:
    return Entry(2.0, user, key, status, order_id, 30.0)


def placed(order_id: str, status: str = "CONFIRMED", user: str = "ann") -> Order:
    return Order(order_id, user, status, 2.1, 2.5)


def books(entries: list[Entry], *orders: Order) -> Books:
    return compare(Written(0.0, entries), orders)


TWO = [asked("k-1"), answered("k-1", "o-1"), asked("k-2"), answered("k-2", "o-2")]


def test_accepted_checkouts_are_final_orders_when_all_is_well() -> None:
    found = books(TWO, placed("o-1"), placed("o-2", "REJECTED"))
    assert found.balance
    assert (found.accepted, found.final, dict(found.statuses)) == (2, 2, {"CONFIRMED": 1, "REJECTED": 1})
    assert str(found) == (
        "accepted 2 = final 2 + under way 0 + lost 0, duplicated 0, without an answer 0 (1 CONFIRMED, 1 REJECTED)"
    )


def test_an_order_that_is_not_there_is_lost() -> None:
    found = books(TWO, placed("o-1"))
    assert found.lost == ["o-2"]
    assert not found.balance


@pytest.mark.parametrize("status", ["PLACED", "REJECTING", "CANCELLING"])
def test_an_order_that_is_open_is_under_way(status: str) -> None:
    found = books(TWO, placed("o-1"), placed("o-2", status))
    assert (found.under_way, found.lost, found.final) == (["o-2"], [], 1)
    assert not found.balance


def test_a_second_order_for_one_key_is_a_duplicate() -> None:
    found = books([*TWO, answered("k-2", "o-3")], placed("o-1"), placed("o-2"), placed("o-3"))
    assert (found.accepted, found.duplicated) == (2, ["o-3"])
    assert not found.balance


def test_an_order_that_no_checkout_explains_is_a_duplicate() -> None:
    found = books(TWO, placed("o-1"), placed("o-2"), placed("o-9"))
    assert found.duplicated == ["o-9"]


def test_an_order_that_is_listed_twice_is_a_duplicate() -> None:
    assert books(TWO, placed("o-1"), placed("o-2"), placed("o-2")).duplicated == ["o-2"]


@pytest.mark.parametrize("answers", [[], [answered("k-3", status=0)], [answered("k-3", status=503)]])
def test_a_checkout_without_an_answer_may_have_one_order(answers: list[Entry]) -> None:
    unknown = [*TWO, asked("k-3"), *answers]
    assert books(unknown, placed("o-1"), placed("o-2"), placed("o-3")).balance
    assert books(unknown, placed("o-1"), placed("o-2")).balance
    found = books(unknown, placed("o-1"), placed("o-2"), placed("o-3"), placed("o-4"))
    assert (found.unanswered, found.duplicated) == (1, ["o-4"])


def test_a_checkout_of_another_customer_explains_no_order() -> None:
    found = books([*TWO, asked("k-3", "bob")], placed("o-1"), placed("o-2"), placed("o-3", user="ann"))
    assert found.duplicated == ["o-3"]


def test_a_checkout_that_was_refused_explains_no_order() -> None:
    refused = [asked("k-3"), answered("k-3", status=409)]
    assert books([*TWO, *refused], placed("o-1"), placed("o-2")).balance
    assert books([*TWO, *refused], placed("o-1"), placed("o-2"), placed("o-3")).duplicated == ["o-3"]


def test_a_double_click_and_a_retry_are_one_checkout() -> None:
    entries = [asked("k-1"), asked("k-1"), answered("k-1", status=503), answered("k-1", "o-1"), answered("k-1", "o-1")]
    found = books(entries, placed("o-1"))
    assert (found.accepted, found.unanswered, found.balance) == (1, 0, True)


def test_a_record_is_read_as_it_was_written() -> None:
    file = io.StringIO()
    record = FileRecord(file)
    record.started(12.5)
    for entry in TWO:
        record.add(entry)
    assert read(file.getvalue().splitlines(keepends=True)) == Written(12.5, TWO)


def test_a_last_line_that_is_not_complete_is_ignored() -> None:
    assert read([f"{json.dumps({'started': 1.0})}\n", '{"at": 2.0, "us']) == Written(1.0, [])
