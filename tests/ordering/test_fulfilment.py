import json
from decimal import Decimal

import pytest
import structlog

from tests.fakes import OrderShop
from tests.samples import DATE, order

ID = order().orderId


def test_execution_gets_what_its_commands_need() -> None:
    shop = OrderShop()
    row = order(paymentToken="tok_declined").model_copy(update={"attempt": 3, "status": "CANCELLING"})
    with structlog.contextvars.bound_contextvars(correlation_id="c-7"):
        shop.fulfilment.start(row)
    assert shop.executions.started == {
        f"{ID}-3": {
            "metadata": {
                "id": f"{ID}-3",
                "idempotency-key": f"{ID}-3",
                "version": 1,
                "correlation-id": "c-7",
                "occurred-at": DATE,
            },
            "status": "CANCELLING",
            "orderId": ID,
            "userName": "swn",
            "items": [{"productId": "p-1", "quantity": 2}, {"productId": "p-2", "quantity": 1}],
            "amount": "2769.90",
            "paymentToken": "tok_declined",
        }
    }


@pytest.mark.parametrize(
    ("total", "amount"), [("0", "0.00"), ("36.9", "36.90"), ("1E+2", "100.00"), ("999999999999.99", "999999999999.99")]
)
def test_amount_is_text_with_two_decimals(total: str, amount: str) -> None:
    shop = OrderShop()
    shop.fulfilment.start(order().model_copy(update={"totalPrice": Decimal(total)}))
    assert [given["amount"] for given in shop.executions.started.values()] == [amount]


def test_input_is_json() -> None:
    shop = OrderShop()
    shop.fulfilment.start(order())
    assert json.dumps(shop.executions.started)


def test_failure_to_start_is_logged_and_left_to_the_sweep() -> None:
    shop = OrderShop()
    shop.executions.down = True
    with structlog.testing.capture_logs() as logged:
        shop.fulfilment.start(order())
    assert [(line["event"], line["order_id"], line["attempt"]) for line in logged] == [
        ("saga left to the sweep", ID, 1)
    ]


def test_attempt_runs_only_under_its_own_name() -> None:
    shop = OrderShop()
    shop.fulfilment.start(order())
    assert shop.fulfilment.is_running(order())
    assert not shop.fulfilment.is_running(order().model_copy(update={"attempt": 2}))
