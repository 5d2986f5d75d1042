"""Orders, and the executions of their state machine, whose states are walked as the template defines them."""

from collections import deque
from collections.abc import Callable, Sequence
from typing import NamedTuple

from services.ordering.lifecycle import TRANSITIONS, Step
from services.ordering.models import OPEN, Status
from services.ordering.order_ids import SHARDS
from services.ordering.sweep import LONGEST_EXECUTION, PATIENCE, RESERVE, SECONDS
from simulate import facts, machine
from simulate.facts import Latency, Quota
from simulate.world import Bucket, Period, Process, World, is_out

TICK = 60.0  # seconds, of the sweep's rule
STEPS = {"ConfirmOrder": Step.CONFIRM, "RejectOrder": Step.REJECT, "FinishOrder": Step.FINISH}
FORWARD = {"ReserveStock", "AuthorizePayment"}  # only these are not begun after their time-out
SWEPT = 2, 2  # calls to DynamoDB and to Step Functions for each order that is continued


class Order:
    """Times are in seconds of the simulation."""

    __slots__ = ("attempted_at", "checked_out_at", "ended_at", "status", "waiting")

    def __init__(self, now: float) -> None:
        self.checked_out_at = now
        self.attempted_at = now
        self.ended_at: float | None = None
        self.status: Status | None = None  # None until it is placed
        self.waiting: Command | None = None  # for the answer to it

    def apply(self, step: Step, now: float) -> None:
        if self.status and (new := TRANSITIONS.get((step, self.status))):
            self.status = new
            self.ended_at = None if new in OPEN else now


class Command(NamedTuple):
    order: Order
    step: machine.Step
    entered: float

    def has_expired(self, now: float) -> bool:
        return self.step.command in FORWARD and now > self.entered + self.step.seconds


Send = Callable[[str, Command], None]  # to a queue


class StepFunctions:
    """Starts and continues executions within the quotas, and sends their commands."""

    def __init__(
        self, world: World, latency: Latency, quotas: Sequence[Quota], outages: Sequence[Period], send: Send
    ) -> None:
        self._world = world
        self._latency = latency
        self._outages = outages
        self._send = send
        self._quotas = {quota.name: Bucket(world, quota.rate, quota.burst) for quota in quotas}
        self.left: deque[Order] = deque()  # to the sweep, the longest open first
        self.transitions = 0
        self.swept = 0

    def start(self, order: Order) -> None:
        """Best effort, as ordering's Fulfilment. The sweep starts what this does not."""
        order.attempted_at = self._world.now
        if self._admits(facts.START_EXECUTION):
            self._enter(order, machine.start())
        else:
            self.left.append(order)

    def answer(self, command: Command) -> bool:
        """False if Step Functions does not take the answer now. A task that has timed out ignores it."""
        if not self._admits(facts.SEND_TASK_SUCCESS):
            return False
        if command.order.waiting is command:
            self._enter(command.order, machine.after(command.step.state))
        return True

    def sweep(self) -> Process:
        """Each minute, in as many threads as the index has shards."""
        dynamodb, step_functions = SWEPT
        each = dynamodb * self._latency.dynamodb + step_functions * self._latency.step_functions
        while True:
            yield TICK
            ends = self._world.now + SECONDS - RESERVE
            while self._world.now < ends and self._may_continue():
                yield each / len(SHARDS)
                self.swept += 1
                self.start(self.left.popleft())

    def _may_continue(self) -> bool:
        if not self.left:
            return False
        age = self._world.now - self.left[0].attempted_at
        if age < PATIENCE.total_seconds():
            return False
        return age >= LONGEST_EXECUTION.total_seconds() or self._admits(facts.DESCRIBE_EXECUTION)

    def _enter(self, order: Order, state: str) -> None:
        order.waiting = None
        entered, waits = machine.passed(state, order.status or "")
        if waits is None and entered[-1] == "Failed":
            self.left.append(order)
        self._transit(len(entered), lambda: self._command(order, waits) if waits else None)

    def _transit(self, states: int, then: Callable[[], None]) -> None:
        """Throttled transitions happen later."""
        if self._take(facts.TRANSITIONS, states):
            self.transitions += states
            then()
        else:
            self._world.after(0.1, lambda: self._transit(states, then))

    def _command(self, order: Order, state: str) -> None:
        command = order.waiting = Command(order, machine.step(state), self._world.now)
        self._world.after(self._latency.transition, lambda: self._send(command.step.queue, command))
        self._world.after(command.step.seconds, lambda: self._time_out(command))

    def _time_out(self, command: Command) -> None:
        if command.order.waiting is command:
            self._enter(command.order, command.step.silent)

    def _admits(self, quota: Quota) -> bool:
        return not is_out(self._outages, self._world.now) and self._take(quota, 1)

    def _take(self, quota: Quota, tokens: int) -> bool:
        """A quota that the scenario does not have is raised, so that it is never reached."""
        return quota.name not in self._quotas or self._quotas[quota.name].take(tokens)
