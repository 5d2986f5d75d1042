"""The names `shop.yaml` gives its resources, all of them from the stack's name."""

import re
from dataclasses import dataclass

from bootstrap.errors import Misused

# The longest name made of it, the rule's DLQ alarm, still fits; so does the rule's (64 characters).
_STACK_NAME = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,39}")
DEFAULT_STACK = "shopwire"


@dataclass(frozen=True)
class Names:
    """Names for one stack; a test compares them with what the template makes."""

    stack: str

    def __post_init__(self) -> None:
        if not _STACK_NAME.fullmatch(self.stack):
            raise Misused(
                f"{self.stack!r} cannot be a stack's name: a letter, then letters, digits and "
                "hyphens, at most 40 in all (SHOP_NAME or --stack)"
            )

    @property
    def shop(self) -> str:
        """What every name begins with."""
        return self.stack

    @property
    def stacks(self) -> list[str]:
        """In the order in which they are created."""
        return [self.stack]

    def stack_of(self, service: str) -> str:
        """The name of a service's stack; "platform" is one too."""
        return f"{self.shop}-{service}"

    @property
    def doctor_queue(self) -> str:
        """Where consumers answer test messages."""
        return f"{self.shop}-doctor"

    @property
    def bus(self) -> str:
        return f"{self.stack}-bus"

    @property
    def rule(self) -> str:
        return f"{self.stack}-checkout-basket"

    @property
    def rule_dlq(self) -> str:
        return f"{self.stack}-checkout-basket-dlq"

    @property
    def order_queue(self) -> str:
        return f"{self.stack}-order"

    @property
    def order_dlq(self) -> str:
        return f"{self.stack}-order-dlq"

    @property
    def order_table(self) -> str:
        return f"{self.stack}-order"
