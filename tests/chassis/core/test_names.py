import pytest

from chassis.core.errors import Misconfigured
from chassis.core.names import shop_name, table_names


def test_shop_name_comes_from_the_environment() -> None:
    assert [shop_name({"SHOP_NAME": name}) for name in ("mine", "")] == ["mine", "shopwire"]
    assert shop_name({}) == "shopwire"


def test_former_setting_shop_stack_is_rejected() -> None:
    with pytest.raises(Misconfigured, match="SHOP_NAME"):
        shop_name({"SHOP_STACK": "mine"})
    assert shop_name({"SHOP_STACK": "", "SHOP_NAME": "mine"}) == "mine"


def test_tables_have_the_name_of_the_shop_or_that_of_a_restored_table() -> None:
    table = table_names({"SHOP_NAME": "mine", "SHOP_TABLES": "order=mine-order-2  payment-ledger=old"})
    names = ["order", "order-outbox", "payment-ledger"]
    assert [table(name) for name in names] == ["mine-order-2", "mine-order-outbox", "old"]
    assert [table_names({"SHOP_TABLES": given})("order") for given in ("", " ")] == ["shopwire-order"] * 2


@pytest.mark.parametrize("given", ["order", "order=", "=order-2", "stock=stock-2 order"])
def test_a_table_without_a_name_is_refused(given: str) -> None:
    with pytest.raises(Misconfigured, match=r"SHOP_TABLES has .*order"):
        table_names({"SHOP_TABLES": given})
