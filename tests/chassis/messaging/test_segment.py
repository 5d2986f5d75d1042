import pytest

from chassis.core.errors import Misconfigured
from chassis.messaging.segment import WHOLE, Segment


def test_setting_is_a_number_of_a_total() -> None:
    assert Segment.of("2/3") == (2, 3)
    assert Segment.of("1/1") == WHOLE


@pytest.mark.parametrize("setting", ["", "0/3", "4/3", "1", "1/0", "-1/3", "1/3 ", "a/b", "1/3/5", "1/1000000", "١/٣"])
def test_other_setting_is_refused_with_what_to_write(setting: str) -> None:
    with pytest.raises(Misconfigured, match="for three relays, set it to 1/3, 2/3 and 3/3"):
        Segment.of(setting)
