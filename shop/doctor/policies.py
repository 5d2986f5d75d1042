"""Whether the policy of a queue or topic lets a rule, topic or role send to it. AWS enforces that, emulators do not."""

from __future__ import annotations

import json
from typing import Any

# A role is admitted by a condition on its account, since SQS refuses a principal that does not exist yet.
_KEYS = {"iam": "aws:principalarn"}
_ACTIONS = {"sqs": "sqs:sendmessage", "sns": "sns:publish"}


def admits(policy: str | None, receiver: str, sender: str) -> bool:
    """`receiver` and `sender` are ARNs. A statement in a form that our templates do not use counts as no permission."""
    statements = json.loads(policy or "{}").get("Statement", [])
    return any(_permits(statement, receiver, sender) for statement in _as_list(statements))


def service(arn: str) -> str:
    """Such as "sqs". Empty if it is no ARN: a subscriber may be a mailbox."""
    return arn.split(":")[2] if arn.startswith("arn:") else ""


def _permits(statement: dict[str, Any], receiver: str, sender: str) -> bool:
    principal = statement.get("Principal")
    # IAM ignores the case of a condition's key.
    condition = {
        operator: {key.lower(): _as_list(values) for key, values in keys.items()}
        for operator, keys in (statement.get("Condition") or {}).items()
    }
    actions = [str(action).lower() for action in _as_list(statement.get("Action"))]
    return (
        statement.get("Effect") == "Allow"
        and isinstance(principal, dict)
        and _is_for(principal, sender)
        and _ACTIONS[service(receiver)] in actions
        and receiver in _as_list(statement.get("Resource"))
        and condition in ({}, {"ArnEquals": {_KEYS.get(service(sender), "aws:sourcearn"): [sender]}})
    )


def _is_for(principal: dict[str, Any], sender: str) -> bool:
    if service(sender) == "iam":
        return f"{sender.rpartition(':')[0]}:root" in _as_list(principal.get("AWS"))
    return f"{service(sender)}.amazonaws.com" in _as_list(principal.get("Service"))


def _as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
