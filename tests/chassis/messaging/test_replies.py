from typing import Any

import pytest

from chassis.messaging.replies import is_marked


@pytest.mark.parametrize("test", ["run-1", None, False])
def test_event_with_any_test_value_is_marked(test: Any) -> None:
    assert is_marked({"detail": {"metadata": {"test": test}}})


@pytest.mark.parametrize(
    "message",
    [None, 1, [], {}, {"detail": []}, {"detail": {}}, {"detail": {"metadata": None}}, {"detail": {"metadata": {}}}],
)
def test_anything_else_is_not_marked(message: Any) -> None:
    assert not is_marked(message)
