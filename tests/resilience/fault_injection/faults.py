"""Faults that AWS has and emulators lack: their names, how often each hits a call, and the answers that they forge."""

import random
from collections.abc import Callable, Mapping
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import Any

from tests.resilience.fault_injection import wire

PUBLISH = "AWSEvents.PutEvents"
TRANSACTION = "DynamoDB_20120810.TransactWriteItems"
BATCH_GET = "DynamoDB_20120810.BatchGetItem"
BATCH_WRITE = "DynamoDB_20120810.BatchWriteItem"
RECEIVE = "AmazonSQS.ReceiveMessage"
SINGLE_WRITES = tuple(f"DynamoDB_20120810.{verb}Item" for verb in ("Put", "Update", "Delete"))
SQS_BATCHES = ("AmazonSQS.DeleteMessageBatch", "AmazonSQS.ChangeMessageVisibilityBatch")


class Fault(StrEnum):
    LOST_ANSWER = "answer lost after the effect"
    SERVER_ERROR = "500 before the effect"
    GARBLED = "another answer after the effect"
    THROTTLE = "throttled"
    UNPROCESSED = "nothing of a batch processed"
    UNSIGNED = "signature refused"
    LATENCY = "slow"
    BLACK_HOLE = "never answered"
    REFUSED_ENTRIES = "some entries refused"
    TRANSACTION_CONFLICT = "transaction conflict"
    PUBLISHED_TWICE = "published twice"
    DELIVERED_AGAIN = "delivered again"


Rules = Mapping[str, Mapping[Fault, float]]  # by a pattern of the operation: how likely each fault is; the first counts

ANYWHERE = (
    Fault.LOST_ANSWER, Fault.SERVER_ERROR, Fault.GARBLED, Fault.THROTTLE, Fault.UNSIGNED, Fault.LATENCY,
)  # fmt: skip
ALSO: dict[str, tuple[Fault, ...]] = {
    PUBLISH: (Fault.REFUSED_ENTRIES, Fault.PUBLISHED_TWICE),
    TRANSACTION: (Fault.TRANSACTION_CONFLICT,),
    BATCH_GET: (Fault.UNPROCESSED,),
    BATCH_WRITE: (Fault.UNPROCESSED,),
    RECEIVE: (Fault.DELIVERED_AGAIN,),
    **dict.fromkeys(SINGLE_WRITES, (Fault.TRANSACTION_CONFLICT,)),
    **dict.fromkeys(SQS_BATCHES, (Fault.REFUSED_ENTRIES,)),
}


def share_of_calls(share: float) -> dict[str, dict[Fault, float]]:
    """Rules by which `share` of all calls get a fault, evenly spread over the faults that the operation can have."""
    kinds = {operation: ANYWHERE + more for operation, more in ALSO.items()} | {"?*": ANYWHERE}
    return {operation: dict.fromkeys(faults, share / len(faults)) for operation, faults in kinds.items()}


def always(fault: Fault, operation: str = "*") -> Rules:
    return {operation: {fault: 1.0}}


class SeededFaults:
    """The seed decides which fault the n-th call of an operation gets, whatever other calls come between."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._of: dict[str, random.Random] = {}

    def random(self, operation: str) -> random.Random:
        return self._of.setdefault(operation, random.Random(f"{self._seed}/{operation}"))  # noqa: S311 not for secrets

    def next(self, operation: str, rules: Rules) -> Fault | None:
        chances = next((faults for pattern, faults in rules.items() if fnmatchcase(operation, pattern)), {})
        left = self.random(operation).random()
        for fault, chance in chances.items():
            if left < chance:
                return fault
            left -= chance
        return None


def server_error(request: wire.Message, _random: random.Random) -> wire.Message:
    operation = request.operation
    code = "InternalServerError" if operation.startswith("DynamoDB") else "InternalFailure"
    return _error(500, code, "An error made by the fault proxy.")


def garbled(answer: wire.Message, chooser: random.Random) -> wire.Message:
    """The page of a captive portal, its redirect, or the first half of `answer`."""
    page = b"<html><body>Sign in</body></html>"
    redirect = b"HTTP/1.1 302 -\r\nContent-Type: text/html\r\nLocation: http://portal.example/"
    return chooser.choice(
        [
            wire.Message(b"HTTP/1.1 200 -\r\nContent-Type: text/html", b"").with_body(page),
            wire.Message(redirect, b"").with_body(page),
            answer.with_body(answer.body[: len(answer.body) // 2]),
        ]
    )


def unsigned(_request: wire.Message, _random: random.Random) -> wire.Message:
    """The answer to a client with a wrong clock or with expired credentials."""
    return _error(400, "InvalidSignatureException", "Signature expired: made by the fault proxy.")


def throttled(request: wire.Message, chooser: random.Random) -> wire.Message:
    """For a transaction, half of the time as a cancellation reason."""
    operation = request.operation
    if operation.startswith("AmazonSQS"):
        code = "RequestThrottled"
        return _error(400, code, "Rate exceeded", x_amzn_query_error=f"{code};Sender")
    if operation == TRANSACTION and chooser.choice([True, False]):
        return _cancelled(request, chooser.choice(["ThrottlingError", "ProvisionedThroughputExceeded"]))
    single = operation.startswith("DynamoDB") and operation != TRANSACTION
    return _error(400, "ProvisionedThroughputExceededException" if single else "ThrottlingException", "Rate exceeded")


def unprocessed(request: wire.Message, _random: random.Random) -> wire.Message:
    """A throttled table's answer to BatchGetItem or BatchWriteItem."""
    if request.operation == BATCH_WRITE:
        return wire.answer(200, {"UnprocessedItems": request.json()["RequestItems"]})
    return wire.answer(200, {"Responses": {}, "UnprocessedKeys": request.json()["RequestItems"]})


def conflict(request: wire.Message, _random: random.Random) -> wire.Message:
    """The answer to a transaction or a single write while another transaction holds the row."""
    if request.operation != TRANSACTION:
        return _error(400, "TransactionConflictException", "Transaction is ongoing for the item")
    return _cancelled(request, "TransactionConflict")


def _cancelled(request: wire.Message, reason: str) -> wire.Message:
    reasons: list[dict[str, Any]] = [{"Code": "None"} for _ in request.json()["TransactItems"]]
    reasons[0] = {"Code": reason, "Message": "made by the fault proxy"}
    message = f"Transaction cancelled, please refer cancellation reasons for specific reasons [{reason}]"
    return _error(400, "TransactionCanceledException", message, CancellationReasons=reasons)


def _error(status: int, code: str, message: str, x_amzn_query_error: str = "", **members: Any) -> wire.Message:
    headers = {"x_amzn_query_error": x_amzn_query_error} if x_amzn_query_error else {}
    return wire.answer(status, {"__type": code, "message": message} | members, **headers)


# Answers to calls that never reach the service.
FORGED: dict[Fault | None, Callable[[wire.Message, random.Random], wire.Message]] = {
    Fault.SERVER_ERROR: server_error,
    Fault.THROTTLE: throttled,
    Fault.UNPROCESSED: unprocessed,
    Fault.UNSIGNED: unsigned,
    Fault.TRANSACTION_CONFLICT: conflict,
}


class Partial:
    """A batch call of which some entries never reach the service. PutEvents reports them by position, SQS by id."""

    def __init__(self, request: wire.Message, chooser: random.Random) -> None:
        self._request = request
        self._entries: list[dict[str, Any]] = request.json()["Entries"]
        count = chooser.randint(1, len(self._entries))
        self._refused = set(chooser.sample(range(len(self._entries)), count))
        self._code = chooser.choice(["ThrottlingException", "InternalFailure"])

    def rest(self) -> wire.Message | None:
        """The call without the refused entries; None if no entry is left."""
        kept = [entry for i, entry in enumerate(self._entries) if i not in self._refused]
        return self._request.with_json(self._request.json() | {"Entries": kept}) if kept else None

    def merged(self, real: wire.Message | None) -> wire.Message:
        """The service's answer to the rest, with the refusals added."""
        answered = real.json() if real else {}
        if self._request.operation != PUBLISH:
            failed = [{"Id": self._entries[i]["Id"], "Code": self._code, "SenderFault": False} for i in self._refused]
            value = {"Successful": answered.get("Successful", []), "Failed": answered.get("Failed", []) + failed}
        else:
            taken = iter(answered.get("Entries", []))
            refusal = {"ErrorCode": self._code, "ErrorMessage": "refused by the fault proxy"}
            entries = [refusal if i in self._refused else next(taken) for i in range(len(self._entries))]
            value = {"FailedEntryCount": sum("ErrorCode" in entry for entry in entries), "Entries": entries}
        return wire.answer(200, value)
