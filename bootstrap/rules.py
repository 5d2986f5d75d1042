"""Where a rule of a stack stands: on the shop's bus, or on the default bus if it has a schedule."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bootstrap.errors import unless_gone

if TYPE_CHECKING:
    from bootstrap.aws import Aws

DEFAULT_BUS = "default"


def locate(aws: Aws, identity: str, shop_bus: str) -> tuple[str, str]:
    """The bus and the name of the rule with this physical id. It is looked for only where the id does not say the bus.

    AWS and LocalStack say "bus|rule" of a rule on another bus than the default one. MiniStack says only the rule.
    """
    bus, _, rule = identity.rpartition("|")
    if bus:
        return bus, rule
    found = unless_gone(lambda: aws.events.describe_rule(Name=rule, EventBusName=shop_bus))
    return (shop_bus if found else DEFAULT_BUS), rule
