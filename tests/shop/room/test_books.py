"""The books: accepted = final + under way + lost, whatever is where."""

from uuid import UUID

import pytest

from shop.room.books import FINAL, ON_THE_WAY, Books, Tally, placed_at, tally
from tests.shop.room.test_watch import Clock, FakeAws, gauges

NOW = 1_800_000_000.0


def order_id(number: int, age: float = 100) -> str:
    """A UUIDv7."""
    return str(UUID(int=(int((NOW - age) * 1000) << 80) | (7 << 76) | (2 << 62) | number))


IDS = [order_id(number) for number in range(6)]


def count(
    receipts: list[str],
    orders: dict[str, str],
    outbox: tuple[str, ...] = (),
    waiting: int = 0,
    dead: int = 0,
) -> Tally:
    found = tally(receipts, outbox, waiting, dead, orders, NOW)
    assert found.accepted == sum(found.final.values()) + found.under_way + found.lost
    return found


def test_everything_final_is_nothing_lost() -> None:
    found = count(IDS[:3], dict(zip(IDS, FINAL, strict=False)))
    assert (found.accepted, found.final, found.under_way, found.lost) == (3, dict.fromkeys(FINAL, 1), 0, 0)


def test_each_place_under_way_counts() -> None:
    orders = {IDS[0]: "CONFIRMED", IDS[1]: "PLACED"}
    found = count(IDS, orders, outbox=(IDS[2],), waiting=2, dead=1)
    assert (found.open, found.outbox, found.queue, found.dead, found.lost) == (1, 1, 2, 1, 0)
    assert found.texts()["book-places"] == (
        "1 in the outbox, 2 in the order queue, 1 in dead-letter queues, 1 being fulfilled"
    )


def test_a_checkout_that_is_nowhere_is_lost() -> None:
    assert count(IDS[:2], {IDS[0]: "CONFIRMED"}).lost == 1


def test_a_checkout_of_this_moment_may_be_on_the_bus() -> None:
    young = order_id(9, age=ON_THE_WAY / 2)
    found = count([young], {})
    assert (found.moving, found.lost) == (1, 0)


def test_copies_and_poison_messages_add_no_checkout() -> None:
    found = count(IDS[:1], {IDS[0]: "CONFIRMED"}, waiting=3, dead=4)
    assert (found.accepted, found.under_way) == (1, 0)


def test_an_order_is_counted_once_while_it_moves_on() -> None:
    """Between two reads, its event may be in the outbox and the order in the table."""
    assert count(IDS[:1], {IDS[0]: "PLACED"}, outbox=(IDS[0],), waiting=1).under_way == 1


def test_orders_whose_receipt_has_expired_still_count() -> None:
    assert count([], {IDS[0]: "CONFIRMED"}).accepted == 1


@pytest.mark.parametrize("text", ["", "o-1", "x" * 36])
def test_id_of_another_form_is_old(text: str) -> None:
    assert placed_at(text) == 0


def test_books_are_read_from_a_restored_table_and_all_pages_of_the_outbox() -> None:
    aws, clock = FakeAws(), Clock()
    aws.tables |= {
        "shop-receipt": [{"orderId": {"S": each}} for each in IDS[:3]],
        "shop-basket-outbox": [{"detail": {"S": f'{{"data": {{"orderId": "{each}"}}}}'}} for each in IDS[1:3]],
        "shop-order-2": [{"orderId": {"S": IDS[0]}, "status": {"S": "CONFIRMED"}}],
    }
    names = {"receipt": "shop-receipt", "order": "shop-order-2"}
    books = Books(aws, names.__getitem__, gauges(aws, clock), lambda: NOW)  # type: ignore[arg-type] # a fake
    texts = books.texts()
    assert (texts["book-ends"], texts["book-places"], texts["book-lost"]) == ("1 confirmed", "2 in the outbox", "0")
