"""What the buttons do. Each says first what will happen, and then what happened."""

import json
import os
import secrets
import signal
from collections.abc import Callable, Mapping
from typing import NamedTuple, Protocol

from bootstrap import stacks
from bootstrap.aws import Aws
from bootstrap.errors import Failed
from bootstrap.names import Names
from shop.demo.client import Client
from shop.demo.scenario import Demo
from shop.dlq.queues import DeadLetterQueue, dead_letter_queues
from shop.dlq.receiver import Selection, receiving
from shop.dlq.redrive import Redrive
from shop.emulator.lost_answers import SECONDS
from shop.emulator.ministack import PROCESS
from shop.room.ring import Ring

CHECKOUT, SOURCE = "CheckoutBasket", "com.swn.basket.checkoutbasket"
CARDS = {"approved": "4111111111111111", "silent": "4000000000000119"}
STOPPED_WITHIN = 20.0  # seconds


class Offer(NamedTuple):
    """A button: its label, and what will happen. With `local`, it needs the processes of `make run`."""

    label: str
    promise: str
    local: bool = False


OFFERS: Mapping[str, Offer] = {
    "buy": Offer("Buy", "A customer fills a basket and checks out. The saga confirms the order."),
    "silent": Offer(
        "Buy with a silent provider",
        "The payment provider holds the money and never answers. After a minute the saga gives up, voids the payment, "
        "releases the stock, and rejects the order.",
    ),
    "poison": Offer(
        "Send a poison message",
        "A checkout without its data goes through the bus. No retry can help, so ordering-consumer puts it into "
        "order-dlq with the reason. Other messages are not held up.",
    ),
    "again": Offer(
        "Deliver the last checkout twice",
        "The bus gets the same CheckoutBasket again. Its order id comes from basket, so there is no second order.",
    ),
    "lose": Offer(
        "Lose answers",
        f"For {SECONDS:.0f} seconds, the emulator does what it is asked, but every second answer to a write is lost. "
        "The services look whether a write took effect, or try again, so an event may be published twice. Buy "
        "meanwhile, and there is one order.",
        local=True,
    ),
    "redrive": Offer(
        "Redrive all dead letters",
        "Each message goes back to where it failed. What was an outage succeeds. A poison message comes back.",
    ),
}  # fmt: skip
VERBS: Mapping[str, str] = {
    "stop": "It ends in order. Its messages wait in the queue, and nothing is lost.",
    "start": "It goes on with what waits.",
    "kill": "It ends at once, in the middle of its work, and is started again. A message that it held comes back after "
    "30 seconds.",
}  # fmt: skip


class Processes(Protocol):
    """`shop.processes.supervisor_client.SupervisorClient`, as far as the room uses it."""

    def pid(self, name: str) -> int:
        """0 if it does not run."""
        ...

    def start(self, name: str) -> None: ...

    def stop(self, names: list[str], within: float) -> None: ...


class Actions:
    """Raises Failed with what is wrong. `processes` is None where the room cannot stop any, as in containers.

    `sign` makes the token of a user.
    """

    def __init__(
        self,
        aws: Aws,
        names: Names,
        ring: Ring,
        urls: Mapping[str, str],
        processes: Processes | None,
        sign: Callable[[str], str],
        kill: Callable[[int, int], None] = os.killpg,
    ) -> None:
        self._aws, self._names, self._ring, self._urls, self._processes = aws, names, ring, urls, processes
        self._sign, self._kill = sign, kill

    def do(self, name: str) -> str:
        """What happened, as a sentence."""
        match name:
            case "buy":
                return self._buy(CARDS["approved"])
            case "silent":
                return self._buy(CARDS["silent"])
            case "poison":
                self._publish(SOURCE, CHECKOUT, _poison(f"room-{secrets.token_hex(4)}"))
                return "The bus accepted it. In a moment it is in order-dlq, and no order is held up."
            case "again":
                return self._again()
            case "lose":
                return self._lose_answers()
            case _:
                return self._redrive()

    def control(self, verb: str, name: str) -> str:
        if self._processes is None:
            raise Failed(f"This room cannot {verb} {name}. Type the command that the page shows.")
        if verb == "stop":
            self._processes.stop([name], STOPPED_WITHIN)
            return f"{name} is stopped."
        if verb == "start":
            self._processes.start(name)
            return f"{name} is started."
        if not (pid := self._processes.pid(name)):
            raise Failed(f"{name} does not run.")
        self._kill(pid, signal.SIGKILL)
        return f"{name} (pid {pid}) was killed."

    def _lose_answers(self) -> str:
        pid = self._processes.pid(PROCESS) if self._processes else 0
        if not pid:
            raise Failed("Only the emulator that `make run` starts can lose answers.")
        self._kill(pid, signal.SIGUSR1)
        return f"Every second answer to a write is lost for {SECONDS:.0f} seconds. Buy something now."

    def _buy(self, card: str) -> str:
        user = f"room-{secrets.token_hex(3)}"
        client = Client(f"room-{secrets.token_hex(4)}", lambda _: None, self._sign(user))
        demo = Demo(user, self._urls, client, lambda _: None, 0, "", card)
        order = demo.check_out(demo.fill_basket()).body
        return f"The checkout was accepted after {client.milliseconds():.0f} ms as order {order['orderId']}."

    def _again(self) -> str:
        checkouts = [seen for seen in self._ring.all() if seen.type == CHECKOUT and seen.summary and not seen.is_test]
        if not checkouts:
            raise Failed("No checkout has passed since the room started. Buy something first.")
        last = checkouts[-1]
        self._publish(last.source, last.type, json.dumps(last.event["detail"]))
        return "The bus accepted it again. It travels on the map, and the books count no other order."

    def _publish(self, source: str, detail_type: str, detail: str) -> None:
        entry = {"EventBusName": self._names.bus, "Source": source, "DetailType": detail_type, "Detail": detail}
        [result] = self._aws.events.put_events(Entries=[entry])["Entries"]  # type: ignore[list-item] # a plain dict
        if "EventId" not in result:
            raise Failed(f"The bus refused the event: {result.get('ErrorCode')}.")

    def _redrive(self) -> str:
        queues = dead_letter_queues(self._aws, stacks.resources(self._aws, self._names), self._names.bus)
        moved = sum(self._redrive_one(queue) for queue in queues if queue.waiting)
        letters = "dead letter" if moved == 1 else "dead letters"
        return f"{moved} {letters} put back." if moved else "There was nothing to put back."

    def _redrive_one(self, queue: DeadLetterQueue) -> int:
        work = Redrive(self._aws, queue, lambda _: None)
        with receiving(self._aws.sqs, queue.url) as receiver:
            work.run(receiver, Selection(), queue.waiting)
        return work.count


def _poison(identity: str) -> str:
    metadata = {"id": identity, "idempotency-key": identity, "version": 1, "correlation-id": identity}
    return json.dumps({"metadata": metadata, "data": {}})
