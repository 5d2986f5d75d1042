"""The shop in one process: clients, relay and consumer take turns, every write is checked, and nothing may get lost."""

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
from chassis.messaging.dispatch import publish_now
from chassis.messaging.relay import Relay
from services.basket.checkout import CheckoutInput, Receipt
from services.basket.models import Listing
from services.basket.service import BasketService
from services.ordering.events_in import BasketCheckedOut
from tests.fakes import FakeClock
from tests.processes import eventually
from tests.resilience.evidence import Evidence, Row
from tests.resilience.invariants import Checkout, Outcome, violations
from tests.resilience.model_based.backends import Backends, FaultyBaskets, FaultyOutbox
from tests.resilience.model_based.fault_schedule import Call, Crashed, Effect, Fault, FaultSchedule
from tests.resilience.model_based.ledger import CheckoutRequest, Ledger, Placed, Request, Slot, checkout_of, everything
from tests.resilience.model_based.ordering_model import OrderingModel
from tests.samples import CHECKOUT

T = TypeVar("T")
ALL = -1.0  # an age that every row of the outbox has


class ShopModel:
    """Plays the catalogue and the bus for the basket service."""

    def __init__(self, backends: Backends, users: Collection[str]) -> None:
        self.users = users
        self.listings: dict[str, Listing] = {}
        self._backends = backends
        self._schedule = FaultSchedule()
        self._ledger = Ledger()
        self._request = Request("", "")
        self._clock = FakeClock()
        self._day = 0
        self._numbers = itertools.count()
        self._history: dict[object, Checkout] = {}
        self._published: dict[str, BasketCheckedOut] = {}
        self._ordering = OrderingModel(backends, users)
        baskets = FaultyBaskets(backends.baskets, self._schedule, self._ledger, lambda: self._request)
        outbox = FaultyOutbox(backends.outbox, self._schedule)
        publish = partial(publish_now, bus=self, outbox=outbox)
        self.service = BasketService(baskets, self, publish, lambda: str(uuid.uuid4()), self._clock)
        self._relay = Relay(outbox, self, ALL)  # type: ignore[arg-type] # it has what a relay uses

    # ── What the basket service works with ──

    def look_up(self, product_ids: Collection[str]) -> dict[str, Listing]:
        return self._schedule.inject(
            Call.READ, lambda: {i: self.listings[i] for i in product_ids if i in self.listings}
        )

    def publish(self, events: list[Event]) -> list[Event]:
        """A refusal concerns the first entry only."""
        return self._schedule.inject(Call.PUBLISH, partial(self._publish, events), partial(self._publish, events[1:]))

    def _publish(self, events: list[Event]) -> list[Event]:
        accepted = self._backends.publish(events) if events else []
        checkouts = {event.id: checkout_of(event) for event in accepted}
        self._published |= {i: checkout for i, checkout in checkouts.items() if checkout.userName in self.users}
        return accepted

    # ── What clients do ──

    @contextmanager
    def with_faults(self, faults: Mapping[Call, Sequence[Fault]]) -> Iterator[None]:
        with self._schedule.during(faults):
            yield
        self._schedule.apply_late_writes()

    def edit(self, request: Request, act: Callable[[], object]) -> None:
        """An acknowledged edit was written, a refused one was not. Any other outcome is unknown."""
        try:
            self._for(request, act)
        except (Unavailable, Crashed):
            return
        except (Invalid, NotFound):
            removes_basket = request.takes is everything and not request.adds
            assert request.written <= removes_basket, f"{request.name} was refused and written"
        else:
            assert request.written, f"{request.name} was acknowledged and not written"

    def check_out(self, user: str, key: str | None, address: str, *, with_expected_total: bool) -> None:
        request = self._checkout_request(user, key, address)
        if with_expected_total and (basket := self._backends.baskets.get(user)):
            request.expected = basket.priced(self.listings).totalPrice
        content = (request.slot, address, request.expected)
        request.record = self._history.setdefault(content, Checkout(str(content), "", frozenset(), 0))
        body = CheckoutInput.model_validate(
            CHECKOUT | {"userName": user, "address": address, "expectedTotal": request.expected}
        )
        try:
            receipt = self._for(request, lambda: self.service.checkout(body, key))
        except (Unavailable, Crashed):
            return
        except Invalid:
            (placed,) = self._placed_in(request.slot)
            assert placed.request.record is not request.record, "a repetition was refused"
        except (NotFound, Conflict):
            assert not self._placed_in(request.slot), "a placed order was denied"
        else:
            self._acknowledged(request.record, receipt)

    def _checkout_request(self, user: str, key: str | None, address: str) -> CheckoutRequest:
        slot = (user, key, self._day) if key else (user, "", next(self._numbers))
        return CheckoutRequest(user, "checkout", takes=everything, slot=slot, address=address)

    def _acknowledged(self, record: Checkout, receipt: Receipt) -> None:
        order_id, _, total = answer = _answer_of(receipt)
        assert answer == self._ledger.placed[order_id].answer
        record.outcome, record.order_id, record.total = Outcome.ACKNOWLEDGED, order_id, total
        record.answers.add(receipt.answer)

    def _placed_in(self, slot: Slot) -> list[Placed]:
        return [placed for placed in self._ledger.placed.values() if placed.request.slot == slot]

    def _for(self, request: Request, act: Callable[[], T]) -> T:
        before, self._request = self._request, request
        try:
            return act()
        finally:
            self._request = before

    def set_price(self, product: str, price: Decimal | None) -> None:
        """None: the product is no longer sold."""
        self._ledger.record_price(product, price)
        self.listings.pop(product, None)
        if price is not None:
            self.listings[product] = Listing(product.upper(), price)

    def pass_a_day(self) -> None:
        self._clock.pass_(hours=24)
        self._day += 1

    # ── What workers do ──

    def relay(self) -> None:
        with suppress(Unavailable, Crashed):
            self._relay.sweep()

    def deliver(self, picks: Sequence[int], effects: Sequence[Effect] = (), *, delete: bool = True) -> None:
        self._ordering.deliver(picks, effects, delete=delete)

    # ── What must hold ──

    def check_units(self) -> None:
        """At any moment, wherever an order is on its way."""
        baskets = [basket for user in self.users if (basket := self._backends.baskets.get(user))]
        assert self._ordering.stored().items() <= self._published.items(), "an order without an event"
        self._ledger.check_units(baskets, self._published | self._in_outbox())

    def finish(self) -> None:
        """Without faults everything arrives: every checkout is one order and has its receipt."""
        self._relay.sweep()
        assert self._in_outbox() == {}
        eventually(self._all_delivered)
        self.check_units()
        placed = self._ledger.placed
        assert self._ordering.stored() == {i: each.event for i, each in placed.items()}
        assert violations([*self._history.values()], self._evidence(), self._ledger.prices) == []
        for each in {each.request.slot[:2]: each for each in placed.values()}.values():
            key = each.request.slot[1] or each.event.orderId
            receipt = self._backends.baskets.receipt(each.request.user, key)
            assert receipt, "an order without a receipt"
            assert _answer_of(receipt) == each.answer

    def _evidence(self) -> Evidence:
        placed = self._ledger.placed
        orders: list[Row] = [
            order.model_dump() | {"address": placed[i].request.record.ref if i in placed else "unknown"}
            for i, order in self._ordering.stored().items()
        ]
        return Evidence(orders, [{"orderId": order_id} for order_id in placed], pending={})

    def _all_delivered(self) -> bool:
        return self._ordering.deliver_all() and len(self._ordering.stored()) >= len(self._ledger.placed)

    def _in_outbox(self) -> dict[str, BasketCheckedOut]:
        rows = (pending.event for page in self._backends.outbox.pending() for pending in page if pending.event)
        checkouts = {event.id: checkout_of(event) for event in rows}
        return {order_id: checkout for order_id, checkout in checkouts.items() if checkout.userName in self.users}


def _answer_of(receipt: Receipt) -> tuple[str, str, Decimal]:
    answer = json.loads(receipt.answer, parse_float=Decimal)
    assert answer["status"] == "PENDING"
    return answer["orderId"], answer["orderDate"], answer["totalPrice"]
