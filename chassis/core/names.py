"""The shop's name. The name of every resource begins with it, so two shops can share an account."""

from collections.abc import Mapping

from chassis.core.errors import Misconfigured

DEFAULT = "shopwire"


def shop_name(env: Mapping[str, str]) -> str:
    """Raises Misconfigured for the former variable, which would otherwise be ignored."""
    if env.get("SHOP_STACK"):
        raise Misconfigured("SHOP_STACK is called SHOP_NAME now. Rename the variable.")
    return env.get("SHOP_NAME") or DEFAULT
