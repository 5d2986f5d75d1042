import pytest

from chassis.core.errors import Misconfigured
from chassis.core.names import shop_name


def test_the_shop_has_the_name_that_its_environment_gives() -> None:
    assert [shop_name({"SHOP_NAME": name}) for name in ("mine", "")] == ["mine", "shopwire"]
    assert shop_name({}) == "shopwire"


def test_the_former_variable_is_refused_and_not_ignored() -> None:
    with pytest.raises(Misconfigured, match="SHOP_NAME"):
        shop_name({"SHOP_STACK": "mine"})
    assert shop_name({"SHOP_STACK": "", "SHOP_NAME": "mine"}) == "mine"
