"""What the payment service needs of a payment provider. An adapter of a real provider implements this protocol."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Protocol

DECLINED = "PAYMENT_DECLINED"
INSUFFICIENT_FUNDS = "PAYMENT_INSUFFICIENT_FUNDS"


@dataclass(frozen=True)
class Authorized:
    """The amount is held on the card."""

    authorization_id: str


@dataclass(frozen=True)
class Declined:
    """Final: the same key is declined again. `reason` is one of the constants above."""

    reason: str


@dataclass(frozen=True)
class Voided:
    """The key was voided before. Nothing is held."""


Answer = Authorized | Declined | Voided


class PaymentProvider(Protocol):
    """Both calls may be repeated, and raise Unavailable if the provider does not answer. They may then have had effect.

    A call returns within a few seconds, because a message is invisible to other consumers for only 30.
    """

    def authorize(self, idempotency_key: str, amount: Decimal, token: str) -> Sequence[Answer]:
        """Holds `amount` on the card once per key. The same key gets the same answer.

        Usually there is one answer. A provider that reports by webhook may report it more than once.
        """
        ...

    def void(self, idempotency_key: str) -> None:
        """After it returns, nothing is held under this key, and never will be, even if an authorization is under way.

        With a provider that cannot void an unknown key, the adapter first creates the payment under the key.
        """
        ...

    def check(self) -> None:
        """Raises Unavailable while the provider does not answer."""
        ...
