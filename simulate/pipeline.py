"""The way of orders from the checkout to their end: bus, outbox, queues, consumers and the state machine."""

import random
from collections import Counter
from collections.abc import Sequence
from typing import Any, NamedTuple

from chassis.aws.clients import ONE_SHOT, REQUEST
from chassis.messaging.queue import BATCH, PAUSE
from chassis.messaging.queue import Queue as ChassisQueue
from services.ordering.models import Status
from simulate import facts
from simulate.counted import one_order
from simulate.facts import Quota
from simulate.plan import Plan
from simulate.relays import Bus, Outbox, Relay
from simulate.saga import STEPS, Command, Order, StepFunctions
from simulate.world import Process, Queue, World, is_out

UNLIMITED = Quota("", 1e12, 1e12, "")
QUEUES = ("order", "stock", "payment", "order-commands")
PLACE, SELL = "CheckoutBasket", "OrderConfirmed"
LIKE = {
    "RejectOrder": "AuthorizePayment",
    "VoidPayment": "AuthorizePayment",
    "ReleaseStock": SELL,
    "FinishOrder": "ConfirmOrder",
}


class Message(NamedTuple):
    kind: str
    order: Order
    command: Command | None = None
    tries: int = 1


class Effort(NamedTuple):
    """Seconds that one message waits for AWS, and seconds of a processor."""

    wait: float
    cpu: float


class Shop:
    """`run` simulates the plan until every order has ended, or for `patience` seconds after the last checkout."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.world = World()
        self.orders: list[Order] = []
        self.dead = 0  # messages that went to a dead-letter queue
        self.deepest: Counter[str] = Counter()  # the most messages that waited in each queue
        self.queues: dict[str, Queue[Message]] = {name: Queue() for name in QUEUES}
        self.outbox = Outbox()
        quota = next((each for each in plan.quotas if each is facts.PUT_EVENTS), UNLIMITED)
        outages = plan.outages.get
        self.bus = Bus(self.world, plan.latency.events, quota, outages("bus", ()))
        stopped = outages("step functions", ())
        self.machine = StepFunctions(self.world, plan.latency, plan.quotas, stopped, self._send)
        self._expired = Effort(0.0, facts.call_cpu())  # makes no call, so this is too much
        self.efforts: dict[str, Effort] = {}
        self._chassis = ChassisQueue(Visibility(), None, "")

    def run(self, patience: float = 3600) -> "Shop":
        self.world.start(self._checkouts())
        self.world.start(
            Relay(self.world, self.outbox, self.bus, self.plan.latency, facts.relay_cpu()).run(self._deliver)
        )
        self.world.start(self.machine.sweep())
        for name in QUEUES:
            for _ in range(self.plan.tasks.get(name, 1)):
                self.world.start(self.consumer(name))
        until = self.plan.seconds
        while until < self.plan.seconds + patience and (until == self.plan.seconds or self._is_busy()):
            until += 10
            self.world.run(until)
        return self

    def _is_busy(self) -> bool:
        return bool(self.outbox.rows) or any(order.ended_at is None for order in self.orders)

    def _checkouts(self) -> Process:
        while self.world.now < self.plan.seconds:
            order = Order(self.world.now)
            self.orders.append(order)
            seconds, accepted, answered = self.bus.call(1, ONE_SHOT.read)
            if accepted:
                self._deliver([order], seconds)
            if not answered:
                self.outbox.rows[order] = self.world.now
            yield random.expovariate(self.plan.rate)

    def _deliver(self, orders: list[Any], seconds: float = 0.0) -> None:
        def arrive() -> None:
            for order in orders:
                self._put("order", Message(PLACE, order))

        self.world.after(seconds + self._on_the_way(), arrive)

    def _on_the_way(self) -> float:
        return self.plan.latency.delivery * random.lognormvariate(0, self.plan.latency.spread)

    def _send(self, queue: str, command: Command) -> None:
        self._put(queue, Message(command.step.command, command.order, command))

    def _put(self, queue: str, message: Message) -> None:
        self.queues[queue].put(message)
        self.deepest[queue] = max(self.deepest[queue], len(self.queues[queue].messages))

    def consumer(self, name: str) -> Process:
        """As `consume` of chassis/messaging/queue.py: after a failure it receives nothing until storage answers."""
        queue, outages, sqs = self.queues[name], self.plan.outages.get(name, ()), self.plan.latency.sqs
        must_check = True
        while True:
            if must_check and is_out(outages, self.world.now):
                yield PAUSE
                continue
            must_check = False
            if not queue.messages:
                yield queue
            batch = queue.take(BATCH)
            if not batch:
                continue
            yield sqs + self.seconds(batch)
            out = is_out(outages, self.world.now)
            if out:
                yield REQUEST.read * REQUEST.attempts
            failed = [each for each in batch if out or not self._handle(each)]
            yield sqs
            must_check = bool(failed)
            for message in failed:
                self._back_off(name, message)

    def seconds(self, batch: Sequence[Message]) -> float:
        """The messages of a batch are handled at the same time, but one processor executes their code in turn.

        It also executes the calls that receive and delete the batch.
        """
        efforts = [self._expired if self._has_expired(each) else self.effort(each.kind) for each in batch]
        return max(effort.wait for effort in efforts) + sum(effort.cpu for effort in efforts) + 2 * facts.call_cpu()

    def _has_expired(self, message: Message) -> bool:
        return message.command is not None and message.command.has_expired(self.world.now)

    def effort(self, kind: str) -> Effort:
        if kind not in self.efforts:
            work, latency = one_order()[LIKE.get(kind, kind)], self.plan.latency
            events = work.count("PutEvents")
            wait = work.dynamodb * latency.dynamodb + work.step_functions * latency.step_functions
            calls = work.dynamodb + work.step_functions + events
            self.efforts[kind] = Effort(wait + events * latency.events, calls * facts.call_cpu())
        return self.efforts[kind]

    def _back_off(self, name: str, message: Message) -> None:
        if message.tries >= 10:
            self.dead += 1
            return
        record = {"receiptHandle": "", "attributes": {"ApproximateReceiveCount": str(message.tries)}}
        self._chassis.back_off([record])
        again = message._replace(tries=message.tries + 1)
        self.world.after(Visibility.seconds, lambda: self._put(name, again))

    def _handle(self, message: Message) -> bool:
        """False if the message is to be retried."""
        order, command, now = message.order, message.command, self.world.now
        if message.kind == PLACE and order.status is None:
            order.status = Status.PLACED
            self.machine.start(order)
        if command is None or self._has_expired(message):
            return True
        if step := STEPS.get(message.kind):
            order.apply(step, now)
        if not self.machine.answer(command):
            return False
        if message.kind == "ConfirmOrder" and order.status is Status.CONFIRMED:
            self.world.after(self._on_the_way(), lambda: self._put("stock", Message(SELL, order)))
        return True


class Visibility:
    """Plays SQS for the chassis's queue, which says for how many seconds a message is hidden."""

    seconds = 0.0

    def get_queue_url(self, **_: str) -> dict[str, str]:
        return {"QueueUrl": "queue"}

    def change_message_visibility_batch(self, *, Entries: list[dict[str, Any]], **_: str) -> None:  # noqa: N803 AWS's name
        Visibility.seconds = Entries[0]["VisibilityTimeout"]
