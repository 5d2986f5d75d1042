import pytest

from services.storefront.models import Order, Payment
from services.storefront.progress import REASONS, is_open, steps
from tests.ordering.machine import definition
from tests.storefront.fakes import ORDER

AT = "2026-11-26T10:15:31.000Z"


def order(*statuses: str, reason: str = "") -> Order:
    history = [{"status": status, "at": AT} for status in statuses]
    return Order.model_validate(ORDER | {"status": statuses[-1], "reason": reason, "history": history})


def payment(status: str) -> Payment:
    return Payment(status=status, changedAt=AT)


@pytest.mark.parametrize(
    ("it", "paid", "shown"),
    [
        (None, None, "Accepted done, Placed under way, Stock not yet, Payment not yet, Confirmed not yet"),
        (order("PLACED"), None, "Accepted done, Placed done, Stock under way, Payment not yet, Confirmed not yet"),
        (
            order("PLACED"), payment("REQUESTED"),
            "Accepted done, Placed done, Stock done, Payment under way, Confirmed not yet",
        ),
        (
            order("PLACED"), payment("AUTHORIZED"),
            "Accepted done, Placed done, Stock done, Payment done, Confirmed under way",
        ),
        (
            order("PLACED", "CONFIRMED"), payment("AUTHORIZED"),
            "Accepted done, Placed done, Stock done, Payment done, Confirmed done",
        ),
        (
            order("PLACED", "REJECTING", reason="PAYMENT_DECLINED"), payment("DECLINED"),
            "Accepted done, Placed done, Stock undone, Payment failed, Rejected under way",
        ),
        (
            order("PLACED", "REJECTING", "REJECTED", reason="OUT_OF_STOCK"), payment("VOIDED"),
            "Accepted done, Placed done, Stock failed, Rejected final",
        ),
        (
            order("PLACED", "CONFIRMED", "CANCELLING"), payment("AUTHORIZED"),
            "Accepted done, Placed done, Confirmed undone, Cancelled under way",
        ),
        (
            order("PLACED", "CANCELLING", "CANCELLED"), payment("VOIDED"),
            "Accepted done, Placed done, Cancelled final",
        ),
    ],
)  # fmt: skip
def test_steps_show_how_far_the_saga_is(it: Order | None, paid: Payment | None, shown: str) -> None:
    assert ", ".join(f"{step.name} {step.state}" for step in steps(it, paid)) == shown


@pytest.mark.parametrize(
    ("reason", "words"),
    [("OUT_OF_STOCK", "Too few pieces are in stock."), ("PAYMENT_DECLINED", "The card was declined."), ("NEW", "NEW")],
)
def test_reason_of_a_rejection_is_said_in_words(reason: str, words: str) -> None:
    assert words in [step.note for step in steps(order("PLACED", "REJECTING", "REJECTED", reason=reason), None)]


def test_every_reason_of_the_state_machine_has_words() -> None:
    states = definition()["States"].values()
    caught = {error for state in states for catch in state.get("Catch", []) for error in catch["ErrorEquals"]}
    made = {state["Result"]["Error"] for state in states if "Error" in (state.get("Result") or {})}
    assert {name for name in caught | made if not name.startswith("States.")} == {*REASONS}


def test_order_stays_open_until_its_final_status() -> None:
    final = [order("PLACED", status) for status in ("CONFIRMED", "REJECTED", "CANCELLED")]
    under_way = [None, *(order("PLACED", status) for status in ("PLACED", "REJECTING", "CANCELLING"))]
    assert [is_open(each) for each in final + under_way] == [False] * 3 + [True] * 4
