from collections.abc import Callable

import pytest
import structlog

from chassis.core import deadline
from chassis.core.errors import NotFound, Refused, Unavailable
from chassis.messaging.commands import TaskRefused
from services.stock.models import State
from tests.fakes import WriteEffect, after, answer_lost, cancelled, never_arrived, refused
from tests.stock_fakes import FakeStock, StockShop, confirmed, release, reserve


@pytest.fixture
def shop() -> StockShop:
    return StockShop(tea=10, cup=5)


def refusal_of(call: Callable[[], object]) -> TaskRefused:
    with pytest.raises(TaskRefused) as caught:
        call()
    return caught.value


def state(shop: StockShop, order_id: str = "o-1") -> State | None:
    found = shop.stock.reservation(order_id)
    return found.state if found else None


# ── Reserve ──


def test_reservation_takes_the_pieces_of_all_lines(shop: StockShop) -> None:
    assert shop.service.reserve(reserve(tea=3, cup=5)) == {}
    assert (shop.counts("tea"), shop.counts("cup")) == ((7, 3, 0), (0, 5, 0))


def test_reservation_takes_nothing_if_one_product_has_too_few_pieces(shop: StockShop) -> None:
    found = refusal_of(lambda: shop.service.reserve(reserve(tea=3, cup=6)))
    assert (found.error, found.cause) == ("OUT_OF_STOCK", "Too few pieces are available of cup.")
    assert (shop.counts("tea"), shop.counts("cup"), state(shop)) == ((10, 0, 0), (5, 0, 0), None)


def test_order_that_was_out_of_stock_can_reserve_later(shop: StockShop) -> None:
    refusal_of(lambda: shop.service.reserve(reserve(tea=11)))
    shop.service.set_available("tea", 11)
    shop.service.reserve(reserve(tea=11))
    assert shop.counts("tea") == (0, 11, 0)


def test_repeated_command_reserves_once(shop: StockShop) -> None:
    for _ in range(3):
        shop.service.reserve(reserve(tea=10))
    assert shop.counts("tea") == (0, 10, 0)


def test_untracked_product_is_always_available_and_nothing_of_it_is_taken(shop: StockShop) -> None:
    shop.service.reserve(reserve(tea=1, poster=999))
    assert shop.counts("tea") == (9, 1, 0)
    with pytest.raises(NotFound, match="not tracked"):
        shop.service.level("poster")


def test_product_that_becomes_tracked_during_the_reservation_is_counted(shop: StockShop) -> None:
    shop.stock.effects.append(after(lambda: shop.service.set_available("poster", 2)))
    shop.service.reserve(reserve(poster=2))
    assert shop.counts("poster") == (0, 2, 0)


def test_product_whose_last_pieces_go_during_the_reservation_is_out_of_stock(shop: StockShop) -> None:
    shop.stock.effects.append(after(lambda: shop.service.reserve(reserve("o-2", tea=8))))
    assert refusal_of(lambda: shop.service.reserve(reserve(tea=3))).error == "OUT_OF_STOCK"
    assert shop.counts("tea") == (2, 8, 0)


@pytest.mark.parametrize("reads", [0, 1, 2])
def test_copy_that_reserves_at_any_time_is_recognised(shop: StockShop, reads: int) -> None:
    """`reads` is the number of reads that come before it."""
    hooks: list[Callable[[], object]] = [lambda: None] * reads
    shop.stock.effects.append(cancelled)
    shop.stock.after_reads.extend([*hooks, lambda: shop.service.reserve(reserve(tea=10))])
    assert shop.service.reserve(reserve(tea=10)) == {}
    assert shop.counts("tea") == (0, 10, 0)


@pytest.mark.parametrize("effects", [[answer_lost], [never_arrived], [cancelled, answer_lost], [never_arrived] * 3])
def test_lost_answers_and_lost_races_reserve_once(shop: StockShop, effects: list[WriteEffect]) -> None:
    shop.stock.effects.extend(effects)
    assert shop.service.reserve(reserve(tea=10)) == {}
    assert shop.counts("tea") == (0, 10, 0)


def test_conflicts_are_no_shortage(shop: StockShop) -> None:
    shop.stock.effects.extend([cancelled] * 5)
    shop.service.reserve(reserve(tea=10, cup=5))
    assert shop.counts("tea") == (0, 10, 0)


def test_busy_table_is_no_shortage(shop: StockShop) -> None:
    shop.stock.effects.append(refused)
    with pytest.raises(Refused):
        shop.service.reserve(reserve(tea=10))
    shop.service.reserve(reserve(tea=10))
    assert shop.counts("tea") == (0, 10, 0)


@pytest.mark.parametrize("effect", [cancelled, never_arrived])
def test_reservation_that_always_loses_ends_at_the_deadline(shop: StockShop, effect: WriteEffect) -> None:
    deadline.start(0.1)
    shop.stock.effects.extend([effect] * 1000)
    with pytest.raises(Unavailable):
        shop.service.reserve(reserve(tea=1))


# ── Release ──


def test_release_returns_reserved_pieces(shop: StockShop) -> None:
    shop.service.reserve(reserve(tea=3, cup=5))
    assert shop.service.release(release()) == {}
    assert (shop.counts("tea"), shop.counts("cup"), state(shop)) == ((10, 0, 0), (5, 0, 0), State.RELEASED)


def test_release_returns_sold_pieces(shop: StockShop) -> None:
    shop.service.reserve(reserve(tea=3))
    shop.service.sell(confirmed())
    shop.service.release(release())
    assert (shop.counts("tea"), state(shop)) == ((10, 0, 0), State.RELEASED)


def test_repeated_release_returns_pieces_once(shop: StockShop) -> None:
    shop.service.reserve(reserve(tea=3))
    shop.service.release(release())
    released = shop.stock.reservation("o-1")
    shop.clock.pass_(days=1)
    shop.service.release(release())
    assert (shop.counts("tea"), shop.stock.reservation("o-1")) == ((10, 0, 0), released)


def test_reservation_after_its_release_is_closed(shop: StockShop) -> None:
    shop.service.reserve(reserve(tea=3))
    shop.service.release(release())
    found = refusal_of(lambda: shop.service.reserve(reserve(tea=3)))
    assert (found.error, found.cause) == ("RESERVATION_CLOSED", "The stock of order o-1 was released before.")
    assert shop.counts("tea") == (10, 0, 0)


@pytest.mark.parametrize("pieces", [3, 11])
def test_release_that_overtakes_the_reservation_closes_it(shop: StockShop, pieces: int) -> None:
    shop.service.release(release())
    assert refusal_of(lambda: shop.service.reserve(reserve(tea=pieces))).error == "RESERVATION_CLOSED"
    assert shop.counts("tea") == (10, 0, 0)


def test_release_during_the_reservation_closes_it(shop: StockShop) -> None:
    shop.stock.effects.append(after(lambda: shop.service.release(release())))
    assert refusal_of(lambda: shop.service.reserve(reserve(tea=3))).error == "RESERVATION_CLOSED"
    assert shop.counts("tea") == (10, 0, 0)


def test_reservation_during_its_release_is_released(shop: StockShop) -> None:
    shop.stock.effects.append(after(lambda: shop.service.reserve(reserve(tea=3))))
    shop.service.release(release())
    assert (shop.counts("tea"), state(shop)) == ((10, 0, 0), State.RELEASED)


def test_sale_during_the_release_is_released_from_the_sold_pieces(shop: StockShop) -> None:
    shop.service.reserve(reserve(tea=3))
    shop.stock.effects.append(after(lambda: shop.service.sell(confirmed())))
    shop.service.release(release())
    assert (shop.counts("tea"), state(shop)) == ((10, 0, 0), State.RELEASED)


@pytest.mark.parametrize("effects", [[answer_lost], [never_arrived], [cancelled, answer_lost], [never_arrived] * 3])
@pytest.mark.parametrize("sold", [False, True])
def test_lost_answers_release_once(shop: StockShop, effects: list[WriteEffect], sold: bool) -> None:
    shop.service.reserve(reserve(tea=3))
    if sold:
        shop.service.sell(confirmed())
    shop.stock.effects.extend(effects)
    shop.service.release(release())
    assert shop.counts("tea") == (10, 0, 0)


def test_product_tracked_after_the_reservation_gets_nothing_back(shop: StockShop) -> None:
    shop.service.reserve(reserve(poster=4))
    shop.service.set_available("poster", 2)
    shop.service.release(release())
    assert shop.counts("poster") == (2, 0, 0)


def test_level_set_between_reservation_and_release_gets_the_pieces_back(shop: StockShop) -> None:
    shop.service.reserve(reserve(tea=3))
    shop.service.set_available("tea", 20)
    assert shop.counts("tea") == (20, 3, 0)
    shop.service.release(release())
    assert shop.counts("tea") == (23, 0, 0)


def test_release_ends_and_reports_pieces_that_no_level_counts(shop: StockShop) -> None:
    """Somebody deleted a row and changed another one by hand."""
    shop.service.reserve(reserve(tea=3, cup=2, pot=1))
    stock = shop.stock.stock
    assert isinstance(stock, FakeStock)
    del stock.rows["tea"]
    stock.rows["cup"] = stock.rows["cup"].model_copy(update={"reserved": 1})
    with structlog.testing.capture_logs() as lines:
        shop.service.release(release())
    assert [line["product_ids"] for line in lines if line["log_level"] == "error"] == [["cup", "tea"]]
    assert (shop.counts("cup"), state(shop)) == ((3, 1, 0), State.RELEASED)


# ── Sell ──


def test_confirmed_order_sells_its_reserved_pieces(shop: StockShop) -> None:
    shop.service.reserve(reserve(tea=3, poster=1))
    for _ in range(3):
        shop.service.sell(confirmed())
    assert (shop.counts("tea"), state(shop)) == ((7, 0, 3), State.SOLD)


def test_repeated_reservation_after_the_sale_takes_nothing_more(shop: StockShop) -> None:
    shop.service.reserve(reserve(tea=3))
    shop.service.sell(confirmed())
    assert shop.service.reserve(reserve(tea=3)) == {}
    assert (shop.counts("tea"), state(shop)) == ((7, 0, 3), State.SOLD)


@pytest.mark.parametrize("before", ["a release", "nothing"])
def test_confirmation_without_reserved_pieces_is_ignored(shop: StockShop, before: str) -> None:
    if before == "a release":
        shop.service.reserve(reserve(tea=3))
        shop.service.release(release())
    shop.service.sell(confirmed())
    assert shop.counts("tea") == (10, 0, 0)
    assert state(shop) == (State.RELEASED if before == "a release" else None)


@pytest.mark.parametrize("effects", [[answer_lost], [never_arrived], [cancelled, answer_lost]])
def test_lost_answers_sell_once(shop: StockShop, effects: list[WriteEffect]) -> None:
    shop.service.reserve(reserve(tea=3))
    shop.stock.effects.extend(effects)
    shop.service.sell(confirmed())
    assert shop.counts("tea") == (7, 0, 3)


# ── Levels ──


def test_first_level_starts_to_track_the_product(shop: StockShop) -> None:
    row = shop.service.set_available("pot", 4)
    assert (row.available, row.previousAvailable, shop.counts("pot")) == (4, None, (4, 0, 0))


def test_new_level_leaves_reserved_and_sold_pieces_and_names_the_previous_level(shop: StockShop) -> None:
    shop.service.reserve(reserve("o-1", tea=3))
    shop.service.reserve(reserve("o-2", tea=2))
    shop.service.sell(confirmed("o-2"))
    row = shop.service.set_available("tea", 0)
    assert (row.previousAvailable, shop.counts("tea")) == (5, (0, 3, 2))


def test_level_is_what_it_was_just_before_the_write(shop: StockShop) -> None:
    shop.stock.effects.append(after(lambda: shop.service.reserve(reserve(tea=4))))
    row = shop.service.set_available("tea", 20)
    assert (row.previousAvailable, shop.counts("tea")) == (6, (20, 4, 0))


def test_concurrent_levels_are_set_one_after_the_other(shop: StockShop) -> None:
    shop.stock.effects.append(after(lambda: shop.service.set_available("tea", 7)))
    row = shop.service.set_available("tea", 20)
    assert (row.previousAvailable, shop.counts("tea")) == (7, (20, 0, 0))


@pytest.mark.parametrize("product_id", ["tea", "pot"])
def test_level_whose_answer_was_lost_is_not_set_again_over_a_reservation(shop: StockShop, product_id: str) -> None:
    def then_reserve(write: Callable[[], bool]) -> bool:
        write()
        shop.service.reserve(reserve("o-1", **{product_id: 5}))
        raise Unavailable("DynamoDB does not answer.")

    shop.stock.effects.append(then_reserve)
    row = shop.service.set_available(product_id, 20)
    assert (row.available, shop.counts(product_id)) == (15, (15, 5, 0))
    assert row.previousAvailable == (10 if product_id == "tea" else None)


def test_level_that_another_change_replaced_after_a_lost_answer_has_an_unknown_outcome(shop: StockShop) -> None:
    def then_change(write: Callable[[], bool]) -> bool:
        write()
        shop.service.set_available("tea", 7)
        raise Unavailable("DynamoDB does not answer.")

    shop.stock.effects.append(then_change)
    with pytest.raises(Unavailable, match="unknown whether the change was made"):
        shop.service.set_available("tea", 20)
    assert shop.counts("tea") == (7, 0, 0)


def test_untracked_product_has_no_level(shop: StockShop) -> None:
    with pytest.raises(NotFound, match="Product pot is not tracked"):
        shop.service.level("pot")
