"""An order's life: which step leads from which status to which, and what a step changes in the order."""

from collections.abc import Mapping
from enum import StrEnum

from services.ordering.models import OPEN, OrderRow, Status, StatusChange


class Step(StrEnum):
    """What can happen to an order. A step whose result must be undone elsewhere has two: decide, then finish."""

    CONFIRM = "CONFIRM"
    REJECT = "REJECT"
    CANCEL = "CANCEL"
    FINISH = "FINISH"


TRANSITIONS: Mapping[tuple[Step, str], Status] = {
    (Step.CONFIRM, Status.PLACED): Status.CONFIRMED,
    (Step.REJECT, Status.PLACED): Status.REJECTING,
    (Step.CANCEL, Status.PLACED): Status.CANCELLING,
    (Step.CANCEL, Status.CONFIRMED): Status.CANCELLING,
    (Step.FINISH, Status.REJECTING): Status.REJECTED,
    (Step.FINISH, Status.CANCELLING): Status.CANCELLED,
}


def transition(order: OrderRow, step: Step, at: str, reason: str | None = None) -> OrderRow | None:
    """The order after the step at the instant `at`, or None if its status does not allow the step.

    A cancelled order begins its next attempt, because its current execution may have ended.
    """
    status = TRANSITIONS.get((step, order.status))
    if status is None:
        return None
    changes = {
        "status": status,
        "orderVersion": order.orderVersion + 1,
        "reason": reason or order.reason,
        "history": [*order.history, StatusChange(status=status, at=at, reason=reason)],
    }
    changed = order.model_copy(update=changes)
    return next_attempt(changed, at) if step is Step.CANCEL else changed


def next_attempt(order: OrderRow, at: str) -> OrderRow:
    """The order before its next execution, which gets another name."""
    return order.model_copy(update={"attempt": order.attempt + 1, "attemptedAt": at})


def open_since(order: OrderRow) -> str | None:
    """The instant since which the order has had no final status, or None if it has one."""
    if not order.is_open:
        return None
    since = order.orderDate
    for change in reversed(order.history):
        if change.status not in OPEN:
            break
        since = change.at
    return since
