"""The lines of `shop order`."""

from decimal import Decimal
from typing import Any

from chassis.core import instants
from shop.order.executions import Execution, Step
from shop.order.report import Way, report
from tests.shop.order.histories import PLACED, at

CHANGES = {"CONFIRMED": 0.45, "REJECTING": 0.55, "REJECTED": 0.75, "CANCELLING": 3600, "CANCELLED": 3601}


def order(*statuses: str, **fields: Any) -> dict[str, Any]:
    """Placed, and then of these statuses."""
    changes = [{"status": status, "at": instants.write(at(CHANGES[status]))} for status in statuses]
    placed = {"status": "PLACED", "at": instants.write(PLACED)}
    return {
        "orderId": "o1",
        "userName": "ann",
        "orderDate": instants.write(PLACED),
        "items": [{}, {}],
        "totalPrice": Decimal("36.90"),
        "status": statuses[-1] if statuses else "PLACED",
        "history": [placed, *changes],
    } | fields


def execution(*steps: Step, status: str = "SUCCEEDED", attempt: int = 1, began: float = 0.1) -> Execution:
    ended = None if status == "RUNNING" else at(began + 0.8)
    return Execution(attempt, f"arn:…:o1-{attempt}", status, at(began), ended, "ann", steps)


def shown(way: Way, now: float = 10) -> str:
    return "\n".join(report(way, at(now)))


RESERVE = Step("Reserve stock", at(0.2), at(0.3))
AUTHORIZE = Step("Authorize payment", at(0.3), at(0.4))


def test_a_confirmed_order_is_shown_with_each_status_and_step_by_time() -> None:
    reservation = {"state": "SOLD", "lines": [{"productId": "p-1", "quantity": 3, "taken": 3}]}
    reservation |= {"reservedAt": instants.write(at(0.25)), "soldAt": instants.write(at(0.5))}
    paid = {"status": "AUTHORIZED", "amount": Decimal("36.90"), "authorizationId": "a-1"}
    paid["changedAt"] = instants.write(at(0.35))
    confirm = Step("Confirm order", at(0.4), at(0.46))
    way = Way(order("CONFIRMED"), [execution(RESERVE, AUTHORIZE, confirm)], reservation, paid)
    assert shown(way) == (
        "Order o1 of ann: CONFIRMED, 0.450 s after it was placed\n"
        "2 lines, 36.90 in all, placed at 2026-11-26T10:15:30.000Z\n"
        "\n"
        "       after       takes\n"
        "     0.000 s              PLACED\n"
        "     0.100 s              execution 1 begins\n"
        "     0.200 s     0.100 s    Reserve stock\n"
        "     0.250 s                  stock: reserved\n"
        "     0.300 s     0.100 s    Authorize payment\n"
        "     0.350 s                  payment: authorized\n"
        "     0.400 s     0.060 s    Confirm order\n"
        "     0.450 s              CONFIRMED\n"
        "     0.500 s                  stock: sold\n"
        "     0.900 s              execution 1 ends: SUCCEEDED\n"
        "\n"
        "  stock    SOLD 3 of p-1\n"
        "  payment  AUTHORIZED 36.90 a-1"
    )


def test_a_rejected_order_is_shown_with_its_reason_and_the_refusal_of_the_step() -> None:
    refused = Step("Authorize payment", at(0.3), at(0.5), "PAYMENT_DECLINED")
    released = {"state": "RELEASED", "lines": [{"productId": "p-1", "quantity": 3, "taken": 3}]}
    declined = {"status": "DECLINED", "amount": Decimal("36.90"), "reason": "PAYMENT_DECLINED"}
    declined["changedAt"] = instants.write(at(0.4))
    its = order("REJECTING", "REJECTED", reason="PAYMENT_DECLINED")
    its["history"][1]["reason"] = "PAYMENT_DECLINED"
    lines = shown(Way(its, [execution(RESERVE, refused)], released, declined))
    assert "Order o1 of ann: REJECTED (PAYMENT_DECLINED), 0.750 s after it was placed\n" in lines
    assert "     0.300 s     0.200 s    Authorize payment: PAYMENT_DECLINED\n" in lines
    assert "     0.550 s              REJECTING (PAYMENT_DECLINED)\n" in lines
    assert "  stock    RELEASED, holds nothing\n" in lines
    assert "  payment  DECLINED 36.90 PAYMENT_DECLINED" in lines
    assert "waits" not in lines


def test_an_open_order_names_the_process_it_waits_for() -> None:
    lines = shown(Way(order(), [execution(RESERVE, Step("Authorize payment", at(0.3)), status="RUNNING")]), now=12.3)
    assert "Order o1 of ann: PLACED\n" in lines
    assert "     0.300 s                Authorize payment: waits\n" in lines
    assert "  stock    no reservation\n  payment  no payment\n" in lines
    assert lines.endswith(
        "  waits    for the answer of payment-consumer, so far 12.000 s: "
        "see `.venv/bin/shop logs payment-consumer` and `.venv/bin/shop dlq list`"
    )


def test_an_open_order_without_a_running_execution_waits_for_the_sweep() -> None:
    lines = shown(Way(order(), [execution(RESERVE, Step("Authorize payment", at(0.3)), status="ABORTED")]))
    assert "Authorize payment: no answer\n" in lines
    assert "execution 1 ends: ABORTED\n" in lines
    assert lines.endswith(
        "  waits    for the sweep, which starts an execution within three minutes: "
        "see `.venv/bin/shop logs ordering-commands`"
    )


def test_an_execution_between_two_steps_is_not_said_to_wait() -> None:
    assert "waits" not in shown(Way(order(), [execution(RESERVE, status="RUNNING")]))


def test_a_cancelled_order_shows_both_executions_and_long_times_as_hours() -> None:
    void = Step("Void payment", at(3600.1), at(3600.2))
    second = execution(void, attempt=2, began=3600.05)
    lines = shown(Way(order("CONFIRMED", "CANCELLING", "CANCELLED"), [execution(RESERVE), second]))
    assert "Order o1 of ann: CANCELLED, 1:00:01 after it was placed\n" in lines
    assert "     1:00:00     0.100 s    Void payment\n" in lines
    assert lines.index("execution 1 ends") < lines.index("CANCELLING") < lines.index("execution 2 begins")


def test_products_that_are_not_tracked_are_not_held() -> None:
    reservation = {"state": "SOLD", "lines": [{"productId": "p-1", "quantity": 3, "taken": 0}]}
    lines = shown(Way(order("CONFIRMED"), [], reservation))
    assert "  stock    SOLD nothing, because none of its products is tracked\n" in lines


def test_an_order_of_an_earlier_version_has_no_history() -> None:
    its = order("CONFIRMED")
    del its["history"]
    assert "Order o1 of ann: CONFIRMED\n" in shown(Way(its))
