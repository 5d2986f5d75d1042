"""A simulated payment provider. Its ledger is the provider's own account of what it holds, apart from payment's rows.

A token says how the provider behaves. services/basket/cards.py has the card number of each.
"""

import time
import uuid
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Protocol

from pydantic import Field

from chassis.core import instants
from chassis.core.errors import Conflict, Unavailable
from chassis.core.fields import Amount, Model
from services.payment.models import Status
from services.payment.provider import DECLINED, INSUFFICIENT_FUNDS, Answer, Authorized, Declined, Voided

APPROVED = {"tok_approved", "tok_twice", "tok_late", "tok_silent", ""}  # orders of before the token have none
REASONS = {"tok_insufficient_funds": INSUFFICIENT_FUNDS}  # any other token is declined without a special reason
NEVER = "9999-12-31T23:59:59.999Z"
NO_ANSWER = "The payment provider does not answer."


class Entry(Model):
    """What the ledger has under a key: AUTHORIZED, DECLINED or VOIDED."""

    idempotencyKey: str
    status: Status
    amount: Amount | None = None
    authorizationId: str | None = None
    reason: str | None = None
    answersAt: str = Field("", description="before this time the provider does not answer, although it holds the money")


class Ledger(Protocol):
    """The storage of the provider. `store.LedgerStore` implements it on DynamoDB."""

    def open(self, entry: Entry) -> Entry:
        """Writes the entry if its key has none. Returns the stored one."""
        ...

    def void(self, key: str) -> None:
        """Makes the entry VOIDED, or creates it so, unless it is DECLINED."""
        ...

    def check(self) -> None:
        """Raises Unavailable while the ledger, or the whole provider, is down."""
        ...


class SimulatedProvider:
    """Silent and late cards hold the money at once. Only the answer is missing, which is the worst case for the shop.

    `late` is the delay of a late answer, in seconds. Longer than the step's time-out, it comes after the order has
    ended. A call that gets no answer takes `timeout` seconds.
    """

    def __init__(
        self,
        ledger: Ledger,
        late: float,
        timeout: float = 1.0,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        wait: Callable[[float], None] = time.sleep,
    ) -> None:
        self._ledger = ledger
        self._late = late
        self._timeout = timeout
        self._clock = clock
        self._wait = wait

    def authorize(self, idempotency_key: str, amount: Decimal, token: str) -> Sequence[Answer]:
        """Raises Conflict if the key was used for another amount."""
        self._ledger.check()
        if token == "tok_down":  # noqa: S105 a test card
            raise Unavailable(NO_ANSWER)
        entry = self._ledger.open(self._entry(idempotency_key, amount, token))
        if entry.status is Status.VOIDED:
            return [Voided()]
        if entry.amount != amount:
            raise Conflict(f"The provider has another amount under {idempotency_key}.")
        if instants.write(self._clock()) < entry.answersAt:
            self._wait(self._timeout)
            raise Unavailable(NO_ANSWER)
        return [_answer(entry)] * (2 if token == "tok_twice" else 1)  # noqa: S105 a test card

    def void(self, idempotency_key: str) -> None:
        self._ledger.check()
        self._ledger.void(idempotency_key)

    def check(self) -> None:
        self._ledger.check()

    def _entry(self, key: str, amount: Decimal, token: str) -> Entry:
        if token not in APPROVED:
            reason = REASONS.get(token, DECLINED)
            return Entry(idempotencyKey=key, status=Status.DECLINED, amount=amount, reason=reason)
        return Entry(
            idempotencyKey=key,
            status=Status.AUTHORIZED,
            amount=amount,
            authorizationId=f"auth_{uuid.uuid4().hex}",
            answersAt=self._answers_at(token),
        )

    def _answers_at(self, token: str) -> str:
        if token == "tok_silent":  # noqa: S105 a test card
            return NEVER
        late = timedelta(seconds=self._late)
        return instants.write(self._clock() + late) if token == "tok_late" else ""  # noqa: S105 a test card


def _answer(entry: Entry) -> Answer:
    if entry.status is Status.DECLINED:
        return Declined(entry.reason or DECLINED)
    return Authorized(entry.authorizationId or "")
