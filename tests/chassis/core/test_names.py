import pytest

from chassis.core.errors import Misconfigured
from chassis.core.names import shop_name


def test_shop_name_comes_from_the_environment() -> None:
    assert [shop_name({"SHOP_NAME": name}) for name in ("mine", "")] == ["mine", "shopwire"]
    assert shop_name({}) == "shopwire"


def test_former_setting_shop_stack_is_rejected() -> None:
    with pytest.raises(Misconfigured, match="SHOP_NAME"):
        shop_name({"SHOP_STACK": "mine"})
    assert shop_name({"SHOP_STACK": "", "SHOP_NAME": "mine"}) == "mine"
