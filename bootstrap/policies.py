"""Whether a queue's or a topic's policy lets a rule or a topic send: no emulator enforces that, AWS does."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

_ACTIONS = {"sqs": "sqs:sendmessage", "sns": "sns:publish"}


def admits(policy: str | None, receiver: str, sender: str) -> bool:
    """By ARNs. Understands statements as the templates write them; any other form is not taken for a permission."""
    statements = json.loads(policy or "{}").get("Statement", [])
    return any(_admits(statement, receiver, sender) for statement in _several(statements))


def _admits(statement: Mapping[str, Any], receiver: str, sender: str) -> bool:
    principal = statement.get("Principal")
    return (
        statement.get("Effect") == "Allow"
        and isinstance(principal, dict)
        and f"{service(sender)}.amazonaws.com" in _several(principal.get("Service"))
        and _ACTIONS[service(receiver)] in [str(action).lower() for action in _several(statement.get("Action"))]
        and receiver in _several(statement.get("Resource"))
        and _meets(statement.get("Condition") or {}, sender)
    )


def _meets(condition: Mapping[str, Any], sender: str) -> bool:
    return not condition or (set(condition) == {"ArnEquals"} and _source(condition["ArnEquals"]) == [sender])


def _source(wanted: Mapping[str, Any]) -> list[Any]:
    """The senders, if nothing else is asked for. IAM does not care about the case of a condition's key."""
    return _several(next(iter(wanted.values()))) if [*map(str.lower, wanted)] == ["aws:sourcearn"] else []


def _several(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def service(arn: str) -> str:
    """Whose it is, such as "sqs"; nobody's if it is no ARN: a subscriber may be a mailbox."""
    return arn.split(":")[2] if arn.startswith("arn:") else ""
