from itertools import product

import pytest

from services.ordering.lifecycle import Step, next_attempt, open_since, transition
from services.ordering.models import OrderRow, Status, StatusChange
from tests.samples import DATE, order

NOW, LATER = "2026-11-21T09:31:00.000Z", "2026-11-21T09:32:00.000Z"
ALLOWED = {
    (Step.CONFIRM, "PLACED"): "CONFIRMED",
    (Step.REJECT, "PLACED"): "REJECTING",
    (Step.CANCEL, "PLACED"): "CANCELLING",
    (Step.CANCEL, "CONFIRMED"): "CANCELLING",
    (Step.FINISH, "REJECTING"): "REJECTED",
    (Step.FINISH, "CANCELLING"): "CANCELLED",
}
FINAL = {Status.CONFIRMED, Status.REJECTED, Status.CANCELLED}


def at(status: str) -> OrderRow:
    return order().model_copy(update={"status": status})


def after(*steps: Step) -> OrderRow:
    row = order()
    for step, moment in zip(steps, (NOW, LATER), strict=False):
        changed = transition(row, step, moment)
        assert changed
        row = changed
    return row


@pytest.mark.parametrize(("step", "status"), [*product(Step, [*Status, "SENT"])])
def test_step_changes_the_status_only_where_the_table_allows_it(step: Step, status: str) -> None:
    changed = transition(at(status), step, NOW)
    assert (changed.status if changed else None) == ALLOWED.get((step, status))


def test_transition_raises_the_version_and_adds_to_the_history() -> None:
    changed = transition(order(), Step.REJECT, NOW, "OUT_OF_STOCK")
    assert changed
    assert (changed.orderVersion, changed.reason) == (2, "OUT_OF_STOCK")
    assert changed.history == [
        StatusChange(status="PLACED", at=DATE),
        StatusChange(status="REJECTING", at=NOW, reason="OUT_OF_STOCK"),
    ]


def test_reason_stays_after_the_end() -> None:
    rejecting = transition(order(), Step.REJECT, NOW, "OUT_OF_STOCK")
    assert rejecting
    rejected = transition(rejecting, Step.FINISH, LATER)
    assert rejected
    assert (rejected.status, rejected.reason, rejected.history[-1].reason) == ("REJECTED", "OUT_OF_STOCK", None)


def test_only_a_cancellation_begins_the_next_attempt() -> None:
    cancelling, confirmed = after(Step.CANCEL), after(Step.CONFIRM)
    assert (cancelling.attempt, cancelling.attemptedAt) == (2, NOW)
    assert (confirmed.attempt, confirmed.attemptedAt) == (1, DATE)


def test_next_attempt_changes_nothing_else() -> None:
    renewed = next_attempt(order(), NOW)
    assert renewed == order().model_copy(update={"attempt": 2, "attemptedAt": NOW})


@pytest.mark.parametrize("status", [*Status, "SENT"])
def test_order_is_open_until_a_final_status(status: str) -> None:
    assert at(status).is_open == (status in set(Status) - FINAL)


def test_order_is_open_since_it_was_placed_or_since_its_cancellation() -> None:
    assert open_since(after(Step.REJECT)) == DATE
    assert open_since(after(Step.CANCEL)) == DATE
    assert open_since(after(Step.CONFIRM, Step.CANCEL)) == LATER
    assert open_since(after(Step.CONFIRM)) is None


def test_order_of_an_earlier_version_is_open_since_its_date() -> None:
    assert open_since(order().model_copy(update={"history": [], "orderDate": NOW})) == NOW
