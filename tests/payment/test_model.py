"""Payment's rows and the provider's ledger agree, whatever the sequence of commands, crashes and late answers."""

from collections.abc import Callable
from contextlib import suppress
from decimal import Decimal
from itertools import count

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from chassis.core.errors import Unavailable
from services.basket.cards import APPROVED, TEST_CARDS
from services.payment.models import Status
from services.payment.provider import Authorized
from tests.payment.fakes import Crash, PaymentShop, authorize_message, nothing, void_message

ORDERS = st.sampled_from(["o-1", "o-2", "o-3"])
FAULTS: dict[str, BaseException] = {"crash": Crash(), "no answer": Unavailable("no answer")}
STEPS = st.integers(0, 7)
FINAL = {Status.AUTHORIZED, Status.DECLINED, Status.VOIDED}


class Payments(RuleBasedStateMachine):
    """`waiting` has the messages that SQS will deliver again: those that failed, and copies."""

    def __init__(self) -> None:
        super().__init__()
        self.shop = PaymentShop()
        self.tokens: dict[str, str] = {}
        self.waiting: list[str] = []
        self.voided: set[str] = set()
        self.numbers = count()
        self.declined: dict[str, str | None] = {}

    @initialize(cards=st.lists(st.sampled_from([APPROVED, *TEST_CARDS.values()]), min_size=3, max_size=3))
    def choose_cards(self, cards: list[str]) -> None:
        self.tokens = dict(zip(("o-1", "o-2", "o-3"), cards, strict=True))

    @rule(order=ORDERS)
    def authorize(self, order: str) -> None:
        self._deliver(self._authorization(order))

    @rule(order=ORDERS)
    def void(self, order: str) -> None:
        self._void(order)

    @rule(order=ORDERS, at=STEPS, fault=st.sampled_from([*FAULTS]))
    def fail_in_authorization(self, order: str, at: int, fault: str) -> None:
        self._fail(self._authorization(order), at, fault)

    @rule(order=ORDERS, at=STEPS, fault=st.sampled_from([*FAULTS]))
    def fail_in_void(self, order: str, at: int, fault: str) -> None:
        self._fail(self._void_of(order), at, fault)

    @rule(order=ORDERS, at=STEPS)
    def void_during_an_authorization(self, order: str, at: int) -> None:
        self._at(at, lambda: self._void(order))
        self._deliver(self._authorization(order))
        self.shop.steps(nothing)

    @rule(order=ORDERS, at=STEPS)
    def authorize_during_a_void(self, order: str, at: int) -> None:
        self._at(at, lambda: self._deliver(self._authorization(order)))
        self._void(order)
        self.shop.steps(nothing)

    @rule(order=ORDERS)
    def repeat_the_answer(self, order: str) -> None:
        """As a provider's webhook does that comes twice, or late."""
        row, entry = self.shop.payments.get("ann", order), self.shop.ledger.entries.get(order)
        if row and entry and entry.authorizationId:
            with suppress(Unavailable):
                self.shop.service.settle(row, Authorized(entry.authorizationId))

    @rule()
    def redeliver(self) -> None:
        waiting, self.waiting = self.waiting, []
        for body in waiting:
            self._deliver(body)

    @rule(down=st.booleans())
    def take_the_provider_down_or_up(self, down: bool) -> None:
        self.shop.ledger.down = down

    @rule(seconds=st.sampled_from([1, 60, 100]))
    def pass_time(self, seconds: int) -> None:
        self.shop.clock.pass_(seconds=seconds)

    @invariant()
    def authorized_rows_are_held_with_the_same_id_and_amount(self) -> None:
        for row in self.shop.payments.rows.values():
            if row.status is Status.AUTHORIZED:
                entry = self.shop.ledger.entries[row.orderId]
                found = entry.status, entry.authorizationId, entry.amount
                assert found == (Status.AUTHORIZED, row.authorizationId, row.amount)

    @invariant()
    def what_was_voided_stays_void_and_is_not_held(self) -> None:
        for order in self.voided:
            row = self.shop.payments.get("ann", order)
            assert row
            assert row.status in {Status.VOIDED, Status.DECLINED}
            assert order not in self.shop.ledger.held()

    @invariant()
    def what_was_declined_stays_declined_for_the_same_reason(self) -> None:
        for row in self.shop.payments.rows.values():
            if row.status is Status.DECLINED:
                assert self.declined.setdefault(row.orderId, row.reason) == row.reason
        for order in self.declined:
            row = self.shop.payments.rows["ann", order]
            assert row.status is Status.DECLINED
            assert order not in self.shop.ledger.held()

    @invariant()
    def no_message_goes_to_the_dead_letter_queue(self) -> None:
        assert self.shop.dead.sent == []

    def teardown(self) -> None:
        """After the outage, every message is handled, and the machine voids what never was answered."""
        self.shop.steps(nothing)
        self.shop.ledger.down = False
        self.redeliver()
        for order in self.tokens:
            row = self.shop.payments.get("ann", order)
            if row and row.status not in FINAL:
                self._void(order)
        assert {row.status for row in self.shop.payments.rows.values()} <= FINAL
        self.authorized_rows_are_held_with_the_same_id_and_amount()
        self.what_was_voided_stays_void_and_is_not_held()
        authorized = {
            row.orderId: row.amount for row in self.shop.payments.rows.values() if row.status is Status.AUTHORIZED
        }
        assert self.shop.ledger.held() == authorized
        assert set(authorized.values()) <= {Decimal("36.90")}

    def _authorization(self, order: str) -> str:
        return authorize_message(f"t-{next(self.numbers)}", orderId=order, paymentToken=self.tokens[order])

    def _void_of(self, order: str) -> str:
        return void_message(f"t-{next(self.numbers)}-{order}-void", orderId=order)

    def _void(self, order: str) -> None:
        self._deliver(self._void_of(order))

    def _deliver(self, body: str) -> None:
        if not self.shop.deliver(body):
            self.waiting.append(body)
        self._note_answers()

    def _note_answers(self) -> None:
        """A void counts from its answer on: the state machine then believes that nothing is held."""
        done = [token for token, answer in self.shop.tasks.answers if answer == {}]
        self.voided |= {token.rpartition("-void")[0].partition("-")[2].partition("-")[2] for token in done}

    def _at(self, at: int, act: Callable[[], None]) -> None:
        seen = count()

        def step(_: str) -> None:
            if next(seen) == at:
                self.shop.steps(nothing)
                act()

        self.shop.steps(step)

    def _fail(self, body: str, at: int, fault: str) -> None:
        def fail() -> None:
            raise FAULTS[fault]

        self._at(at, fail)
        try:
            self._deliver(body)
        except Crash:
            self.waiting.append(body)
            self._note_answers()
        self.shop.steps(nothing)


def test_rows_and_ledger_agree_in_every_history() -> None:
    run_state_machine_as_test(Payments, settings=settings(max_examples=200, stateful_step_count=30, deadline=None))
