from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from botocore.exceptions import ClientError
from botocore.stub import Stubber

from chassis.aws.clients import Clients
from chassis.aws.transactions import commit
from chassis.core.errors import Refused, Unavailable

ACTIONS: list[dict[str, Any]] = [{"Delete": {"TableName": "things", "Key": {"id": "a"}}}]


class Stubbed:
    """A client whose next transactions are cancelled for these reasons, and answered after that."""

    def __init__(self, client: Any, stubber: Stubber) -> None:
        self.client = client
        self._stubber = stubber

    def cancel(self, *reasons: str, unanswered: bool = False) -> None:
        self._stubber.add_client_error(
            "transact_write_items",
            "TransactionCanceledException",
            modeled_fields={"CancellationReasons": [{"Code": reason} for reason in reasons]},
            response_meta={"Unanswered": unanswered},
        )

    def refuse(self, code: str, status: int = 400) -> None:
        self._stubber.add_client_error("transact_write_items", code, http_status_code=status)

    def answer(self) -> None:
        self._stubber.add_response("transact_write_items", {})


@pytest.fixture
def stubbed(aws_env: Mapping[str, str]) -> Iterator[Stubbed]:
    client = Clients(aws_env).of("dynamodb")
    with Stubber(client) as stubber:
        yield Stubbed(client, stubber)
        stubber.assert_no_pending_responses()


def test_answered_transaction_is_committed(stubbed: Stubbed) -> None:
    stubbed.answer()
    assert commit(stubbed.client, ACTIONS)


@pytest.mark.parametrize("reasons", [["None", "ConditionalCheckFailed"], ["TransactionConflict"]])
def test_failed_condition_or_conflict_is_a_lost_race(stubbed: Stubbed, reasons: list[str]) -> None:
    stubbed.cancel(*reasons)
    assert commit(stubbed.client, ACTIONS) is False


def test_busy_table_gets_a_second_attempt(stubbed: Stubbed) -> None:
    stubbed.cancel("ThrottlingError", "TransactionConflict")
    stubbed.answer()
    assert commit(stubbed.client, ACTIONS)


def test_busy_table_is_refused_after_two_attempts(stubbed: Stubbed) -> None:
    stubbed.cancel("ThrottlingError")
    stubbed.cancel("ProvisionedThroughputExceeded")
    with pytest.raises(Refused):
        commit(stubbed.client, ACTIONS)


def test_throttled_call_is_refused(stubbed: Stubbed) -> None:
    stubbed.refuse("ThrottlingException")
    with pytest.raises(Refused):
        commit(stubbed.client, ACTIONS)


@pytest.mark.parametrize("reasons", [["ConditionalCheckFailed"], ["TransactionConflict"]])
def test_lost_race_after_an_unanswered_attempt_has_an_unknown_outcome(stubbed: Stubbed, reasons: list[str]) -> None:
    stubbed.cancel(*reasons, unanswered=True)
    with pytest.raises(Unavailable) as caught:
        commit(stubbed.client, ACTIONS)
    assert not isinstance(caught.value, Refused)


def test_server_error_has_an_unknown_outcome(stubbed: Stubbed) -> None:
    stubbed.refuse("InternalServerError", 500)
    with pytest.raises(Unavailable) as caught:
        commit(stubbed.client, ACTIONS)
    assert not isinstance(caught.value, Refused)


def test_bug_is_raised_unchanged(stubbed: Stubbed) -> None:
    stubbed.cancel("ConditionalCheckFailed", "ValidationError")
    with pytest.raises(ClientError):
        commit(stubbed.client, ACTIONS)
