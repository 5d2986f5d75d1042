"""A change, as a reader sees it; preparing and executing are tried in `test_deploy.py`."""

import pytest

from bootstrap.changes import Change


@pytest.mark.parametrize(
    ("action", "replacement", "shown"),
    [
        ("Add", "False", "+ Bus  AWS::Events::EventBus"),
        ("Remove", "False", "- Bus  AWS::Events::EventBus"),
        ("Modify", "False", "~ Bus  AWS::Events::EventBus"),
        ("Modify", "True", "~ Bus  AWS::Events::EventBus  (replaced: the new one is empty)"),
        ("Modify", "Conditional", "~ Bus  AWS::Events::EventBus  (may be replaced: the new one would be empty)"),
        ("Import", "False", "? Bus  AWS::Events::EventBus"),
    ],
)
def test_a_change_is_one_line(action: str, replacement: str, shown: str) -> None:
    assert str(Change(action, "Bus", "AWS::Events::EventBus", replacement)) == shown


@pytest.mark.parametrize(
    ("action", "replacement", "may_lose"),
    [("Remove", "False", True), ("Modify", "True", True), ("Modify", "Conditional", True), ("Modify", "False", False)],
)
def test_only_tables_hold_rows(action: str, replacement: str, may_lose: bool) -> None:
    assert Change(action, "T", "AWS::DynamoDB::Table", replacement).may_lose_rows is may_lose
    assert not Change(action, "Q", "AWS::SQS::Queue", replacement).may_lose_rows
