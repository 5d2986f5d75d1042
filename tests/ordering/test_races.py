"""A cancellation, a sweep or a second execution in between any two steps of an order's saga."""

from collections.abc import Callable, Iterator
from functools import partial
from itertools import combinations

import pytest

from services.ordering.lifecycle import Step
from services.ordering.models import OrderRow
from tests.fakes import OrderShop, after, answer_lost
from tests.samples import order

ID = order().orderId
FINAL = {"CONFIRMED", "REJECTED", "CANCELLED"}
UNDONE = {"REJECTING", "CANCELLING"}


class Execution:
    """The state machine with stock and payment that answer at once. A step is taken by `next`."""

    def __init__(self, shop: OrderShop, *, refused: bool = False) -> None:
        self._shop = shop
        self._refused = refused
        self.undone = False
        self.steps = self._run(row(shop).status)

    def finish(self) -> None:
        for _ in self.steps:
            pass

    def _run(self, status: str) -> Iterator[None]:
        if status == "PLACED":
            yield  # reserve stock
            yield  # authorize payment
            step = Step.REJECT if self._refused else Step.CONFIRM
            status = self._shop.moves.apply(step, "swn", ID, "OUT_OF_STOCK" if self._refused else None).status
            yield
        if status in UNDONE:
            yield  # void the payment
            yield  # release the stock
            self.undone = True
            self._shop.moves.apply(Step.FINISH, "swn", ID)


def row(shop: OrderShop) -> OrderRow:
    return shop.orders.rows["swn", ID][0]


def statuses(shop: OrderShop) -> list[str]:
    return [change.status for change in row(shop).history]


def final_events(shop: OrderShop) -> list[str]:
    return sorted({event.detail_type for event in [*shop.bus.published, *shop.outbox.rows.values()]})


@pytest.mark.parametrize("refused", [False, True])
@pytest.mark.parametrize("steps", range(7))
def test_cancellation_between_any_two_steps_ends_in_one_final_status(steps: int, refused: bool) -> None:
    shop = OrderShop(order())
    execution = Execution(shop, refused=refused)
    for _ in range(steps):
        next(execution.steps, None)
    is_too_late = row(shop).status in {"REJECTING", "REJECTED"}
    if not is_too_late:
        assert shop.service.cancel("swn", ID).status == "CANCELLING"
    second = Execution(shop)
    second.finish()
    execution.finish()
    assert row(shop).status == ("REJECTED" if is_too_late else "CANCELLED")
    assert execution.undone or second.undone
    assert statuses(shop).count(row(shop).status) == 1
    assert set(final_events(shop)) <= {f"Order{status.capitalize()}" for status in statuses(shop)}


@pytest.mark.parametrize("winner", ["confirm", "cancel"])
def test_confirmation_and_cancellation_at_once_both_see_what_was_decided(winner: str) -> None:
    shop = OrderShop(order())
    confirm, cancel = partial(shop.moves.apply, Step.CONFIRM, "swn", ID), partial(shop.service.cancel, "swn", ID)
    first: Callable[[], object] = confirm if winner == "confirm" else cancel
    shop.orders.effects.append(after(first))
    late = cancel() if winner == "confirm" else confirm()
    assert late.status == "CANCELLING"
    assert statuses(shop) == (["PLACED"] + ["CONFIRMED"] * (winner == "confirm") + ["CANCELLING"])


def test_two_executions_of_one_order_agree_however_their_steps_interleave() -> None:
    """One of them found the stock gone, the other one did not. Each has at most six steps."""
    for firsts in combinations(range(12), 6):
        shop = OrderShop(order())
        executions = Execution(shop), Execution(shop, refused=True)
        for turn in range(12):
            next(executions[turn not in firsts].steps, None)
        assert row(shop).status in FINAL
        assert len(final_events(shop)) == 1
        assert any(execution.undone for execution in executions) == (row(shop).status == "REJECTED")


def test_confirmation_whose_answer_was_lost_is_found_by_the_next_execution() -> None:
    shop = OrderShop(order())
    shop.orders.effects.append(answer_lost)
    for _ in range(2):
        Execution(shop).finish()
    assert (statuses(shop), final_events(shop)) == (["PLACED", "CONFIRMED"], ["OrderConfirmed"])


@pytest.mark.parametrize("steps", range(6))
def test_execution_that_ends_anywhere_is_continued_by_the_sweep(steps: int) -> None:
    shop = OrderShop(order())
    execution = Execution(shop, refused=True)
    for _ in range(steps):
        next(execution.steps)
    Execution(shop, refused=True).finish()
    assert (row(shop).status, final_events(shop)) == ("REJECTED", ["OrderRejected"])


@pytest.mark.parametrize("steps", range(7))
def test_stale_execution_never_leaves_a_cancelled_order(steps: int) -> None:
    """Between the steps of the cancellation, the execution from before takes all of its own."""
    shop = OrderShop(order())
    stale = Execution(shop)
    next(stale.steps)
    shop.service.cancel("swn", ID)
    cancelling = Execution(shop)
    for _ in range(steps):
        next(cancelling.steps, None)
    stale.finish()
    cancelling.finish()
    assert statuses(shop) == ["PLACED", "CANCELLING", "CANCELLED"]
    assert final_events(shop) == ["OrderCancelled"]
