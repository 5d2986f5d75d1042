"""The shop in one process, on any stores: clients, relay and consumer take turns, and the books are kept."""

import itertools
import json
import uuid
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from decimal import Decimal
from functools import partial
from typing import TypeVar

from chassis.core.errors import Conflict, Invalid, NotFound, Unavailable
from chassis.core.events import Event
from chassis.messaging.relay import Relay
from services.basket.checkout import CheckoutInput, Receipt
from services.basket.models import Listing
from services.basket.service import BasketService
from services.ordering.consumer import make_consumer
from services.ordering.events_in import BasketCheckedOut
from services.ordering.service import OrderService
from tests.fakes import FakeClock, FakeDeadLetters, FakeReplies
from tests.lists import every_row
from tests.processes import eventually
from tests.resilience.model_based.backends import FalteringOrders, FalteringOutbox, Stalls, WatchedBaskets
from tests.resilience.model_based.fault_schedule import Blow, Died, Fate, Kind, Weather
from tests.resilience.model_based.ledger import (
    Ledger,
    Placed,
    PriceHistory,
    Task,
    checkout_of,
    everything,
    told,
    user_of,
)
from tests.samples import CHECKOUT

T = TypeVar("T")
ALL = -1.0  # an age that every row of the outbox has


class Market:
    """`belt` has the messages that wait for the consumer."""

    def __init__(self, stalls: Stalls, users: Collection[str]) -> None:
        self.users = users
        self.prices = PriceHistory()
        self.listings: dict[str, Listing] = {}
        self.belt: list[str] = []
        self._stalls = stalls
        self._weather = Weather()
        self._ledger = Ledger(self.prices)
        self._task = Task("", "")
        self._clock = FakeClock()
        self._day = 0
        self._numbers = itertools.count()
        self._answers: dict[object, str] = {}
        self._published: dict[str, BasketCheckedOut] = {}
        self._dead = FakeDeadLetters()
        self._orders = FalteringOrders(stalls.orders)
        baskets = WatchedBaskets(stalls.baskets, self._weather, self._ledger, self.prices, lambda: self._task)
        outbox = FalteringOutbox(stalls.outbox, self._weather)
        self.service = BasketService(baskets, self, outbox, self, lambda: str(uuid.uuid4()), self._clock)
        self._relay = Relay(outbox, self, ALL)  # type: ignore[arg-type] # as much of an outbox as a relay uses
        self._consumer = make_consumer(OrderService(self._orders), self._dead, FakeReplies())

    # ── What the basket service works with ──

    def look_up(self, product_ids: Collection[str]) -> dict[str, Listing]:
        return self._weather.strike(Kind.READ, lambda: {i: self.listings[i] for i in product_ids if i in self.listings})

    def publish(self, events: list[Event]) -> list[Event]:
        """A refusal concerns the first entry only."""
        return self._weather.strike(Kind.PUBLISH, partial(self._publish, events), partial(self._publish, events[1:]))

    def _publish(self, events: list[Event]) -> list[Event]:
        taken = self._stalls.publish(events) if events else []
        known = {event.id: checkout_of(event) for event in taken}
        self._published |= {i: checkout for i, checkout in known.items() if checkout.userName in self.users}
        return taken

    # ── What people do ──

    @contextmanager
    def amid(self, blows: Mapping[Kind, Sequence[Blow]]) -> Iterator[None]:
        with self._weather.of(blows):
            yield
        self._weather.land()

    def edit(self, task: Task, act: Callable[[], object]) -> None:
        """A success was written, a refusal was not; of anything else nobody knows, but it was not written twice."""
        try:
            self._as(task, act)
        except (Unavailable, Died):
            return
        except (Invalid, NotFound):
            assert task.written <= (task.takes is everything and not task.adds), f"{task.name} was denied and written"
        else:
            assert task.written, f"{task.name} was acknowledged and not written"

    def check_out(self, user: str, key: str | None, address: str, *, agreed: bool) -> None:
        slot = (user, key, self._day) if key else (user, "", next(self._numbers))
        task = Task(user, "a checkout", takes=everything, slot=slot, address=address)
        if agreed and (basket := self._stalls.baskets.get(user)):
            task.expected = basket.priced(self.listings).totalPrice
        request = CheckoutInput.model_validate(
            CHECKOUT | {"userName": user, "address": address, "expectedTotal": task.expected}
        )
        try:
            receipt = self._as(task, lambda: self.service.checkout(request, key))
        except (Unavailable, Died):
            return
        except Invalid:
            (there,) = self._placed_as(slot)
            assert (there.task.address, there.task.expected) != (address, task.expected), "a repetition was refused"
        except (NotFound, Conflict):
            assert not self._placed_as(slot), "a placed order was denied"
        else:
            self._check_answer(task, receipt)

    def _check_answer(self, task: Task, receipt: Receipt) -> None:
        (there,) = self._placed_as(task.slot)
        assert (there.task.address, there.task.expected) == (task.address, task.expected), "another's answer"
        assert told(receipt) == there.answer
        assert self._answers.setdefault(task.slot, receipt.answer) == receipt.answer, "not the same byte for byte"

    def _placed_as(self, slot: object) -> list[Placed]:
        return [placed for placed in self._ledger.placed.values() if placed.task.slot == slot]

    def _as(self, task: Task, act: Callable[[], T]) -> T:
        before, self._task = self._task, task
        try:
            return act()
        finally:
            self._task = before

    def list_(self, product: str, price: Decimal | None) -> None:
        """At a price, or no longer."""
        self.prices.change(product, price)
        self.listings.pop(product, None)
        if price is not None:
            self.listings[product] = Listing(product.upper(), price)

    def pass_a_day(self) -> None:
        self._clock.pass_(hours=24)
        self._day += 1

    # ── What workers do ──

    def relay(self) -> None:
        with suppress(Unavailable, Died):
            self._relay.sweep()

    def deliver(self, picks: Sequence[int], fates: Sequence[Fate] = (), *, forget: bool = True) -> None:
        """One batch: the messages at those places of the belt, in that order, as often as they are named."""
        self.belt += [body for body in self._stalls.collect() if user_of(body) in self.users]
        places = [pick % len(self.belt) for pick in picks if self.belt]
        ids = [json.loads(self.belt[place])["detail"]["data"]["orderId"] for place in places]
        self._orders.fates = dict(zip(ids, fates, strict=False))
        records = [{"messageId": str(i), "body": self.belt[place]} for i, place in enumerate(places)]
        answer = self._consumer.handle_batch({"Records": records})
        failed = {places[int(failure["itemIdentifier"])] for failure in answer["batchItemFailures"]}
        gone = set(places) - failed if forget else set()
        self.belt = [body for place, body in enumerate(self.belt) if place not in gone]
        assert self._dead.sent == [], "an order was given up"

    # ── What an auditor sees ──

    def balance(self) -> None:
        """Nothing is lost on its way, wherever it is just now."""
        baskets = [basket for user in self.users if (basket := self._stalls.baskets.get(user))]
        assert self._placed_orders().items() <= self._published.items(), "an order of no event"
        self._ledger.balance(baskets, self._published | self._left_behind())

    def close(self) -> None:
        """All is calm, what was left behind arrives: every checkout is one order and has its receipt."""
        self._relay.sweep()
        assert self._left_behind() == {}
        eventually(self._all_delivered)
        self.balance()
        assert self._placed_orders() == {i: placed.checkout for i, placed in self._ledger.placed.items()}
        for placed in {placed.slot[:2]: placed for placed in self._ledger.placed.values()}.values():
            receipt = self._stalls.baskets.receipt(placed.task.user, placed.slot[1] or placed.checkout.orderId)
            assert receipt, "an order without a receipt"
            assert told(receipt) == placed.answer

    def _all_delivered(self) -> bool:
        self.deliver(range(len(self.belt)))
        return not self.belt and len(self._placed_orders()) >= len(self._ledger.placed)

    def _left_behind(self) -> dict[str, BasketCheckedOut]:
        waiting = (pending.event for page in self._stalls.outbox.pending(ALL) for pending in page if pending.event)
        left = {event.id: checkout_of(event) for event in waiting}
        return {order_id: checkout for order_id, checkout in left.items() if checkout.userName in self.users}

    def _placed_orders(self) -> dict[str, BasketCheckedOut]:
        pages = (
            every_row(lambda cursor: self._stalls.orders.page_of_user(user, None, 100, cursor))  # noqa: B023 read at once
            for user in self.users
        )
        return {order.orderId: BasketCheckedOut.model_validate(order.model_dump()) for page in pages for order in page}
