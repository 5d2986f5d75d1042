"""A change, as a reader sees it; preparing and executing are tried in `test_deploy.py`."""

import pytest

from bootstrap.changes import Change


@pytest.mark.parametrize(
    ("action", "replaces", "shown"),
    [
        ("Add", False, "+ Bus  AWS::Events::EventBus"),
        ("Remove", False, "- Bus  AWS::Events::EventBus"),
        ("Modify", True, "~ Bus  AWS::Events::EventBus  (replaced: the new one is empty)"),
        ("Import", False, "? Bus  AWS::Events::EventBus"),
    ],
)
def test_a_change_is_one_line(action: str, replaces: bool, shown: str) -> None:
    assert str(Change(action, "Bus", "AWS::Events::EventBus", replaces)) == shown


def test_only_tables_hold_rows() -> None:
    assert Change("Remove", "T", "AWS::DynamoDB::Table", replaces=False).loses_rows
    assert not Change("Remove", "Q", "AWS::SQS::Queue", replaces=False).loses_rows
    assert not Change("Modify", "T", "AWS::DynamoDB::Table", replaces=False).loses_rows
