import pytest

from bootstrap.errors import Misused
from bootstrap.names import Names


@pytest.mark.parametrize("name", ["", "1shop", "a_b", "a b", "-a", "shop\n", "ä", "a" * 41])
def test_a_name_that_aws_would_refuse_is_refused_first(name: str) -> None:
    with pytest.raises(Misused, match="cannot be the name of a shop"):
        Names(name)


def test_every_name_begins_with_the_shops() -> None:
    names = Names("mine")
    assert (names.bus, names.doctor_queue, names.stack_of("basket")) == ("mine-bus", "mine-doctor", "mine-basket")
