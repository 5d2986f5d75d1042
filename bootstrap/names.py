"""The names of a shop's stacks and resources, all derived from the name of the shop."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from bootstrap.errors import Misused
from chassis.core.errors import Misconfigured
from chassis.core.names import shop_name

# The longest names made of it are those of the alarms and the rules (64 characters).
_SHOP = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,39}")
PLATFORM = "platform"
FRONT = "front"  # API Gateway
ROOM = "room"  # the machine room's copy of all events


@dataclass(frozen=True)
class Names:
    """Names for one shop; a test compares them with the templates."""

    shop: str

    def __post_init__(self) -> None:
        if not _SHOP.fullmatch(self.shop):
            raise Misused(
                f"SHOP_NAME={self.shop} cannot be the name of a shop: use a letter, then letters, digits and hyphens, "
                "at most 40 characters"
            )

    @classmethod
    def from_env(cls, env: Mapping[str, str]) -> "Names":
        try:
            return cls(shop_name(env))
        except Misconfigured as error:
            raise Misused(str(error)) from error

    def stack_of(self, service: str) -> str:
        """The stack of a service, or of the platform."""
        return f"{self.shop}-{service}"

    @property
    def bus(self) -> str:
        return f"{self.shop}-bus"

    @property
    def state_machine(self) -> str:
        """It fulfils orders, and each execution has the name of its order and attempt."""
        return f"{self.shop}-fulfil-order"

    @property
    def doctor_queue(self) -> str:
        """The queue in which consumers answer test messages."""
        return f"{self.shop}-doctor"

    @property
    def tap_queue(self) -> str:
        """The queue with the machine room's copies of all events."""
        return f"{self.shop}-tap"
