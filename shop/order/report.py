"""What `shop order` prints: statuses and steps by time, what stock holds, what payment says, and what it waits for."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from shop.order.executions import RUNNING, Execution, Step
from shop.output import command

FINAL = {"CONFIRMED", "REJECTED", "CANCELLED"}
# The process that answers a step, by the last word of the step's name.
PROCESSES = {"stock": "stock-consumer", "payment": "payment-consumer", "order": "ordering-commands"}


@dataclass(frozen=True)
class Way:
    """What the services and Step Functions know of an order. `reservation` and `payment` are None before their step."""

    order: Mapping[str, Any]
    executions: list[Execution] = field(default_factory=list)
    reservation: Mapping[str, Any] | None = None
    payment: Mapping[str, Any] | None = None

    @property
    def placed(self) -> datetime:
        return datetime.fromisoformat(self.order["orderDate"])

    def since_placed(self, moment: datetime) -> str:
        return _duration((moment - self.placed).total_seconds())


class Entry(NamedTuple):
    at: datetime
    text: str
    takes: str = ""


def report(way: Way, now: datetime) -> Iterator[str]:
    order = way.order
    lines = "1 line" if len(order["items"]) == 1 else f"{len(order['items'])} lines"
    yield f"Order {order['orderId']} of {order['userName']}: {_state(way)}"
    yield f"{lines}, {order['totalPrice']:.2f} in all, placed at {order['orderDate']}"
    yield f"\n{'after':>12}{'takes':>12}"
    for entry in sorted(_entries(way), key=lambda entry: entry.at):
        yield f"{way.since_placed(entry.at):>12}{entry.takes:>12}  {entry.text}"
    yield f"\n  stock    {_stock(way.reservation)}"
    yield f"  payment  {_payment(way.payment)}"
    yield from (f"  waits    {line}" for line in _waits(way, now))


def _state(way: Way) -> str:
    status = way.order["status"]
    ends = [change["at"] for change in _history(way) if change["status"] == status and status in FINAL]
    after = f", {way.since_placed(datetime.fromisoformat(ends[-1]))} after it was placed" if ends else ""
    return f"{_because(status, way.order)}{after}"


def _entries(way: Way) -> Iterator[Entry]:
    yield from (_moment(change["at"], _because(change["status"], change)) for change in _history(way))
    for execution in way.executions:
        yield Entry(execution.began, f"execution {execution.attempt} begins")
        yield from (_step(step, execution) for step in execution.steps)
        if execution.ended:
            yield Entry(execution.ended, f"execution {execution.attempt} ends: {execution.status}")
    for state in ("reserved", "sold", "released"):
        if at := (way.reservation or {}).get(f"{state}At"):
            yield _moment(at, f"    stock: {state}")
    if way.payment:
        yield _moment(way.payment["changedAt"], f"    payment: {way.payment['status'].lower()}")


def _history(way: Way) -> list[Mapping[str, Any]]:
    return way.order.get("history") or []


def _because(status: str, what: Mapping[str, Any]) -> str:
    return f"{status} ({what['reason']})" if what.get("reason") else status


def _moment(at: str, text: str) -> Entry:
    return Entry(datetime.fromisoformat(at), text)


def _step(step: Step, execution: Execution) -> Entry:
    """A step without an end waits, or its execution was ended from outside."""
    if step.ended is None:
        return Entry(step.began, f"  {step.name}: {'waits' if execution.waiting else 'no answer'}")
    error = f": {step.error}" if step.error else ""
    return Entry(step.began, f"  {step.name}{error}", _duration((step.ended - step.began).total_seconds()))


def _duration(seconds: float) -> str:
    """From a minute on as hours, minutes and seconds."""
    return f"{seconds:.3f} s" if seconds < 60 else str(timedelta(seconds=round(seconds)))


def _stock(reservation: Mapping[str, Any] | None) -> str:
    if reservation is None:
        return "no reservation"
    if reservation["state"] == "RELEASED":
        return "RELEASED, holds nothing"
    held = [f"{line['taken']} of {line['productId']}" for line in reservation["lines"] if line["taken"]]
    return f"{reservation['state']} {', '.join(held) or 'nothing, because none of its products is tracked'}"


def _payment(payment: Mapping[str, Any] | None) -> str:
    if payment is None:
        return "no payment"
    shown = [payment["status"], payment.get("amount"), payment.get("authorizationId"), payment.get("reason")]
    return " ".join(str(each) for each in shown if each is not None)


def _waits(way: Way, now: datetime) -> Iterator[str]:
    if way.order["status"] in FINAL:
        return
    for step in filter(None, (execution.waiting for execution in way.executions)):
        process = PROCESSES[step.name.split()[-1]]
        waited = _duration((now - step.began).total_seconds())
        logs, letters = command(f"logs {process}"), command("dlq list")
        yield f"for the answer of {process}, so far {waited}: see {logs} and {letters}"
    if not any(execution.status == RUNNING for execution in way.executions):
        yield f"for the sweep, which starts an execution within three minutes: see {command('logs ordering-commands')}"
