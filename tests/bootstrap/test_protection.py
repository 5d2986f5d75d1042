"""Which tables refuse a deletion of their stack. tests/bootstrap/test_safeguards.py has those that are protected."""

from typing import Any

from bootstrap.protection import refuse_protected
from tests.bootstrap.fakes import aws_of, client_error

TABLE = "AWS::DynamoDB::Table"


class Empty:
    """DynamoDB without tables."""

    def describe_table(self, **_: str) -> None:
        raise client_error("ResourceNotFoundException")


def test_table_that_was_never_created_or_is_gone_does_not_keep_its_stack() -> None:
    held: list[Any] = [{"ResourceType": TABLE}, {"ResourceType": TABLE, "PhysicalResourceId": "shop-gone"}]
    refuse_protected(aws_of(Empty()), held, "shop")
