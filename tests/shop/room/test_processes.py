"""Processes by a supervisor that does not answer."""

from collections.abc import Callable
from pathlib import Path

import pytest

from bootstrap.errors import Failed
from shop.room.processes import Supervised


def test_states_are_not_known_without_a_supervisor(tmp_path: Path) -> None:
    assert Supervised(tmp_path / "none").states() == {}


@pytest.mark.parametrize(
    "call", [lambda it: it.pid("basket"), lambda it: it.start("basket"), lambda it: it.stop(["basket"], 1.0)]
)
def test_calls_without_a_supervisor_fail_with_a_sentence(tmp_path: Path, call: Callable[[Supervised], object]) -> None:
    with pytest.raises(Failed, match="The supervisor of `make run` did not do it"):
        call(Supervised(tmp_path / "none"))
