"""The shop's name. The name of every resource begins with it, so two shops can share an account."""

from collections.abc import Callable, Mapping

from chassis.core.errors import Misconfigured

DEFAULT = "shopwire"


def shop_name(env: Mapping[str, str]) -> str:
    """Raises Misconfigured for the former variable, which would otherwise be ignored."""
    if env.get("SHOP_STACK"):
        raise Misconfigured("SHOP_STACK is called SHOP_NAME now. Rename the variable.")
    return env.get("SHOP_NAME") or DEFAULT


def table_names(env: Mapping[str, str]) -> Callable[[str], str]:
    """Gives the name of each table on AWS. SHOP_TABLES replaces some of them.

    Its entries have the form `TABLE=NAME`. Raises Misconfigured for another form.
    """
    shop, entries = shop_name(env), (env.get("SHOP_TABLES") or "").split()
    if wrong := [entry for entry in entries if not all(entry.partition("="))]:
        raise Misconfigured(f"SHOP_TABLES has {wrong[0]!r}. Write each entry as TABLE=NAME.")
    given = dict(entry.split("=", 1) for entry in entries)
    return lambda table: given.get(table) or f"{shop}-{table}"
