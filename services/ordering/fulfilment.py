"""Starts the saga of an order: executions of the state machine that reserves, charges, confirms and compensates."""

from collections.abc import Mapping
from typing import Any, Protocol

import structlog

from chassis.core import logs
from chassis.core.events import metadata
from services.ordering.models import OrderRow

log = structlog.stdlib.get_logger(__name__)


class Executions(Protocol):
    """The executions of the state machine. `executions.StateMachine` implements it on Step Functions."""

    def start(self, name: str, given: Mapping[str, Any]) -> None:
        """Starts the execution `name`, unless there is or was one of this name."""
        ...

    def is_running(self, name: str) -> bool: ...


class Fulfilment:
    def __init__(self, executions: Executions) -> None:
        self._executions = executions

    def start(self, order: OrderRow) -> None:
        """Starts the execution of the order's current attempt. Best effort: never raises, the sweep starts it later."""
        fields = {"order_id": order.orderId, "attempt": order.attempt}
        try:
            self._executions.start(_name_of(order), _given(order, logs.correlation_id()))
        except Exception as error:  # noqa: BLE001 see above
            log.warning("saga left to the sweep", error=str(error), **fields)
        else:
            log.info("saga started", **fields)

    def is_running(self, order: OrderRow) -> bool:
        """Whether the execution of the current attempt runs. False if it was never started or has ended."""
        return self._executions.is_running(_name_of(order))


def _name_of(order: OrderRow) -> str:
    """Step Functions never starts a second execution of a name, so each attempt has a name of its own."""
    return f"{order.orderId}-{order.attempt}"


def _given(order: OrderRow, correlation_id: str) -> dict[str, Any]:
    """The input of the execution. Its commands pass `metadata` on. Amounts are text, which no float can change."""
    return {
        "metadata": metadata(_name_of(order), 1, correlation_id, order.attemptedAt or order.orderDate),
        "status": order.status,
        "orderId": order.orderId,
        "userName": order.userName,
        "items": [line.model_dump(include={"productId", "quantity"}) for line in order.items],
        "amount": f"{order.totalPrice:.2f}",
        "paymentToken": order.paymentToken,
    }
