"""Transactions of DynamoDB. Each was committed, lost a race, was refused, or got no answer."""

import uuid
from typing import Any

from botocore.exceptions import ClientError

from chassis.aws.errors import unavailable, was_unanswered
from chassis.core import deadline
from chassis.core.errors import Refused, Unavailable

MAX_ATTEMPTS = 2  # of a transaction that AWS cancels without a lost race, most often because the table is busy


def commit(dynamodb: Any, actions: list[dict[str, Any]]) -> bool:
    """Executes `actions` of TransactWriteItems, all or none.

    Returns False if a condition failed or a concurrent write won. Raises Refused if two attempts were refused, so
    nothing was written, and Unavailable if an attempt got no answer, so it may have taken effect.
    """
    unanswered = False
    for attempt in deadline.attempts(pause=deadline.LONGEST_PAUSE):
        cancelled = _transact(dynamodb, actions)
        if cancelled is None:
            return True
        unanswered |= was_unanswered(cancelled.response)
        if unanswered and _lost_race(cancelled):
            raise Unavailable("DynamoDB did not answer the first attempt.") from cancelled
        if _lost_race(cancelled):
            return False
        if attempt + 1 == MAX_ATTEMPTS:
            raise (Unavailable if unanswered else Refused)("DynamoDB is too busy.") from cancelled
    raise AssertionError  # attempts() ends by raising


def _transact(dynamodb: Any, actions: list[dict[str, Any]]) -> ClientError | None:
    try:
        with unavailable("DynamoDB"):
            dynamodb.transact_write_items(TransactItems=actions, ClientRequestToken=str(uuid.uuid4()))
    except ClientError as error:
        return error
    return None


def _lost_race(error: ClientError) -> bool:
    """True if a condition failed or another write won, False if the table was busy. Raises `error` if it is a bug."""
    response: Any = error.response
    reasons = {reason.get("Code", "None") for reason in response.get("CancellationReasons", [])} - {"None"}
    if response["Error"]["Code"] != "TransactionCanceledException" or "ValidationError" in reasons:
        raise error
    return "ConditionalCheckFailed" in reasons or reasons == {"TransactionConflict"}
