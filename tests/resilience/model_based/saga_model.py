"""Ordering, stock, payment and their state machine in one process. Messages, crashes and clients take turns."""

import json
import uuid
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from decimal import Decimal
from functools import partial
from typing import Any

from chassis.core import instants
from chassis.core.errors import Conflict, NotFound, Unavailable
from chassis.core.events import Event
from chassis.messaging.consumer import Consumer
from chassis.messaging.dispatch import publish_now
from chassis.messaging.relay import Relay
from services.basket.checkout import OrderIdentity
from services.ordering import command_consumer
from services.ordering import consumer as order_consumer
from services.ordering.commands_in import SweepOrders
from services.ordering.fulfilment import Fulfilment
from services.ordering.models import OPEN, OrderRow, Status
from services.ordering.moves import Moves
from services.ordering.service import OrderService
from services.ordering.sweep import Sweep
from services.payment import consumer as payment_consumer
from services.payment.models import Status as PaymentStatus
from services.payment.service import PaymentService
from services.payment.simulated import SimulatedProvider
from services.stock import consumer as stock_consumer
from services.stock.models import Place, State
from services.stock.service import StockService
from tests.fakes import FakeClock, FakeDeadLetters, FakeOrders, FakeReplies
from tests.ordering.machine import definition
from tests.payment.fakes import FakeLedger, FakePayments
from tests.resilience.model_based.backends import OutboxForRelay, wrapped
from tests.resilience.model_based.fault_schedule import Call, Crashed, Fault, FaultSchedule
from tests.resilience.model_based.step_functions import StepFunctions
from tests.samples import golden_message
from tests.stock_fakes import FakeStock

PRODUCTS = ("tea", "cup", "pot")  # the last one has no level, so it is not tracked
PRICE = Decimal("12.30")
LATE = 90.0  # seconds until a late card answers, which is after the step's time-out
ROUNDS = 40  # after which every order must be final, however many executions were lost


class Faulty:
    """Any store or client. Each call gets the next fault of the schedule, and may take effect late."""

    def __init__(self, real: Any, schedule: FaultSchedule) -> None:
        self._real = real
        self._schedule = schedule

    def __getattr__(self, name: str) -> Any:
        return partial(self._call, getattr(self._real, name))

    def _call(self, do: Callable[..., Any], *args: Any, **named: Any) -> Any:
        def late() -> None:
            with suppress(Unavailable, Conflict):
                do(*args, **named)

        return self._schedule.inject(Call.WRITE, partial(do, *args, **named), late=late)


class SagaModel:
    """`messages` has the messages of each queue. A message that a step sends stays until it was handled."""

    def __init__(self) -> None:
        self.messages: dict[str, list[str]] = defaultdict(list)
        self._sent: list[tuple[str, str]] = []
        self.schedule = FaultSchedule()
        self.clock = FakeClock()
        self.clock.now = datetime.now(UTC)
        self.put_in = Counter[str]()
        self.published = defaultdict[str, list[dict[str, Any]]](list)
        self.outbox, self.stock_rows = OutboxForRelay(), FakeStock()
        self.rows = FakeOrders(outbox=self.outbox)
        self.payments, self.ledger, self.dead = FakePayments(), FakeLedger(), FakeDeadLetters()
        self.machine = StepFunctions(definition(), self._send, self.clock)
        self._consumers = self._start()

    def _start(self) -> Mapping[str, Consumer]:
        """The processes, with the wiring of each."""
        faulty = partial(Faulty, schedule=self.schedule)
        orders, outbox, machine = faulty(self.rows), faulty(self.outbox), faulty(self.machine)
        publish = partial(publish_now, bus=faulty(self), outbox=outbox)
        fulfilment = Fulfilment(machine)
        self.ordering = OrderService(orders, Moves(orders, publish, self.clock), fulfilment, self.clock)
        self._sweep = Sweep(orders, fulfilment, self.clock)
        self._relay = Relay(outbox, faulty(self), min_age=-1.0)  # type: ignore[arg-type] # it has what a relay uses
        self.stock = StockService(faulty(self.stock_rows), lambda: str(uuid.uuid4()), self.clock)
        provider = SimulatedProvider(faulty(self.ledger), LATE, clock=self.clock, wait=lambda _: None)
        payment = PaymentService(faulty(self.payments), provider, self.clock)
        ends = machine, self.dead, FakeReplies()
        return {
            "shop-order": order_consumer.make_consumer(self.ordering, *ends[1:]),
            "shop-order-commands": command_consumer.make_consumer(self.ordering, self._sweep, *ends),
            "shop-stock": stock_consumer.make_consumer(self.stock, *ends),
            "shop-payment": payment_consumer.make_consumer(payment, *ends),
        }

    # ── The bus ──

    def publish(self, events: Sequence[Event]) -> list[Event]:
        """Stock's rule takes OrderConfirmed."""
        for event in events:
            self.published[event.id].append(json.loads(event.detail)["data"])
            if event.detail_type == "OrderConfirmed":
                self._send("shop-stock", wrapped(event))
        return list(events)

    def _send(self, queue: str, body: str) -> None:
        self.messages[queue].append(body)
        self._sent.append((queue, body))

    # ── What clients do ──

    def place(self, user: str, lines: Mapping[str, int], token: str) -> None:
        """The event of a checkout arrives in ordering's queue."""
        order = OrderIdentity.new(str(uuid.uuid4()), self.clock(), None)
        message = golden_message()
        items = [
            {"productId": name, "productName": name, "color": "", "price": PRICE, "quantity": n}
            for name, n in lines.items()
        ]
        message["detail"]["data"] |= {
            "orderId": order.order_id, "orderDate": order.order_date, "userName": user, "items": items,
            "totalPrice": sum(lines.values()) * PRICE, "paymentToken": token,
        }  # fmt: skip
        self._send("shop-order", json.dumps(message, default=float))

    def cancel(self, order: OrderRow) -> None:
        with suppress(Unavailable, NotFound, Crashed, Conflict):
            self.ordering.cancel(order.userName, order.orderId)

    def set_level(self, product: str, available: int) -> None:
        before = self.stock_rows.level(product)
        with suppress(Unavailable, Crashed):
            self.stock.set_available(product, available)
        self.schedule.apply_late_writes()
        after = self.stock_rows.level(product)
        if after and (before is None or after.revision != before.revision):
            self.put_in[product] += available - (after.previousAvailable or 0)

    # ── What workers do ──

    def deliver(self, queue: str, pick: int, *, delete: bool = True) -> None:
        """One message, of any place in the queue. Without `delete` it is delivered again later."""
        if not (waiting := self.messages[queue]):
            return
        body = waiting[pick % len(waiting)]
        done = self._handle(queue, body)
        if done and delete and body in waiting:
            waiting.remove(body)
        assert self.dead.sent == [], "a message of the saga was dead-lettered"

    def _handle(self, queue: str, body: str) -> bool:
        record = {"messageId": "m-1", "body": body, "attributes": {"ApproximateReceiveCount": "1"}}
        try:
            answer = self._consumers[queue].handle_batch({"Records": [record]})
        except Crashed:
            return False
        return bool(answer == {"batchItemFailures": []})

    def drop_expired(self, queue: str) -> None:
        """A consumer acknowledges expired forward commands without effect."""
        self.messages[queue] = [body for body in self.messages[queue] if not self._has_expired(json.loads(body))]

    def _has_expired(self, message: Mapping[str, Any]) -> bool:
        if message["detail-type"] not in {"ReserveStock", "AuthorizePayment"}:
            return False
        task = message["detail"]["task"]
        age = self.clock() - datetime.fromisoformat(task["entered"])
        return bool(age.total_seconds() > task["timeout-seconds"])

    def relay(self) -> None:
        with suppress(Unavailable, Crashed):
            self._relay.sweep()

    def tick(self) -> None:
        with suppress(Unavailable, Crashed):
            self._sweep.run(SweepOrders.model_validate({"time": instants.write(self.clock())}))

    def pass_time(self, seconds: float) -> None:
        self.clock.pass_(seconds=seconds)
        self.machine.time_out()

    def with_faults(self, faults: Sequence[Fault], do: Callable[[], object]) -> None:
        with self.schedule.during({Call.WRITE: faults}):
            do()
        self.schedule.apply_late_writes()

    # ── What must hold ──

    @property
    def orders(self) -> list[OrderRow]:
        return [row for row, _ in self.rows.rows.values()]

    def check_pieces(self) -> None:
        """At any moment each piece is available, or reserved or sold for exactly one order."""
        held: dict[Place, Counter[str]] = {Place.RESERVED: Counter(), Place.SOLD: Counter()}
        for reservation in self.stock_rows.reservations.values():
            if reservation.state is not State.RELEASED:
                held[reservation.state.place].update(reservation.taken)
        for name, row in self.stock_rows.rows.items():
            assert (row.reserved, row.sold) == (held[Place.RESERVED][name], held[Place.SOLD][name])
            assert row.available + row.reserved + row.sold == self.put_in[name]
            assert min(row.available, row.reserved, row.sold) >= 0

    def finish(self) -> None:
        """Without faults every order becomes final, and then holds exactly what its status says.

        SQS may deliver any message once more, however late, and that changes nothing.
        """
        self._settle_all()
        for queue, body in list(self._sent):
            self.messages[queue].append(body)
        self._settle_all()
        self.check_pieces()
        for order in self.orders:
            self._check_end(order)
        assert self.ledger.held().keys() == {o.orderId for o in self.orders if o.status == Status.CONFIRMED}

    def _settle_all(self) -> None:
        for _ in range(ROUNDS):
            self._settle()
            if not self._unfinished():
                break
            self.pass_time(61)
        assert self._unfinished() == []

    def _unfinished(self) -> list[str]:
        waiting = [f"{queue}: {len(bodies)} messages" for queue, bodies in self.messages.items() if bodies]
        pending = [event.id for event in self.outbox.rows.values()]
        return [f"{o.orderId} is {o.status}" for o in self.orders if o.status in OPEN] + waiting + pending

    def _settle(self) -> None:
        """Until no message waits, or all that wait cannot be handled yet."""
        self.tick()
        while any(handled for queue in self._consumers for handled in self._deliver_all(queue)):
            self.relay()
        self.relay()

    def _deliver_all(self, queue: str) -> list[bool]:
        """The latest first, so that a release overtakes the event of the confirmation."""
        bodies, self.messages[queue] = self.messages[queue][::-1], []
        handled = [self._handle(queue, body) for body in bodies]
        self.messages[queue] += [body for body, done in zip(bodies, handled, strict=True) if not done]
        return handled if any(handled) else []

    def _check_end(self, order: OrderRow) -> None:
        reservation = self.stock_rows.reservations.get(order.orderId)
        payment = self.payments.rows.get((order.userName, order.orderId))
        entry = self.ledger.entries.get(order.orderId)
        assert [change.status for change in order.history] in WAYS, order.history
        assert order.orderVersion == len(order.history)
        if order.status == Status.CONFIRMED:
            assert reservation
            assert reservation.state is State.SOLD
            assert payment
            assert entry
            assert (payment.status, entry.status) == (PaymentStatus.AUTHORIZED, PaymentStatus.AUTHORIZED)
            assert payment.authorizationId == entry.authorizationId
            assert payment.amount == entry.amount == order.totalPrice
        else:
            assert reservation is None or reservation.state is State.RELEASED, "it holds stock"
            assert entry is None or entry.status is not PaymentStatus.AUTHORIZED, "it holds money"
            assert payment is None or payment.status in {PaymentStatus.DECLINED, PaymentStatus.VOIDED}
        self._check_events(order)

    def _check_events(self, order: OrderRow) -> None:
        """Each final status that the order reached was published, every time with the same data."""
        for version, change in enumerate(order.history, start=1):
            copies = self.published.pop(f"{order.orderId}:{change.status.lower()}", [])
            assert bool(copies) == (change.status not in OPEN)
            assert all((copy["orderVersion"], copy["status"]) == (version, change.status) for copy in copies)
            assert all(copy == copies[0] for copy in copies)


WAYS = (
    [Status.PLACED, Status.CONFIRMED],
    [Status.PLACED, Status.REJECTING, Status.REJECTED],
    [Status.PLACED, Status.CANCELLING, Status.CANCELLED],
    [Status.PLACED, Status.CONFIRMED, Status.CANCELLING, Status.CANCELLED],
)
